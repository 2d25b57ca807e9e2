import { heededSignals } from '../heeded-signals.ts';

const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Has `last` called where a signal is about to end the process, before anybody else hears of it. The process still ends by it.
 * @returns the function that ends this
 */
export function beforeEnding(last: () => void): () => void {
  const end = (signal: NodeJS.Signals): void => {
    stop();
    last();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const endings = heededSignals(ENDINGS);
  const stop = (): void => {
    for (const signal of endings) process.removeListener(signal, end);
  };
  for (const signal of endings) process.prependListener(signal, end);
  return stop;
}
