import { spawn } from 'node-pty';
import type { Stand } from './store.ts';

/** A shell line on a terminal of its own, 100 columns wide, with somebody at the keyboard. */
export interface Typist {
  /** Everything that the terminal got, escape sequences and all. */
  readonly screen: () => string;
  /** Waits until the terminal shows it. Rejects with the screen after a minute, or when the line ends without. */
  shows(what: string | RegExp | ((screen: string) => boolean)): Promise<void>;
  type(keys: string): void;
  /** Sends a signal to the line's process. */
  kill(signal: NodeJS.Signals): void;
  /** The exit status, or 128 and the number of the signal, when the line has ended. Kills it after a minute. */
  readonly ends: Promise<number>;
}

/** In milliseconds: ends what hangs, and is no measure of how long something may take. */
const PATIENCE = 60_000;

export const KEYS = { enter: '\r', ctrlC: '\x03', ctrlD: '\x04', backspace: '\x7f' } as const;

export function atTerminal(
  stand: Pick<Stand, 'dir' | 'env'>,
  line: string,
  env: Readonly<Record<string, string>> = {},
): Typist {
  let screen = '';
  let ended = false;
  const watchers = new Set<() => void>();
  const wake = (): void => {
    for (const watcher of watchers) watcher();
  };
  const pty = spawn('/bin/sh', ['-c', line], {
    cwd: stand.dir,
    env: { ...stand.env, TERM: 'xterm-256color', ...env },
    cols: 100,
    rows: 40,
  });
  pty.onData((data) => {
    screen += data;
    wake();
  });
  const ends = new Promise<number>((resolve) => {
    const impatient = setTimeout(() => pty.kill('SIGKILL'), PATIENCE);
    pty.onExit(({ exitCode, signal }) => {
      clearTimeout(impatient);
      // What was written last may still be on its way.
      setTimeout(() => {
        ended = true;
        wake();
        resolve(signal === undefined || signal === 0 ? exitCode : 128 + signal);
      }, 50);
    });
  });
  return {
    screen: () => screen,
    ends,
    type: (keys) => pty.write(keys),
    kill: (signal) => pty.kill(signal),
    shows: (what) =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          watchers.delete(look);
          clearTimeout(impatient);
        };
        const look = (): void => {
          const there =
            typeof what === 'function'
              ? what(screen)
              : typeof what === 'string'
                ? screen.includes(what)
                : what.test(screen);
          if (there || ended) stop();
          if (there) resolve();
          else if (ended) reject(new Error(`it ended without ${String(what)}:\n${screen}`));
        };
        const impatient = setTimeout(() => {
          stop();
          reject(new Error(`it never showed ${String(what)}:\n${screen}`));
        }, PATIENCE);
        watchers.add(look);
        look();
      }),
  };
}

/** The text without escape sequences. */
export function plain(screen: string): string {
  return screen.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][AB0]|\x1b[=>78]/g, '').replaceAll('\r\n', '\n');
}
