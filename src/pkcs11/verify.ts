import { timingSafeEqual } from 'node:crypto';
import { zero } from '../bytes.ts';
import { CKR } from './constants.ts';
import { isReturnValue, isSignatureInvalid } from './errors.ts';
import { isInputTooLong, signInParts, verifyInParts } from './long-input.ts';
import { input, type Operation, start, type Steps, type Work } from './operation.ts';
import { sign } from './operations.ts';

const VERIFY: Work = {
  name: 'C_Verify',
  init: 'C_VerifyInit',
  inForeground: (api, ...given) => verdict(api.C_Verify(...given)),
  inBackground: async (api, ...given) => verdict(await api.C_VerifyAsync(...given)),
};

/**
 * False for CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE. Input that is too long for the module goes there in parts.
 * A secret key that may sign but not verify signs, and the two are compared here; so it is where C_Verify gives no reason:
 * NSS softokn 3.87 says CKR_DEVICE_ERROR for an HMAC that does not match.
 */
export function* verify(operation: Operation, signature: Uint8Array): Steps<boolean> {
  const mayCompare = operation.key.class === 'secret';
  try {
    start(operation, VERIFY.init);
  } catch (error) {
    if (mayCompare && isReturnValue(error, CKR.KEY_FUNCTION_NOT_PERMITTED, CKR.FUNCTION_NOT_SUPPORTED))
      return yield* signAndCompare(operation, signature);
    throw error;
  }
  try {
    return verdict(true).equals(yield { work: VERIFY, other: input(signature) });
  } catch (error) {
    if (isSignatureInvalid(error)) return false;
    if (isInputTooLong(error)) return verifyInParts(operation, signature);
    if (!mayCompare || !isWithoutReason(error)) throw error;
    try {
      return yield* signAndCompare(operation, signature);
    } catch {
      throw error; // the HSM has a problem, and said so first
    }
  }
}

function* signAndCompare(operation: Operation, signature: Uint8Array): Steps<boolean> {
  const right = yield* signWhole(operation);
  try {
    return right.length === signature.length && timingSafeEqual(right, signature);
  } finally {
    zero(right);
  }
}

function* signWhole(operation: Operation): Steps<Uint8Array> {
  try {
    return yield* sign(operation);
  } catch (error) {
    if (!isInputTooLong(error)) throw error;
    return signInParts(operation);
  }
}

/** Whether a failure may be anything, a wrong signature too. */
function isWithoutReason(error: unknown): boolean {
  return isReturnValue(error, CKR.DEVICE_ERROR, CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED);
}

/** The answer of a step is bytes. */
function verdict(isRight: boolean): Buffer {
  return Buffer.of(isRight ? 1 : 0);
}
