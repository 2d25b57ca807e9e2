import { base64, zero } from '../../bytes.ts';
import type { AeadOptions } from './aead.ts';
import type { CipherType, KeyHolder } from './holder.ts';
import { decodeBase64 } from './input.ts';
import { type Key, versionForNew, versionOfCiphertext } from './key.ts';
import { encrypts, typeOf, wrongType } from './types.ts';
import { asPrinted, formatVersioned, parseVersioned } from './versioned.ts';

/** A key and who holds its secret. */
export interface HeldKey {
  readonly key: Key;
  readonly holder: KeyHolder;
}

/** As it is answered: `vault:vN:...`, and the N. */
export type Ciphertext = { readonly ciphertext: string; readonly key_version: number };

/**
 * @param wanted the version to use, 0 for the newest
 * @throws UsageError `unsupported_key_type`; StoreError `no_version`, `version_too_old`; what the holder throws
 */
export function encryptWith(held: HeldKey, wanted: number, plaintext: Uint8Array, options: AeadOptions): Ciphertext {
  const type = cipherType(held.key, 'encryption', options);
  const found = versionForNew(held.key, wanted);
  const payload = base64(held.holder.encrypt(type, found, plaintext, options));
  return { ciphertext: formatVersioned(found.number, payload), key_version: found.number };
}

/**
 * @returns the plaintext, the caller's to zero
 * @throws UsageError `ciphertext_malformed`, `unsupported_key_type`; StoreError `no_version`, `version_too_old`; what the holder throws
 */
export function decryptWith({ key, holder }: HeldKey, ciphertext: string, options: AeadOptions): Uint8Array {
  const type = cipherType(key, 'decryption', options);
  const { version, payload } = parseVersioned(ciphertext, 'ciphertext');
  const found = versionOfCiphertext(key, version);
  return holder.decrypt(type, found, decodeBase64(payload, 'ciphertext', asPrinted('ciphertext')), options);
}

/** The same plaintext under another version. @throws what decrypting and encrypting throw */
export function rewrapWith(held: HeldKey, wanted: number, ciphertext: string, options: AeadOptions): Ciphertext {
  const plaintext = decryptWith(held, ciphertext, options);
  try {
    return encryptWith(held, wanted, plaintext, options);
  } finally {
    zero(plaintext);
  }
}

function cipherType(key: Key, what: string, { associatedData }: AeadOptions): CipherType {
  const type = typeOf(key.type);
  if (!encrypts(type)) throw wrongType(type, what);
  if (type.family === 'rsa' && associatedData !== null) throw wrongType(type, 'associated_data');
  return type;
}
