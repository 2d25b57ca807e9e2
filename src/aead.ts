import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { concat } from './bytes.ts';

/** AES-256-GCM (NIST SP 800-38D) with a 96-bit IV and a 128-bit tag, which follows the ciphertext. */
export const GCM_IV_BYTES = 12;
export const GCM_TAG_BYTES = 16;
/** Of AES-256; secret keys for an HMAC are as long. */
export const KEY_BYTES = 32;

/** @param key 32 bytes @param iv 12 bytes, never used twice under one key @param aad additional data @returns ciphertext, then the 16-byte tag */
export function gcmEncrypt(
  key: Uint8Array | KeyObject,
  iv: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(aad);
  return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** @param sealed ciphertext and tag @returns the plaintext, or null when the key, the IV, the additional data or a byte of `sealed` is not the one that was encrypted */
export function gcmDecrypt(
  key: Uint8Array | KeyObject,
  iv: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | null {
  if (sealed.length < GCM_TAG_BYTES) return null;
  const split = sealed.length - GCM_TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: GCM_TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(split));
  try {
    return concat(decipher.update(sealed.subarray(0, split)), decipher.final());
  } catch {
    return null;
  }
}
