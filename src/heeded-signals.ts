import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * Those of the signals that the caller of coffer does not have it ignore, as nohup does with SIGHUP and the shell of a script with SIGINT for
 * what it starts with "&" (sigaction(2), execve(2)). A listener for another one would end what is meant to go on, and the command of
 * `coffer run` would not ignore it any more, since the runtimes go back to the default when a listener is gone.
 *
 * Asked before each listener is set. Node.js ignores nothing that its caller ignores, so that the bundle on it heeds all of them.
 */
export function heededSignals<T extends NodeJS.Signals>(signals: readonly T[]): readonly T[] {
  const ignored = ignoredSignals();
  return signals.filter((signal) => (ignored & (1n << BigInt(constants.signals[signal] - 1))) === 0n);
}

/** The mask of proc_pid_status(5), a bit for each signal from 1 on; empty where there is no /proc. */
function ignoredSignals(): bigint {
  try {
    const [, mask = '0'] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    return BigInt(`0x${mask}`);
  } catch {
    return 0n;
  }
}
