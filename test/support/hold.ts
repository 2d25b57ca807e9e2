import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome, RunOptions, Stand } from './store.ts';

/** A command that stands still in a call of the module. */
export interface Held {
  /** Whether it came to its end without that call. */
  readonly isOver: boolean;
  /** Lets it go on, and waits until it stands still in the next of its places, if there is one. */
  next(): Promise<void>;
  /** Lets it go on to its end. */
  end(): Promise<Outcome>;
  /** Sends a signal to it where it stands. */
  kill(signal: NodeJS.Signals): void;
  /** When it has ended by itself or by a signal. */
  readonly outcome: Promise<Outcome>;
}

let holds = 0;

/**
 * Starts a command and waits until it stands still in the first of these calls: `C_Sign:3` is the third of the process. So a
 * test chooses the moment by what the command does, and not by a clock.
 * @param stand one with the shim
 */
export async function hold(
  stand: Stand,
  args: readonly string[],
  calls: readonly string[],
  options: RunOptions = {},
): Promise<Held> {
  const folder = `hold-${String(holds++)}`;
  stand.write(join(folder, 'begun'), '');
  const faults = calls.map((call, at) => `hold:${call}:${join(stand.dir, folder, String(at))}`);
  const others = options.env?.['COFFER_SHIM_FAULT'];
  const all = [...(others === undefined ? [] : [others]), ...faults].join(',');
  const running = stand.start(args, { ...options, env: { ...options.env, COFFER_SHIM_FAULT: all } });
  let isOver = false;
  void running.outcome.then(() => (isOver = true));
  let at = 0;
  const reached = async (): Promise<void> => {
    while (!isOver && !existsSync(join(stand.dir, folder, `${at}.held`)))
      await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await reached();
  const release = (): void => void stand.write(join(folder, String(at++)), '');
  return {
    isOver,
    async next() {
      release();
      await reached();
    },
    async end() {
      release();
      return running.outcome;
    },
    kill: (signal) => running.kill(signal),
    outcome: running.outcome,
  };
}
