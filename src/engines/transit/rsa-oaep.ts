import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import type { OaepHash } from '../../hsm-keys.ts';
import type { RsaType } from './types.ts';

/** RSAES-OAEP with one hash for hash and mask, without a label (RFC 8017 section 7.1). */
const HASH_BYTES = { sha1: 20, sha256: 32 };

/** @throws UsageError `plaintext_too_long` */
export function oaepEncrypt(type: RsaType, key: KeyObject, plaintext: Uint8Array, oaepHash: OaepHash): Uint8Array {
  const most = type.bits / 8 - 2 * HASH_BYTES[oaepHash] - 2;
  if (plaintext.length <= most)
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, plaintext);
  throw new UsageError('plaintext_too_long', `a key of type ${type.name} encrypts at most ${most} bytes`, {
    hint: 'encrypt a data key with it (transit/datakey) and the data with that',
  });
}

/** With SHA-256, as Vault's default. @returns the caller's to zero @throws UsageError `ciphertext_invalid` */
export function oaepDecrypt(key: KeyObject, ciphertext: Uint8Array): Uint8Array {
  try {
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, ciphertext);
  } catch {
    throw new UsageError('ciphertext_invalid', 'the ciphertext was not made with this key', {
      hint: 'check the key, and that the ciphertext is whole',
    });
  }
}
