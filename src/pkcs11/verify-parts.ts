import { CryptokiError, isSignatureInvalid } from './errors.ts';
import { about, input, type Operation, start } from './operation.ts';

/*
 * Only records of version 1 have an HMAC over more than a few bytes. One that a module without a limit made, or one that has it only
 * since an update, must still open: this is all that is left of long input.
 */

/** What a module that limits its input surely takes at once. */
const PART_BYTES = 256;

export function isLong({ data }: Operation): boolean {
  return data.length > PART_BYTES;
}

/** Null where the module does not do that. All calls here block. */
export function verifyInParts(operation: Operation, signature: Uint8Array): boolean | null {
  const { session, data } = operation;
  const { module } = session;
  try {
    start(operation, 'C_VerifyInit');
    const { handle } = session; // it may be another since
    for (let at = 0; at < data.length; at += PART_BYTES) {
      const part = input(data.subarray(at, at + PART_BYTES));
      module.call('C_VerifyUpdate', (api) => api.C_VerifyUpdate(handle, part), about(operation));
    }
    return module.call('C_VerifyFinal', (api) => api.C_VerifyFinal(handle, input(signature)), about(operation));
  } catch (error) {
    if (isSignatureInvalid(error)) return false;
    if (error instanceof CryptokiError) return null;
    throw error;
  }
}
