import { CKR } from './constants.ts';
import { isReturnValue, isSignatureInvalid } from './errors.ts';
import { MOST_RSA_BYTES } from './mechanism.ts';
import { about, input, type Operation, start } from './operation.ts';

/** Messages for modules that limit what C_Sign and C_Verify take. All calls here block. */

/** What a module that limits its input surely takes at once. */
const PART_BYTES = 256;

/**
 * Whether a module said that it does not take so much at once. With more room for the output than any mechanism needs,
 * CKR_BUFFER_TOO_SMALL is about the input, too (tpm2-pkcs11 1.9).
 */
export function isInputTooLong(error: unknown): boolean {
  return isReturnValue(error, CKR.DATA_LEN_RANGE, CKR.HOST_MEMORY, CKR.DEVICE_MEMORY, CKR.BUFFER_TOO_SMALL);
}

/** @throws CryptokiError */
export function verifyInParts(operation: Operation, signature: Uint8Array): boolean {
  start(operation, 'C_VerifyInit');
  const { module, handle } = operation.session;
  for (const part of parts(operation))
    module.call('C_VerifyUpdate', (api) => api.C_VerifyUpdate(handle, part), about(operation));
  try {
    return module.call('C_VerifyFinal', (api) => api.C_VerifyFinal(handle, input(signature)), about(operation));
  } catch (error) {
    if (isSignatureInvalid(error)) return false;
    throw error;
  }
}

/** @throws CryptokiError */
export function signInParts(operation: Operation): Uint8Array {
  start(operation, 'C_SignInit');
  const { module, handle } = operation.session;
  for (const part of parts(operation))
    module.call('C_SignUpdate', (api) => api.C_SignUpdate(handle, part), about(operation));
  const out = Buffer.alloc(MOST_RSA_BYTES);
  return new Uint8Array(module.call('C_SignFinal', (api) => api.C_SignFinal(handle, out), about(operation)));
}

function parts({ data }: Operation): Buffer[] {
  const count = Math.ceil(data.length / PART_BYTES);
  return Array.from({ length: count }, (_, at) => input(data.subarray(at * PART_BYTES, (at + 1) * PART_BYTES)));
}
