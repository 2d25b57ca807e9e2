import { constants } from 'node:os';
import { heededSignals } from '../heeded-signals.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `finish` when the process ends while the watch is on: on process.exit, an uncaught exception, SIGINT,
 * SIGTERM and SIGHUP, as far as these are not ignored. After a signal the process dies by that same signal, or exits with 128 + its number
 * where somebody else listens for it too. Returns the function that ends the watch.
 *
 * A signal that comes during a PKCS#11 call is acted on when the call returns: it blocks the thread.
 */
export function onProcessEnd(finish: () => void): () => void {
  const signals = heededSignals(SIGNALS);
  const stop = (): void => {
    process.off('exit', finish);
    for (const signal of signals) process.off(signal, die);
  };
  const die = (signal: NodeJS.Signals): void => {
    finish();
    stop();
    if (process.listenerCount(signal) === 0) {
      process.kill(process.pid, signal);
    } else {
      setImmediate(() => process.exit(128 + constants.signals[signal]));
    }
  };
  process.prependListener('exit', finish); // before whoever ends the process there
  for (const signal of signals) process.on(signal, die);
  return stop;
}
