import type { Config } from '../config/types.ts';
import { withSession } from '../pkcs11/index.ts';
import type { TokenDescription } from '../pkcs11/index.ts';
import { pkcs11Seal } from '../seal/index.ts';
import type { Pkcs11Seal } from '../seal/index.ts';
import type { Machine } from './machine.ts';

/** What every operation on a store is given. */
export interface Context {
  readonly config: Config;
  readonly machine: Machine;
  /** Asked at most once, and only when the token wants a login; null when there is no PIN to be had. */
  readonly pin: (token: TokenDescription) => Promise<string | null>;
  /** Log in even when the token says that few tries are left. */
  readonly forceLogin: boolean;
}

/** Opens a session on the configured token for as long as `use` runs. */
export async function withSeal<T>(context: Context, readWrite: boolean, use: (seal: Pkcs11Seal) => Promise<T>): Promise<T> {
  const { seal } = context.config;
  const options = {
    lib: seal.lib,
    token: seal.token,
    readWrite: readWrite || seal.forceRwSession,
    pin: context.pin,
    forceLogin: context.forceLogin,
  };
  return withSession(options, (session) => use(pkcs11Seal(seal, session)));
}
