import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../../aead.ts';
import { ByteWriter, concat, utf8, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import { keyBytes } from './derive.ts';
import type { Key } from './key.ts';
import type { AeadType } from './types.ts';
import { malformed } from './versioned.ts';

// AES-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439), laid out as Vault does: nonce, ciphertext, tag. Both
// have a nonce of 12 bytes and a tag of 16.

/** Of the key that convergent encryption makes its nonce with. */
const NONCE_KEY_BYTES = 32;
const AAD_NONCE_LABEL = utf8('coffer convergent aad v1');

export interface AeadOptions {
  readonly context: Uint8Array | null;
  readonly associatedData: Uint8Array | null;
}

/**
 * @param secret of the version
 * @returns 12-byte nonce, ciphertext of the plaintext's length, 16-byte tag
 */
export function aeadEncrypt(
  type: AeadType,
  key: Key,
  secret: Uint8Array,
  plaintext: Uint8Array,
  options: AeadOptions,
): Uint8Array {
  const keys = keyBytes(key, secret, options.context, type.keyBytes + (key.convergent ? NONCE_KEY_BYTES : 0));
  try {
    const nonce = key.convergent
      ? convergentNonce(keys.subarray(type.keyBytes), plaintext, options.associatedData)
      : randomBytes(GCM_IV_BYTES);
    return concat(nonce, seal(type, keys.subarray(0, type.keyBytes), nonce, plaintext, options.associatedData));
  } finally {
    zero(keys);
  }
}

/** @returns the plaintext, the caller's to zero @throws UsageError `ciphertext_malformed`, `ciphertext_invalid` */
export function aeadDecrypt(
  type: AeadType,
  key: Key,
  secret: Uint8Array,
  ciphertext: Uint8Array,
  options: AeadOptions,
): Uint8Array {
  if (ciphertext.length < GCM_IV_BYTES + GCM_TAG_BYTES) throw malformed('ciphertext', 'it is cut short');
  const bytes = keyBytes(key, secret, options.context, type.keyBytes);
  try {
    return open(type, bytes, ciphertext, options.associatedData);
  } finally {
    zero(bytes);
  }
}

/**
 * Version 3 of Vault's convergent encryption: HMAC-SHA256 of the plaintext, cut to 12 bytes, under a key derived beside
 * the encryption key. Vault does the same with associated data, so that one nonce serves under several of them, which
 * gives GCM's authentication key away (NIST SP 800-38D appendix A). Here associated data, with its length before it,
 * is part of what the nonce is made of, under a key of its own.
 */
function convergentNonce(nonceKey: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array | null): Uint8Array {
  if (associatedData === null || associatedData.length === 0)
    return hmacSha256(nonceKey, plaintext).subarray(0, GCM_IV_BYTES);
  const ownKey = hmacSha256(nonceKey, AAD_NONCE_LABEL);
  const length = new ByteWriter().u64(associatedData.length).finish();
  const nonce = hmacSha256(ownKey, length, associatedData, plaintext).subarray(0, GCM_IV_BYTES);
  zero(ownKey);
  return nonce;
}

function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function seal(
  type: AeadType,
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array | null,
): Uint8Array {
  const options = { authTagLength: GCM_TAG_BYTES };
  const cipher =
    type.cipher === 'chacha20-poly1305'
      ? createCipheriv(type.cipher, key, nonce, options)
      : createCipheriv(type.cipher, key, nonce, options);
  if (associatedData !== null) cipher.setAAD(associatedData, { plaintextLength: plaintext.length });
  return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

function open(type: AeadType, key: Uint8Array, ciphertext: Uint8Array, associatedData: Uint8Array | null): Uint8Array {
  const options = { authTagLength: GCM_TAG_BYTES };
  const nonce = ciphertext.subarray(0, GCM_IV_BYTES);
  const body = ciphertext.subarray(GCM_IV_BYTES, -GCM_TAG_BYTES);
  const decipher =
    type.cipher === 'chacha20-poly1305'
      ? createDecipheriv(type.cipher, key, nonce, options)
      : createDecipheriv(type.cipher, key, nonce, options);
  if (associatedData !== null) decipher.setAAD(associatedData, { plaintextLength: body.length });
  decipher.setAuthTag(ciphertext.subarray(-GCM_TAG_BYTES));
  const plaintext = decipher.update(body);
  try {
    decipher.final();
    return plaintext;
  } catch {
    zero(plaintext);
    throw new UsageError('ciphertext_invalid', 'the ciphertext does not authenticate under this key', {
      hint: 'check the key, the context and associated_data, and that the ciphertext is whole',
    });
  }
}
