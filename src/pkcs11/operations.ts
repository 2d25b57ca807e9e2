import { asBuffer } from '../bytes.ts';
import { CKR, mechanismName } from './constants.ts';
import { isReturnValue } from './errors.ts';
import { nativeMechanism } from './mechanism.ts';
import type { OpenSession } from './open.ts';
import type { Key, Mechanism } from './types.ts';

/**
 * Room beyond the input for what a mechanism adds: a block of padding, a GCM tag, an IV that the module appends,
 * or, for RSA, a whole modulus of up to 8192 bits.
 */
const GROWTH_BYTES = 1024;

/** One part; the result is as long as the module made it. */
export function encrypt(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  const { module, handle } = session;
  const subject = about(key, mechanism);
  module.call('C_EncryptInit', (api) => api.C_EncryptInit(handle, nativeMechanism(mechanism), key.handle), subject);
  const out = Buffer.alloc(data.length + GROWTH_BYTES);
  return new Uint8Array(module.call('C_Encrypt', (api) => api.C_Encrypt(handle, input(data), out), subject));
}

/** One part; the module's own plaintext buffer is zeroed whatever happens, the returned copy is the caller's to zero. */
export function decrypt(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  const { module, handle } = session;
  const subject = about(key, mechanism);
  module.call('C_DecryptInit', (api) => api.C_DecryptInit(handle, nativeMechanism(mechanism), key.handle), subject);
  const out = Buffer.alloc(data.length + GROWTH_BYTES);
  try {
    return new Uint8Array(module.call('C_Decrypt', (api) => api.C_Decrypt(handle, input(data), out), subject));
  } finally {
    out.fill(0);
  }
}

export function sign(session: OpenSession, key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array {
  const { module, handle } = session;
  const subject = about(key, mechanism);
  module.call('C_SignInit', (api) => api.C_SignInit(handle, nativeMechanism(mechanism), key.handle), subject);
  const out = Buffer.alloc(GROWTH_BYTES);
  return new Uint8Array(module.call('C_Sign', (api) => api.C_Sign(handle, input(data), out), subject));
}

/** False for CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE. */
export function verify(
  session: OpenSession,
  key: Key,
  mechanism: Mechanism,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { module, handle } = session;
  const subject = about(key, mechanism);
  module.call('C_VerifyInit', (api) => api.C_VerifyInit(handle, nativeMechanism(mechanism), key.handle), subject);
  try {
    return module.call('C_Verify', (api) => api.C_Verify(handle, input(data), input(signature)), subject);
  } catch (error) {
    if (isReturnValue(error, CKR.SIGNATURE_INVALID, CKR.SIGNATURE_LEN_RANGE)) {
      return false;
    }
    throw error;
  }
}

/** `length` bytes from the token's generator; no call for 0. */
export function random({ module, handle }: OpenSession, length: number): Uint8Array {
  const out = Buffer.alloc(length);
  if (length > 0) {
    module.call('C_GenerateRandom', (api) => api.C_GenerateRandom(handle, out));
  }
  return new Uint8Array(out.buffer, out.byteOffset, length);
}

/** Input for a C_ function. With no bytes it still points somewhere: modules refuse a null pointer even of length 0. */
function input(bytes: Uint8Array): Buffer {
  return bytes.length === 0 ? Buffer.alloc(1).subarray(0, 0) : asBuffer(bytes);
}

/** For messages: the mechanism and the key's label, if the token is still able to tell it. */
function about(key: Key, mechanism: Mechanism): () => string {
  return () => {
    try {
      return `${mechanismName(mechanism.type)}, key "${key.label}"`;
    } catch {
      return mechanismName(mechanism.type);
    }
  };
}
