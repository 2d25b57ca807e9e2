import { CKR } from './constants.ts';
import { isReturnValue } from './errors.ts';
import { requireGcmIv } from './gcm.ts';
import type { OpenSession } from './open.ts';
import { about, decrypt, encrypt, GROWTH_BYTES, input, isInputTooLong, isSignatureInvalid, isWithoutReason, MOST_GROWTHS, sign, start, verify } from './operations.ts';
import type { Cipher } from './types.ts';

/**
 * The same operations in threads of their own (PKCS#11 v2.40 section 2.6: sessions of one application work side by
 * side). What needs a second look at a module's habits is done over by the operations that block.
 */
export function backgroundCipher(session: OpenSession): Cipher {
  const { module } = session;
  return {
    async encrypt(key, mechanism, data) {
      start(session, 'C_EncryptInit', key, mechanism);
      const encrypted = await output(
        data.length + GROWTH_BYTES,
        (out) => module.callInBackground('C_Encrypt', (api) => api.C_EncryptAsync(session.handle, input(data), out), about(key, mechanism)),
        () => encrypt(session, key, mechanism, data),
      );
      requireGcmIv(module, mechanism);
      return encrypted;
    },
    async decrypt(key, mechanism, data) {
      start(session, 'C_DecryptInit', key, mechanism);
      return output(
        data.length + GROWTH_BYTES,
        (out) => module.callInBackground('C_Decrypt', (api) => api.C_DecryptAsync(session.handle, input(data), out), about(key, mechanism)),
        () => decrypt(session, key, mechanism, data),
      );
    },
    async sign(key, mechanism, data) {
      start(session, 'C_SignInit', key, mechanism);
      return output(
        GROWTH_BYTES,
        (out) => module.callInBackground('C_Sign', (api) => api.C_SignAsync(session.handle, input(data), out), about(key, mechanism)),
        () => sign(session, key, mechanism, data),
      );
    },
    async verify(key, mechanism, data, signature) {
      try {
        start(session, 'C_VerifyInit', key, mechanism);
        return await module.callInBackground(
          'C_Verify',
          (api) => api.C_VerifyAsync(session.handle, input(data), input(signature)),
          about(key, mechanism),
        );
      } catch (error) {
        if (isSignatureInvalid(error)) {
          return false;
        }
        if (isInputTooLong(error) || isWithoutReason(error) || isReturnValue(error, CKR.KEY_FUNCTION_NOT_PERMITTED, CKR.FUNCTION_NOT_SUPPORTED)) {
          return verify(session, key, mechanism, data, signature);
        }
        throw error;
      }
    },
  };
}

/** As `withOutput` of the operations that block: more room after CKR_BUFFER_TOO_SMALL, which leaves the operation active. */
async function output(bytes: number, run: (out: Buffer) => Promise<Buffer>, again: () => Uint8Array): Promise<Uint8Array> {
  for (let size = bytes, growths = 0; ; size *= 4, growths++) {
    const out = Buffer.alloc(size);
    try {
      return new Uint8Array(await run(out));
    } catch (error) {
      if (growths > 0 && isReturnValue(error, CKR.OPERATION_NOT_INITIALIZED)) {
        return again();
      }
      if (growths === MOST_GROWTHS || !isReturnValue(error, CKR.BUFFER_TOO_SMALL)) {
        throw error;
      }
    } finally {
      out.fill(0);
    }
  }
}
