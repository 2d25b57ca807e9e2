import { CKR } from './constants.ts';
import { isReturnValue } from './errors.ts';
import { requireGcmIv } from './gcm.ts';
import { MOST_RSA_BYTES } from './mechanism.ts';
import type { OpenSession } from './open.ts';
import { type Operation, start, type Steps, type Work } from './operation.ts';

/** Room beyond the input for what a mechanism adds: a block of padding, a GCM tag, an IV that the module appends, or a whole RSA modulus. */
const GROWTH_BYTES = MOST_RSA_BYTES;
/** How often a buffer is made four times larger for a module that wants more. */
const MOST_GROWTHS = 4;

const ENCRYPT: Work = {
  name: 'C_Encrypt',
  init: 'C_EncryptInit',
  inForeground: (api, ...given) => api.C_Encrypt(...given),
  inBackground: (api, ...given) => api.C_EncryptAsync(...given),
};
const DECRYPT: Work = {
  name: 'C_Decrypt',
  init: 'C_DecryptInit',
  inForeground: (api, ...given) => api.C_Decrypt(...given),
  inBackground: (api, ...given) => api.C_DecryptAsync(...given),
};
const SIGN: Work = {
  name: 'C_Sign',
  init: 'C_SignInit',
  inForeground: (api, ...given) => api.C_Sign(...given),
  inBackground: (api, ...given) => api.C_SignAsync(...given),
};

/** One part; the result is as long as the module made it. */
export function* encrypt(operation: Operation): Steps<Uint8Array> {
  const output = yield* withOutput(operation, ENCRYPT, operation.data.length + GROWTH_BYTES);
  requireGcmIv(operation.session.module, operation.mechanism);
  return output;
}

/** One part; the module's own plaintext buffer is zeroed whatever happens, the returned copy is the caller's to zero. */
export function decrypt(operation: Operation): Steps<Uint8Array> {
  return withOutput(operation, DECRYPT, operation.data.length + GROWTH_BYTES);
}

/** One part. */
export function sign(operation: Operation): Steps<Uint8Array> {
  return withOutput(operation, SIGN, GROWTH_BYTES);
}

/** `length` bytes from the token's generator; no call for 0. */
export function random(session: OpenSession, length: number): Uint8Array {
  const out = Buffer.alloc(length);
  if (length > 0) session.module.call('C_GenerateRandom', (api) => api.C_GenerateRandom(session.handle, out));
  return new Uint8Array(out.buffer, out.byteOffset, length);
}

/**
 * An operation with room for its output. After CKR_BUFFER_TOO_SMALL the operation is still active (PKCS#11 v2.40
 * section 5.2) and gets more room; a module that ended it all the same is started again.
 */
function* withOutput(operation: Operation, work: Work, bytes: number): Steps<Uint8Array> {
  start(operation, work.init);
  for (let size = bytes, growths = 0; ; size *= 4, growths++) {
    const out = Buffer.alloc(size);
    try {
      return new Uint8Array(yield { work, other: out });
    } catch (error) {
      const ended = growths > 0 && isReturnValue(error, CKR.OPERATION_NOT_INITIALIZED);
      if (growths === MOST_GROWTHS || !(ended || isReturnValue(error, CKR.BUFFER_TOO_SMALL))) throw error;
      if (ended) {
        start(operation, work.init);
        size /= 4;
      }
    } finally {
      out.fill(0);
    }
  }
}
