import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { ownToken, type Outcome, type Stand } from './store.ts';

/** What test/shim/misbehave.c can do, by what a command has to say of it. */
export const CRASHES = {
  segv: 'crashed (SIGSEGV)',
  'null-call': 'crashed (SIGSEGV)',
  overflow: 'crashed (SIGSEGV)',
  bus: 'crashed (SIGBUS)',
  abort: 'aborted (SIGABRT)',
  ill: 'crashed (SIGILL)',
  fpe: 'crashed (SIGFPE)',
  trap: 'crashed (SIGTRAP)',
  'exit-0': 'called exit()',
  'exit-1': 'called exit()',
  _exit: 'called _exit()',
  quick_exit: 'called quick_exit()',
  'exit-handler-_exit': 'called _exit()',
} as const;

/** The watchdog ends these. */
export const HANGS = ['hang', 'spin', 'hang-blocked', 'exit-handler-hang'] as const;

/** A thread that ends itself is unwound by what stands above it, which may end the process first. */
export const PTHREAD_EXIT = /called pthread_exit\(\)|aborted \(SIGABRT\)/;

/** What does not keep a command from its work. */
export const HARMLESS = ['print', 'fork', 'fork-crash', 'handler-_exit', 'handler-hang', 'handler-segv'] as const;

/** In seconds, for hangs: longer than any call that works, on a slow machine too. */
export const PATIENCE = 3;

export interface Misdeed {
  /** A C_ function, "constructor" or "destructor". */
  readonly place: string;
  readonly kind: string;
  /** Which call of the function. */
  readonly call?: number;
}

let tokens = 0;

/** Runs a command with a copy of the token, since a process that ends in a login can take SoftHSM's with it. */
export async function runMisbehaving(
  stand: Stand,
  args: readonly string[],
  { place, kind, call }: Misdeed,
  more: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  const fault = `misbehave:${place}:${kind}${call === undefined ? '' : `:${call}`}`;
  const isSlow = HANGS.some((hang) => kind.endsWith(hang));
  const token = ownToken(stand, `misdeed-${tokens++}`);
  const env = {
    ...token,
    COFFER_SHIM_FAULT: fault,
    COFFER_SHIM_LOG: '/dev/null',
    ...(isSlow ? { COFFER_HSM_TIMEOUT: `${PATIENCE}s` } : {}),
    ...more.env,
  };
  try {
    return await stand.start(args, { ...more, env }).outcome;
  } finally {
    rmSync(dirname(token.SOFTHSM2_CONF), { recursive: true, force: true });
  }
}

/** Runs all, so many at a time, and to the end even where one fails. */
export async function sideBySide<T>(tasks: readonly (() => Promise<T>)[], lanes = 4): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let task = tasks[next]; task !== undefined; task = tasks[next]) {
      const at = next++;
      results[at] = await task();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}
