import { createCipheriv, createDecipheriv, getCipherInfo } from 'node:crypto';
import { GCM_TAG_BYTES } from '../../aead.ts';
import { concat, zero } from '../../bytes.ts';
import type { AeadType } from './types.ts';

/** AES-GCM (NIST SP 800-38D) or ChaCha20-Poly1305 (RFC 8439), with a nonce of 12 bytes and a tag of 16. */
export interface AeadCipher {
  readonly keyBytes: 16 | 32;
  /** @returns ciphertext of the plaintext's length, then the tag */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array | null): Uint8Array;
  /** @param sealed ciphertext and tag, at least 16 bytes @returns the plaintext, or null when anything was altered */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associatedData: Uint8Array | null): Uint8Array | null;
}

/** Of node:crypto where it has the cipher: with BoringSSL it lacks ChaCha20-Poly1305. */
export async function aeadCipher(type: AeadType): Promise<AeadCipher> {
  return getCipherInfo(type.cipher) === undefined ? chacha20Poly1305() : nativeCipher(type);
}

function nativeCipher({ cipher: name, keyBytes }: AeadType): AeadCipher {
  const options = { authTagLength: GCM_TAG_BYTES };
  return {
    keyBytes,
    seal(key, nonce, plaintext, associatedData) {
      const cipher =
        name === 'chacha20-poly1305'
          ? createCipheriv(name, key, nonce, options)
          : createCipheriv(name, key, nonce, options);
      if (associatedData !== null) cipher.setAAD(associatedData, { plaintextLength: plaintext.length });
      return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
    },
    open(key, nonce, sealed, associatedData) {
      const body = sealed.subarray(0, -GCM_TAG_BYTES);
      const decipher =
        name === 'chacha20-poly1305'
          ? createDecipheriv(name, key, nonce, options)
          : createDecipheriv(name, key, nonce, options);
      if (associatedData !== null) decipher.setAAD(associatedData, { plaintextLength: body.length });
      decipher.setAuthTag(sealed.subarray(-GCM_TAG_BYTES));
      const plaintext = decipher.update(body);
      try {
        decipher.final();
        return plaintext;
      } catch {
        zero(plaintext);
        return null;
      }
    },
  };
}

/** Of @noble/ciphers. */
async function chacha20Poly1305(): Promise<AeadCipher> {
  const { chacha20poly1305 } = await import('@noble/ciphers/chacha.js');
  return {
    keyBytes: 32,
    seal: (key, nonce, plaintext, associatedData) =>
      chacha20poly1305(key, nonce, associatedData ?? undefined).encrypt(plaintext),
    open(key, nonce, sealed, associatedData) {
      try {
        return chacha20poly1305(key, nonce, associatedData ?? undefined).decrypt(sealed);
      } catch {
        return null;
      }
    },
  };
}
