import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { HsmError } from '../../../src/errors.ts';
import { type Session, type SessionOptions, withSession } from '../../../src/pkcs11/index.ts';
import { NO_MEMORY, PLAIN_LOGIN } from '../../support/login.ts';
import { createShim, type Shim } from '../../support/shim.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';

const folders: string[] = [];
// Here and not where a folder is made: afterAll within a running test would never be called.
afterAll(() => {
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

/** A folder that is gone after the test file. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'coffer-pkcs11-'));
  folders.push(dir);
  return dir;
}

/** A token of the test file's own. */
export function freshToken(label?: string): SoftHsm {
  return createSoftHsm({ dir: temporaryFolder(), ...(label === undefined ? {} : { label }) });
}

/** The shim in front of the token, with a log of its own. */
export function shimmed(hsm: SoftHsm, ...faults: string[]): Shim {
  return createShim(hsm, join(temporaryFolder(), 'calls'), ...faults);
}

/** Options that open `hsm`, through `shim` where given; sets this process's environment for it. */
export function optionsFor(
  hsm: SoftHsm,
  shim: Shim | null = null,
  changes: Partial<SessionOptions> = {},
): SessionOptions {
  Object.assign(process.env, shim?.env ?? hsm.env);
  return {
    module: { lib: shim?.lib ?? hsm.lib, parameters: null },
    token: { ...ANY_TOKEN, label: hsm.label },
    readWrite: false,
    pin: async () => hsm.pin,
    ...PLAIN_LOGIN,
    pinMemory: NO_MEMORY,
    ...changes,
  };
}

/** A selector that every token matches. */
export const ANY_TOKEN = { slot: null, label: null, serial: null, manufacturer: null, model: null } as const;

/** Opens a read-write session on `hsm`. */
export function onToken<T>(hsm: SoftHsm, use: (session: Session) => T | Promise<T>): Promise<T> {
  return withSession(optionsFor(hsm, null, { readWrite: true }), async (session) => use(session));
}

/** What `promise` fails with; it must fail. */
export async function failure(promise: Promise<unknown>): Promise<HsmError> {
  return promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as HsmError,
  );
}

/** What must be there for the test to make sense. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there');
  return value;
}
