import { createCipheriv, createDecipheriv, getCipherInfo } from 'node:crypto';

const CIPHER = 'id-aes256-wrap-pad';
/** The integrity check value (RFC 5649 section 3). */
const ICV = Buffer.from('a65959a6', 'hex');

/**
 * The key within AES key wrap with padding (RFC 5649), by node:crypto where it has that, as with BoringSSL it has not, else by
 * @noble/ciphers.
 * @param kek 32 bytes @returns the caller's to zero @throws an error of either when it does not unwrap
 */
export async function unwrapPadded(kek: Uint8Array, wrapped: Uint8Array): Promise<Uint8Array> {
  if (getCipherInfo(CIPHER) === undefined) {
    const { aeskwp } = await import('@noble/ciphers/aes.js');
    return aeskwp(kek).decrypt(wrapped);
  }
  const decipher = createDecipheriv(CIPHER, kek, ICV);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}

/** The other way. @param kek 32 bytes @param key at least one byte */
export async function wrapPadded(kek: Uint8Array, key: Uint8Array): Promise<Uint8Array> {
  if (getCipherInfo(CIPHER) === undefined) {
    const { aeskwp } = await import('@noble/ciphers/aes.js');
    return aeskwp(kek).encrypt(key);
  }
  const cipher = createCipheriv(CIPHER, kek, ICV);
  return Buffer.concat([cipher.update(key), cipher.final()]);
}
