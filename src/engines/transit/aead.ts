import { createHmac, randomBytes } from 'node:crypto';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../../aead.ts';
import { ByteWriter, concat, utf8, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { AeadCipher } from './aead-cipher.ts';
import { keyBytes } from './derive.ts';
import type { Key } from './key.ts';
import { malformed } from './versioned.ts';

// Laid out as Vault does: nonce, ciphertext, tag.

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
  cipher: AeadCipher,
  key: Key,
  secret: Uint8Array,
  plaintext: Uint8Array,
  options: AeadOptions,
): Uint8Array {
  const keys = keyBytes(key, secret, options.context, cipher.keyBytes + (key.convergent ? NONCE_KEY_BYTES : 0));
  try {
    const nonce = key.convergent
      ? convergentNonce(keys.subarray(cipher.keyBytes), plaintext, options.associatedData)
      : randomBytes(GCM_IV_BYTES);
    return concat(nonce, cipher.seal(keys.subarray(0, cipher.keyBytes), nonce, plaintext, options.associatedData));
  } finally {
    zero(keys);
  }
}

/** @returns the plaintext, the caller's to zero @throws UsageError `ciphertext_malformed`, `ciphertext_invalid` */
export function aeadDecrypt(
  cipher: AeadCipher,
  key: Key,
  secret: Uint8Array,
  ciphertext: Uint8Array,
  options: AeadOptions,
): Uint8Array {
  if (ciphertext.length < GCM_IV_BYTES + GCM_TAG_BYTES) throw malformed('ciphertext', 'it is cut short');
  const bytes = keyBytes(key, secret, options.context, cipher.keyBytes);
  try {
    const nonce = ciphertext.subarray(0, GCM_IV_BYTES);
    const plaintext = cipher.open(bytes, nonce, ciphertext.subarray(GCM_IV_BYTES), options.associatedData);
    if (plaintext !== null) return plaintext;
    throw new UsageError('ciphertext_invalid', 'the ciphertext does not authenticate under this key', {
      hint: 'check the key, the context and associated_data, and that the ciphertext is whole',
    });
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
