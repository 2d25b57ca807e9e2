import type { Config, Pkcs11SealConfig } from '../config/types.ts';
import { type ModuleOptions, type Session, type TokenDescription, withSession } from '../pkcs11/index.ts';
import { pkcs11Seal, type Pkcs11Seal, type SealOptions } from '../seal/index.ts';
import type { Hint } from '../errors.ts';
import type { Machine } from './machine.ts';
import { pinMemory } from './pin-memory.ts';

/** What every operation on a store is given. */
export interface Context {
  readonly config: Config;
  /** Asked anew in each transaction: a lease may end while a command runs. */
  readonly machine: () => Machine;
  /** Asked at most once, and only when the token wants a login; null when there is no PIN to be had. */
  readonly pin: (token: TokenDescription) => Promise<string | null>;
  /** Told before a login where the token has a PIN pad of its own. */
  readonly pinPad: (token: TokenDescription) => void;
  /** Told, once, what an operator should know of the store beside the answer. */
  readonly note: (text: Hint) => void;
  /** Log in even when the token says that few tries are left. */
  readonly forceLogin: boolean;
  /** Send a PIN even when the token refused it before. */
  readonly retryPin: boolean;
  /** Told when a login begins, and when it has succeeded. */
  readonly onLogin: (stage: 'begins' | 'done') => void;
  /** Where coffer keeps what the next command has to know (mode 0700), or null. */
  readonly state: string | null;
}

/**
 * Opens a session on the configured token for as long as `use` runs.
 * @param readWrite 'wanted' to create keys, perhaps
 */
export async function withSeal<T>(
  context: Context,
  readWrite: false | 'wanted',
  use: (seal: Pkcs11Seal, session: Session) => Promise<T>,
  sealOptions: Pick<SealOptions, 'acceptsNoMac'> = {},
): Promise<T> {
  const { seal } = context.config;
  const options = {
    module: moduleOptions(seal),
    token: seal.token,
    readWrite: seal.forceRwSession ? true : readWrite || (seal.anchor === 'off' ? false : 'wanted'),
    pin: context.pin,
    pinPad: context.pinPad,
    forceLogin: context.forceLogin,
    retryPin: context.retryPin,
    pinMemory: pinMemory(context.state),
    onLogin: context.onLogin,
    note: context.note,
  };
  return withSession(options, (session) => use(pkcs11Seal(seal, session, sealOptions), session));
}

export function moduleOptions({ lib, libraryParameters, timeout }: Pkcs11SealConfig): ModuleOptions {
  return { lib, parameters: libraryParameters, timeout };
}
