import { CKR } from './constants.ts';
import { isReturnValue } from './errors.ts';
import type { Module } from './module.ts';

/** An open session handle and the module it belongs to; what the operations need. */
export interface OpenSession {
  readonly module: Module;
  /** Of the session in use: another one after `renew`, so it is read anew for each call. */
  readonly handle: Buffer;
  /** Puts a new session in the place of this one, whose login it shares. */
  renew(): void;
}

/**
 * Begins an operation. PKCS#11 v2.40 section 5.2 ends one when it fails, but some modules (tpm2-pkcs11 1.9) keep it, and
 * answer CKR_OPERATION_ACTIVE to whatever comes next in that session. Nothing but closing it ends the operation then.
 */
export function begin<T>(session: OpenSession, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!isReturnValue(error, CKR.OPERATION_ACTIVE)) throw error;
    try {
      session.renew();
    } catch {
      throw error;
    }
    return run();
  }
}
