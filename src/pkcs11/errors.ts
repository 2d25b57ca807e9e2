import { type Hint, HsmError } from '../errors.ts';
import { CKR, hexNumber, returnValueName } from './constants.ts';
import { remedyFor } from './remedies.ts';

/**
 * A C_ function returned something other than CKR_OK. `code` is `ckr_device_error` and the like (a vendor's own:
 * `ckr_0x80000123`), or a name from remedies.ts.
 */
export class CryptokiError extends HsmError {
  /** The C_ function. */
  readonly operation: string;
  /** The CK_RV. */
  readonly rv: number;

  /** `subject` says with what, in parentheses after the function: the mechanism, the key. `hint` where more is known than function and value. */
  constructor(operation: string, rv: number, subject: string | null = null, cause?: unknown, hint: Hint | null = null) {
    const name = returnValueName(rv);
    const remedy = remedyFor(operation, rv);
    const what = subject === null ? operation : `${operation} (${subject})`;
    super(
      remedy?.code ?? `ckr_${(name?.slice('CKR_'.length) ?? hexNumber(rv)).toLowerCase()}`,
      name === null ? `${what} failed: vendor error ${hexNumber(rv)}` : `${what} failed: ${name} (${hexNumber(rv)})`,
      { hint: hint ?? remedy?.hint ?? `look up ${name ?? hexNumber(rv)} in the documentation of the HSM`, cause },
    );
    this.operation = operation;
    this.rv = rv;
  }
}

/** Whether `error` is a CryptokiError with one of these CK_RV values. */
export function isReturnValue(error: unknown, ...values: readonly number[]): error is CryptokiError {
  return error instanceof CryptokiError && values.includes(error.rv);
}

/**
 * Whether a token says that it does not tell an attribute. Yubico's module 2.7.2 and later answers CKR_FUNCTION_FAILED for the
 * CKA_KEY_TYPE of an HMAC key, and other modules have no better word for it than CKR_GENERAL_ERROR.
 */
export function isNotTold(error: unknown): error is CryptokiError {
  return (
    isWithoutReason(error) ||
    isReturnValue(error, CKR.ATTRIBUTE_SENSITIVE, CKR.ATTRIBUTE_TYPE_INVALID, CKR.ATTRIBUTE_VALUE_INVALID) ||
    isReturnValue(error, CKR.BUFFER_TOO_SMALL) // for the length that it gave before
  );
}

/** Whether a module only says that it failed. */
export function isWithoutReason(error: unknown): error is CryptokiError {
  return isReturnValue(error, CKR.FUNCTION_FAILED, CKR.FUNCTION_NOT_SUPPORTED, CKR.GENERAL_ERROR);
}

/** Whether C_Verify or C_VerifyFinal says that the signature is another one. */
export function isSignatureInvalid(error: unknown): boolean {
  return isReturnValue(error, CKR.SIGNATURE_INVALID, CKR.SIGNATURE_LEN_RANGE);
}

/**
 * Whether a failed `Session.decrypt` says that the ciphertext is wrong, rather than that the HSM is broken.
 *
 * PKCS#11 v2.40 section 5.9 has CKR_ENCRYPTED_DATA_INVALID and _LEN_RANGE for it. SoftHSM up to 2.6.1 returns
 * CKR_GENERAL_ERROR for a bad GCM tag and for bad CBC padding (SoftHSMv2 issue 689), and other modules say
 * CKR_FUNCTION_FAILED or use the CKR_DATA_ values, so these count too; but only from C_Decrypt: there
 * C_DecryptInit has just accepted the session, the key and the mechanism. A caller that has an HMAC checks it
 * first; when it was right, a CKR_GENERAL_ERROR that follows is the HSM's own.
 */
export function isCiphertextInvalid(error: unknown): error is CryptokiError {
  return error instanceof CryptokiError && error.operation === 'C_Decrypt' && CIPHERTEXT_INVALID.has(error.rv);
}

/**
 * Whether a failed `Session.decrypt` may be the ciphertext's fault. Modules answer altered ciphertext with anything:
 * CKR_DEVICE_ERROR (NSS, Luna), a value of the vendor's own. What is clearly about login, session, key, token or this machine
 * is not; for all else only a known-good operation with the same key tells whether the HSM or the data is to blame.
 */
export function isCiphertextSuspect(error: unknown): error is CryptokiError {
  return error instanceof CryptokiError && error.operation === 'C_Decrypt' && !NOT_THE_CIPHERTEXT.has(error.rv);
}

const NOT_THE_CIPHERTEXT: ReadonlySet<number> = new Set([
  CKR.ACTION_PROHIBITED,
  CKR.CANCEL,
  CKR.CRYPTOKI_NOT_INITIALIZED,
  CKR.DEVICE_MEMORY,
  CKR.DEVICE_REMOVED,
  CKR.FIPS_SELF_TEST_FAILED,
  CKR.FUNCTION_CANCELED,
  CKR.FUNCTION_NOT_SUPPORTED,
  CKR.FUNCTION_REJECTED,
  CKR.HOST_MEMORY,
  CKR.KEY_CHANGED,
  CKR.KEY_EXHAUSTED,
  CKR.KEY_FUNCTION_NOT_PERMITTED,
  CKR.KEY_HANDLE_INVALID,
  CKR.KEY_NEEDED,
  CKR.KEY_SIZE_RANGE,
  CKR.KEY_TYPE_INCONSISTENT,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.OPERATION_ACTIVE,
  CKR.OPERATION_NOT_INITIALIZED,
  CKR.OPERATION_NOT_VALIDATED,
  CKR.PENDING,
  CKR.PIN_EXPIRED,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID,
  CKR.TOKEN_NOT_PRESENT,
  CKR.TOKEN_NOT_RECOGNIZED,
  CKR.TOKEN_RESOURCE_EXCEEDED,
  CKR.USER_NOT_LOGGED_IN,
]);

const CIPHERTEXT_INVALID: ReadonlySet<number> = new Set([
  CKR.AEAD_DECRYPT_FAILED,
  CKR.ENCRYPTED_DATA_INVALID,
  CKR.ENCRYPTED_DATA_LEN_RANGE,
  CKR.DATA_INVALID,
  CKR.DATA_LEN_RANGE,
  CKR.FUNCTION_FAILED,
  CKR.GENERAL_ERROR,
]);

/**
 * Reads the CK_RV out of what pkcs11js throws, or null where it is no PKCS#11 error. pkcs11js has two shapes:
 * Pkcs11Error with a numeric `code`, and from functions that it leaves unwrapped (C_FindObjects, load) a plain
 * Error "CKR_NAME:number".
 */
export function returnValueOf(thrown: unknown): number | null {
  if (!(thrown instanceof Error)) {
    return null;
  }
  if ('code' in thrown && typeof thrown.code === 'number' && thrown.message.startsWith('CKR_')) {
    return thrown.code;
  }
  const digits = /^CKR_\w+:(\d+)/.exec(thrown.message)?.[1];
  return digits === undefined ? null : Number(digits);
}
