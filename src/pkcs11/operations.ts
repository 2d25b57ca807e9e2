import { timingSafeEqual } from 'node:crypto';
import { asBuffer, zero } from '../bytes.ts';
import { CKR, mechanismName } from './constants.ts';
import { isReturnValue } from './errors.ts';
import { nativeMechanism } from './mechanism.ts';
import { requireGcmIv, startGcm } from './gcm.ts';
import { begin } from './open.ts';
import type { OpenSession } from './open.ts';
import type { Key, Mechanism } from './types.ts';

/**
 * Room beyond the input for what a mechanism adds: a block of padding, a GCM tag, an IV that the module appends,
 * or, for RSA, a whole modulus of up to 8192 bits.
 */
export const GROWTH_BYTES = 1024;
/** How often a buffer is made four times larger for a module that wants more. */
export const MOST_GROWTHS = 4;
/** What a module that limits its input surely takes at once. */
const PART_BYTES = 256;

type Start = 'C_EncryptInit' | 'C_DecryptInit' | 'C_SignInit' | 'C_VerifyInit';

/** One part; the result is as long as the module made it. */
export function encrypt(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  const { module } = session;
  const subject = about(key, mechanism);
  const output = withOutput(
    data.length + GROWTH_BYTES,
    () => start(session, 'C_EncryptInit', key, mechanism),
    (out) => module.call('C_Encrypt', (api) => api.C_Encrypt(session.handle, input(data), out), subject),
  );
  requireGcmIv(module, mechanism);
  return output;
}

/** One part; the module's own plaintext buffer is zeroed whatever happens, the returned copy is the caller's to zero. */
export function decrypt(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  const { module } = session;
  const subject = about(key, mechanism);
  return withOutput(
    data.length + GROWTH_BYTES,
    () => start(session, 'C_DecryptInit', key, mechanism),
    (out) => module.call('C_Decrypt', (api) => api.C_Decrypt(session.handle, input(data), out), subject),
  );
}

export function sign(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  const { module } = session;
  const subject = about(key, mechanism);
  return withOutput(
    GROWTH_BYTES,
    () => start(session, 'C_SignInit', key, mechanism),
    (out) => module.call('C_Sign', (api) => api.C_Sign(session.handle, input(data), out), subject),
  );
}

/**
 * False for CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE. Input that is too long for the module goes there in parts.
 * A secret key that may sign but not verify signs, and the two are compared here; so it is where C_Verify gives no reason:
 * NSS softokn 3.87 says CKR_DEVICE_ERROR for an HMAC that does not match.
 */
export function verify(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean {
  const { module } = session;
  const subject = about(key, mechanism);
  try {
    start(session, 'C_VerifyInit', key, mechanism);
  } catch (error) {
    if (key.class !== 'secret' || !isReturnValue(error, CKR.KEY_FUNCTION_NOT_PERMITTED, CKR.FUNCTION_NOT_SUPPORTED)) {
      throw error;
    }
    return verifyBySigning(session, key, mechanism, data, signature);
  }
  try {
    return module.call('C_Verify', (api) => api.C_Verify(session.handle, input(data), input(signature)), subject);
  } catch (error) {
    if (isSignatureInvalid(error)) {
      return false;
    }
    if (isInputTooLong(error)) {
      return verifyInParts(session, key, mechanism, data, signature);
    }
    if (key.class === 'secret' && isWithoutReason(error)) {
      return verifyAgain(error, () => verifyBySigning(session, key, mechanism, data, signature));
    }
    throw error;
  }
}

/** Where the second way fails too, the HSM has a problem, and the first error is the one to tell. */
function verifyAgain(error: unknown, again: () => boolean): boolean {
  try {
    return again();
  } catch {
    throw error;
  }
}

function verifyInParts(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean {
  const { module } = session;
  const subject = about(key, mechanism);
  start(session, 'C_VerifyInit', key, mechanism);
  for (const part of parts(data)) {
    module.call('C_VerifyUpdate', (api) => api.C_VerifyUpdate(session.handle, input(part)), subject);
  }
  try {
    return module.call('C_VerifyFinal', (api) => api.C_VerifyFinal(session.handle, input(signature)), subject);
  } catch (error) {
    if (isSignatureInvalid(error)) {
      return false;
    }
    throw error;
  }
}

function verifyBySigning(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean {
  const right = signWhole(session, key, mechanism, data);
  try {
    return right.length === signature.length && timingSafeEqual(right, signature);
  } finally {
    zero(right);
  }
}

function signWhole(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  try {
    return sign(session, key, mechanism, data);
  } catch (error) {
    if (!isInputTooLong(error)) {
      throw error;
    }
  }
  const { module } = session;
  const subject = about(key, mechanism);
  start(session, 'C_SignInit', key, mechanism);
  for (const part of parts(data)) {
    module.call('C_SignUpdate', (api) => api.C_SignUpdate(session.handle, input(part)), subject);
  }
  const out = Buffer.alloc(GROWTH_BYTES);
  return new Uint8Array(module.call('C_SignFinal', (api) => api.C_SignFinal(session.handle, out), subject));
}

/** Whether a failure may be anything, a wrong signature too. */
export function isWithoutReason(error: unknown): boolean {
  return isReturnValue(error, CKR.DEVICE_ERROR, CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED);
}

/**
 * Whether a module said that it does not take so much at once. With more room for the output than any mechanism needs,
 * CKR_BUFFER_TOO_SMALL is about the input, too (tpm2-pkcs11 1.9).
 */
export function isInputTooLong(error: unknown): boolean {
  return isReturnValue(error, CKR.DATA_LEN_RANGE, CKR.HOST_MEMORY, CKR.DEVICE_MEMORY, CKR.BUFFER_TOO_SMALL);
}

export function isSignatureInvalid(error: unknown): boolean {
  return isReturnValue(error, CKR.SIGNATURE_INVALID, CKR.SIGNATURE_LEN_RANGE);
}

function parts(data: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(data.length / PART_BYTES) }, (_, at) => data.subarray(at * PART_BYTES, (at + 1) * PART_BYTES));
}

/** `length` bytes from the token's generator; no call for 0. */
export function random(session: OpenSession, length: number): Uint8Array {
  const out = Buffer.alloc(length);
  if (length > 0) {
    session.module.call('C_GenerateRandom', (api) => api.C_GenerateRandom(session.handle, out));
  }
  return new Uint8Array(out.buffer, out.byteOffset, length);
}

/** The Init function. */
export function start(session: OpenSession, operation: Start, key: Key, mechanism: Mechanism): void {
  const { module } = session;
  const subject = about(key, mechanism);
  const run = (): void =>
    begin(session, () =>
      module.call(operation, (api) => api[operation](session.handle, nativeMechanism(mechanism, module.gcmLayout), key.handle), subject),
    );
  if ('aad' in mechanism) {
    startGcm(module, operation, mechanism.iv, run);
  } else {
    run();
  }
}

/**
 * Runs an operation with room for its output. After CKR_BUFFER_TOO_SMALL the operation is still active (PKCS#11 v2.40
 * section 5.2) and gets more room; a module that ended it all the same is started again.
 */
function withOutput(bytes: number, prepare: () => void, run: (out: Buffer) => Buffer): Uint8Array {
  prepare();
  for (let size = bytes, growths = 0; ; size *= 4, growths++) {
    const out = Buffer.alloc(size);
    try {
      return new Uint8Array(run(out));
    } catch (error) {
      const ended = growths > 0 && isReturnValue(error, CKR.OPERATION_NOT_INITIALIZED);
      if (growths === MOST_GROWTHS || !(ended || isReturnValue(error, CKR.BUFFER_TOO_SMALL))) {
        throw error;
      }
      if (ended) {
        prepare();
        size /= 4;
      }
    } finally {
      out.fill(0);
    }
  }
}

/** Input for a C_ function. With no bytes it still points somewhere: modules refuse a null pointer even of length 0. */
export function input(bytes: Uint8Array): Buffer {
  return bytes.length === 0 ? Buffer.alloc(1).subarray(0, 0) : asBuffer(bytes);
}

/** For messages: the mechanism and the key's label, if the token is still able to tell it. */
export function about(key: Key, mechanism: Mechanism): () => string {
  return () => {
    try {
      return `${mechanismName(mechanism.type)}, key "${key.label}"`;
    } catch {
      return mechanismName(mechanism.type);
    }
  };
}
