import type { PKCS11 } from 'pkcs11js';
import type { Guard } from '../native/guard.ts';

/** Where the configuration says nothing. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** Somebody has to find the PIN pad, and type. */
const PIN_PAD_MS = 300_000;

/** Each may rightly take minutes; ended half way, C_InitToken could leave a token that is of no use. */
const WITHOUT_LIMIT: readonly string[] = ['C_GenerateKey', 'C_GenerateKeyPair', 'C_InitToken'];

/** Where an empty PIN means that it is entered at the token itself; the position of the PIN among the arguments. */
const PIN_ARGUMENT: Readonly<Record<string, number>> = { C_Login: 2, C_InitPIN: 1 };

const ASYNC = 'Async';
/** libuv's default. */
const POOL_THREADS = 4;

/**
 * The module's functions, each under guard: the one place where coffer's code and the module's meet.
 * @param timeout milliseconds that one call may take
 */
export function guarded(api: PKCS11, guard: Guard, timeout: number): PKCS11 {
  const made = new Map<string | symbol, unknown>();
  return new Proxy(api, {
    get(target, name): unknown {
      const known = made.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name !== 'string') return value;
      const call = (args: unknown[]): unknown => Reflect.apply(value, target, args);
      const wrapped = !name.startsWith('C_')
        ? (...args: unknown[]) => call(args)
        : name.endsWith(ASYNC)
          ? inBackground(call, guard, name.slice(0, -ASYNC.length), timeout)
          : inThisThread(call, guard, name, timeout);
      made.set(name, wrapped);
      return wrapped;
    },
  });
}

function inThisThread(
  call: (args: unknown[]) => unknown,
  guard: Guard,
  name: string,
  timeout: number,
): (...args: unknown[]) => unknown {
  const limit = WITHOUT_LIMIT.includes(name) ? 0 : timeout;
  const pin = PIN_ARGUMENT[name];
  return (...args) => {
    guard.enter(name, pin !== undefined && args[pin] === '' ? Math.max(limit, PIN_PAD_MS) : limit);
    try {
      return call(args);
    } finally {
      guard.leave();
    }
  };
}

let running = 0;

/** A call may have to wait for a thread of the pool while others have theirs, which is not the module's fault. */
function inBackground(
  call: (args: unknown[]) => unknown,
  guard: Guard,
  name: string,
  timeout: number,
): (...args: unknown[]) => Promise<unknown> {
  return async (...args) => {
    running++;
    const number = guard.enterBackground(name, timeout * Math.ceil(running / poolThreads()));
    try {
      return await call(args);
    } finally {
      guard.leaveBackground(number);
      running--;
    }
  };
}

function poolThreads(): number {
  const given = Number(process.env['UV_THREADPOOL_SIZE']);
  return given >= 1 ? given : POOL_THREADS;
}
