import { constants, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { base64, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { HsmKeys } from '../engine.ts';
import { aeadDecrypt, aeadEncrypt } from './aead.ts';
import type { AeadOptions } from './aead.ts';
import { decodeBase64 } from './input.ts';
import { versionForNew, versionOfCiphertext } from './key.ts';
import type { Key } from './key.ts';
import { managedDecrypt, managedEncrypt, managedOaepHash, requireHsm } from './managed.ts';
import { privateKeyOf, publicKeyOf, secretOf } from './material.ts';
import { encrypts, typeOf, wrongType } from './types.ts';
import type { AeadType, RsaType } from './types.ts';
import { formatVersioned, parseVersioned } from './versioned.ts';

/** RSAES-OAEP with SHA-256 for hash and mask, without a label (RFC 8017 section 7.1), as Vault's default. */
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;
const OAEP_HASH_BYTES = { sha1: 20, sha256: 32 };

/**
 * @param wanted the version to use, 0 for the newest
 * @throws UsageError `unsupported_key_type`, `missing_context`, `plaintext_too_long`; StoreError `no_version`, `version_too_old`
 */
export function encryptWith(key: Key, wanted: number, plaintext: Uint8Array, options: AeadOptions, hsm?: HsmKeys): { ciphertext: string; version: number } {
  const type = cipherType(key, 'encryption', options);
  const found = versionForNew(key, wanted);
  const bytes =
    type.family === 'rsa'
      ? rsaEncrypt(type, publicKeyOf(key, found, null), plaintext, oaepHashOf(key))
      : key.managed === null
        ? aeadEncrypt(type, key, secretOf(key, found), plaintext, options)
        : managedEncrypt(requireHsm({ hsm }), key.managed, plaintext, options.associatedData);
  return { ciphertext: formatVersioned(found.number, base64(bytes)), version: found.number };
}

/**
 * @returns the plaintext, the caller's to zero
 * @throws UsageError `ciphertext_malformed`, `ciphertext_invalid`, `missing_context`, `unsupported_key_type`; StoreError
 *   `no_version`, `version_too_old`
 */
export function decryptWith(key: Key, ciphertext: string, options: AeadOptions, hsm?: HsmKeys): Uint8Array {
  const type = cipherType(key, 'decryption', options);
  const { version, payload } = parseVersioned(ciphertext, 'ciphertext');
  const found = versionOfCiphertext(key, version);
  const bytes = decodeBase64(payload, 'ciphertext');
  if (key.managed !== null) return managedDecrypt(requireHsm({ hsm }), key.managed, type, bytes, options.associatedData);
  if (type.family === 'aead') return aeadDecrypt(type, key, secretOf(key, found), bytes, options);
  const privateKey = privateKeyOf(key, found, null);
  try {
    return privateDecrypt({ key: privateKey, ...OAEP }, bytes);
  } catch {
    throw new UsageError('ciphertext_invalid', 'the ciphertext was not made with this key', { hint: 'check the key, and that the ciphertext is whole' });
  }
}

/** The same plaintext under another version. @throws what decrypting and encrypting throw */
export function rewrapWith(key: Key, wanted: number, ciphertext: string, options: AeadOptions, hsm?: HsmKeys): { ciphertext: string; version: number } {
  const plaintext = decryptWith(key, ciphertext, options, hsm);
  try {
    return encryptWith(key, wanted, plaintext, options, hsm);
  } finally {
    zero(plaintext);
  }
}

/** Done here for a managed key too: it takes the public key alone. */
function rsaEncrypt(type: RsaType, key: KeyObject, plaintext: Uint8Array, oaepHash: 'sha1' | 'sha256'): Uint8Array {
  const most = type.bits / 8 - 2 * OAEP_HASH_BYTES[oaepHash] - 2;
  if (plaintext.length <= most) return publicEncrypt({ key, ...OAEP, oaepHash }, plaintext);
  throw new UsageError('plaintext_too_long', `a key of type ${type.name} encrypts at most ${most} bytes`, {
    hint: 'encrypt a data key with it (transit/datakey) and the data with that',
  });
}

/** @throws UsageError `managed_key` */
function oaepHashOf(key: Key): 'sha1' | 'sha256' {
  return key.managed === null ? OAEP.oaepHash : managedOaepHash(key.managed);
}

function cipherType(key: Key, what: string, { associatedData }: AeadOptions): AeadType | RsaType {
  const type = typeOf(key.type);
  if (!encrypts(type)) throw wrongType(type, what);
  if (type.family === 'rsa' && associatedData !== null) throw wrongType(type, 'associated_data');
  return type;
}
