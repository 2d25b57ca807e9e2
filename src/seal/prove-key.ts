import { randomFillSync } from 'node:crypto';
import { KEY_BYTES } from '../aead.ts';
import type { Pkcs11SealConfig } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import { CKR, type GeneratedKey, isReturnValue, type Session, wrongKey } from '../pkcs11/index.ts';
import { methodsToTry } from './method.ts';
import { opensHere, wrapHere } from './wrapping.ts';

/**
 * Has a wrapping key that was just made open what is wrapped for it, by the first method that the token does with it.
 * @throws HsmError `hsm_wrong_answer` where there is none
 */
export function proveWrapping(config: Pkcs11SealConfig, session: Session, key: GeneratedKey): void {
  const secret = randomFillSync(new Uint8Array(KEY_BYTES));
  let first: HsmError | null = null;
  for (const method of methodsToTry(config, key)) {
    const failure = failureOf(() => opensHere(session, key, method, wrapHere(session, key, method, secret), secret));
    if (failure === null) return;
    first ??= failure;
  }
  throw wrongKey(key, `it does not open what is wrapped with it${first === null ? '' : `: ${first.message}`}`, first);
}

/** What a key fails with that is tried; null where `works` is true. @throws HsmError for what is not about the key */
export function failureOf(works: () => boolean): HsmError | null {
  try {
    return works() ? null : new HsmError('hsm_wrong_answer', 'what it opens is something else');
  } catch (error) {
    if (!(error instanceof HsmError) || isElsewhere(error)) throw error;
    return error;
  }
}

/** Whether a failure is about the token, the session or this machine, so that it says nothing of a key. */
function isElsewhere(error: unknown): boolean {
  return isReturnValue(
    error,
    CKR.CANCEL,
    CKR.CRYPTOKI_NOT_INITIALIZED,
    CKR.DEVICE_ERROR,
    CKR.DEVICE_MEMORY,
    CKR.DEVICE_REMOVED,
    CKR.FUNCTION_CANCELED,
    CKR.HOST_MEMORY,
    CKR.SESSION_CLOSED,
    CKR.SESSION_HANDLE_INVALID,
    CKR.TOKEN_NOT_PRESENT,
    CKR.TOKEN_RESOURCE_EXCEEDED,
    CKR.USER_NOT_LOGGED_IN,
  );
}
