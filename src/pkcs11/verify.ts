import { timingSafeEqual } from 'node:crypto';
import { zero } from '../bytes.ts';
import { CKR } from './constants.ts';
import { CryptokiError, isReturnValue, isSignatureInvalid } from './errors.ts';
import { input, type Operation, start, type Steps, type Work } from './operation.ts';
import { sign } from './operations.ts';
import { isLong, verifyInParts } from './verify-parts.ts';

const VERIFY: Work = {
  name: 'C_Verify',
  init: 'C_VerifyInit',
  inForeground: (api, ...given) => verdict(api.C_Verify(...given)),
  inBackground: async (api, ...given) => verdict(await api.C_VerifyAsync(...given)),
};

/**
 * False for CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE. These are the module's answer to the question (PKCS#11 v2.40 section
 * 5.12), and nothing else is asked after them: a second answer could only agree, or hide that the module contradicts itself.
 *
 * Whatever else a module says, it did not compare. With a secret key coffer then has the right signature made and compares it
 * here: YubiHSM 2 takes fewer bytes in C_Verify than in C_Sign, a key may sign and not verify, a module may lack C_Verify, and NSS softokn
 * 3.87 says CKR_DEVICE_ERROR for an HMAC that does not match.
 */
export function* verify(operation: Operation, signature: Uint8Array): Steps<boolean> {
  try {
    start(operation, VERIFY.init);
    return verdict(true).equals(yield { work: VERIFY, other: input(signature) });
  } catch (error) {
    if (isSignatureInvalid(error)) return false;
    if (operation.key.class !== 'secret' || isReturnValue(error, ...ENDS_ALL)) throw error;
    const isRight = yield* verifyOtherwise(operation, signature);
    if (isRight === null) throw error; // what the module said first says most
    return isRight;
  }
}

/**
 * What no other call with this session and key can get round: it is about login, session, key, token or this process, or the
 * operator cancelled.
 */
const ENDS_ALL: readonly number[] = [
  CKR.CANCEL,
  CKR.CRYPTOKI_NOT_INITIALIZED,
  CKR.DEVICE_REMOVED,
  CKR.FIPS_SELF_TEST_FAILED,
  CKR.FUNCTION_CANCELED,
  CKR.KEY_CHANGED,
  CKR.KEY_EXHAUSTED,
  CKR.KEY_HANDLE_INVALID,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.PIN_EXPIRED,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID,
  CKR.TOKEN_NOT_PRESENT,
  CKR.TOKEN_NOT_RECOGNIZED,
  CKR.USER_NOT_LOGGED_IN,
];

/** Null where the module does not do that either. */
function* verifyOtherwise(operation: Operation, signature: Uint8Array): Steps<boolean | null> {
  try {
    return yield* signAndCompare(operation, signature);
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    return isLong(operation) ? verifyInParts(operation, signature) : null;
  }
}

function* signAndCompare(operation: Operation, signature: Uint8Array): Steps<boolean> {
  const right = yield* sign(operation);
  try {
    return right.length === signature.length && timingSafeEqual(right, signature);
  } finally {
    zero(right);
  }
}

/** The answer of a step is bytes. */
function verdict(isRight: boolean): Buffer {
  return Buffer.of(isRight ? 1 : 0);
}
