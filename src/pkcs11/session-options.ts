import type { TokenSelector } from '../config/types.ts';
import type { ModuleOptions, TokenDescription } from './types.ts';

/** Whose PIN it is: the normal user's or the security officer's. */
export type TokenUser = 'user' | 'so';

export interface Refusals {
  /** One PIN in about a thousand is taken for one that it is not. */
  includes(pin: string): boolean;
}

/** Which PINs a token refused since its last login, so that none is sent again. Nothing here throws. */
export interface PinMemory {
  /** Null where nothing is remembered. */
  recall(token: TokenDescription, user: TokenUser): Refusals | null;
  /** Whether a refusal could be remembered now. */
  canRemember(token: TokenDescription, user: TokenUser): boolean;
  /** @returns why it was not possible; null where it was */
  remember(token: TokenDescription, user: TokenUser, pin: string): string | null;
  forget(token: TokenDescription, user: TokenUser): void;
}

/** How a login is made, and who is told of it. */
export interface LoginOptions {
  /** Asked once, after the token was found and only if it wants a login. Null means that no source gave a PIN. */
  readonly pin: (token: TokenDescription) => Promise<string | null>;
  /** Told before C_Login where the token has a PIN pad of its own, so that somebody can go there. */
  readonly pinPad: (token: TokenDescription) => void;
  /** Log in even when the token says that this is the final try, or that the count is low and nothing can be remembered. */
  readonly forceLogin: boolean;
  /** Send a PIN even when the token refused it before. */
  readonly retryPin: boolean;
  readonly pinMemory: PinMemory;
  /** Told when C_Login begins, and again when it has let us in. In between nobody knows whether a try was spent. */
  readonly onLogin: (stage: 'begins' | 'done') => void;
  /** A remark for the operator. */
  readonly note: (text: string) => void;
}

export interface SessionOptions extends LoginOptions {
  readonly module: ModuleOptions;
  readonly token: TokenSelector;
  /**
   * Read-write session (needed to create token objects). 'wanted' makes do with a read-only one where the token is
   * write-protected.
   */
  readonly readWrite: boolean | 'wanted';
}
