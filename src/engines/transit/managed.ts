import { createHash, randomBytes } from 'node:crypto';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../../aead.ts';
import { concat } from '../../bytes.ts';
import { HsmError, UsageError } from '../../errors.ts';
import type { HsmKeyReference, HsmKeys } from '../engine.ts';
import { curveOf } from './curves.ts';
import type { Hash } from './hashes.ts';
import type { ManagedReference } from './key.ts';
import { digestInfo } from './rsa-digest.ts';
import { encodeSignature } from './signature-encoding.ts';
import { SALT_AUTO, SALT_HASH } from './sign-options.ts';
import type { SignOptions } from './sign-options.ts';
import { checkDigest } from './signature.ts';
import { wrongType } from './types.ts';
import type { AeadType, EcType, Ed25519Type, RsaType } from './types.ts';
import { malformed } from './versioned.ts';

/*
 * What a managed key does: every operation with the secret half runs in the HSM. The formats are those of the other
 * types: nonce, ciphertext and tag of AES-GCM; RSAES-OAEP, with SHA-1 where the HSM has no SHA-256 for it; signatures as
 * transit has them. Encryption and verification with a public key need no HSM and are done here.
 */

/** @throws HsmError `no_hsm` */
export function requireHsm({ hsm }: { readonly hsm?: HsmKeys | undefined }): HsmKeys {
  if (hsm !== undefined) return hsm;
  throw new HsmError('no_hsm', 'a managed key needs the HSM, which is not there');
}

/** AES-GCM under a random nonce. @throws HsmError */
export function managedEncrypt(hsm: HsmKeys, managed: ManagedReference, plaintext: Uint8Array, associatedData: Uint8Array | null): Uint8Array {
  const iv = randomBytes(GCM_IV_BYTES);
  return concat(iv, hsm.encrypt(referenceOf(managed), { scheme: 'gcm', iv, associatedData: associatedData ?? new Uint8Array(0) }, plaintext));
}

/** @returns the plaintext, the caller's to zero @throws HsmError; UsageError `ciphertext_malformed`, `ciphertext_invalid`, `managed_key` */
export function managedDecrypt(
  hsm: HsmKeys,
  managed: ManagedReference,
  type: AeadType | RsaType,
  bytes: Uint8Array,
  associatedData: Uint8Array | null,
): Uint8Array {
  const key = referenceOf(managed);
  const plaintext =
    type.family === 'aead'
      ? hsm.decrypt(key, { scheme: 'gcm', iv: nonceOf(bytes), associatedData: associatedData ?? new Uint8Array(0) }, bytes.subarray(GCM_IV_BYTES))
      : bytes.length === type.bits / 8
        ? hsm.decrypt(key, { scheme: 'oaep', hash: managedOaepHash(managed) }, bytes)
        : null;
  if (plaintext !== null) return plaintext;
  throw new UsageError('ciphertext_invalid', 'the ciphertext was not made with this key', {
    hint: 'check the key, the associated_data, and that the ciphertext is whole',
  });
}

/** @throws UsageError `managed_key` */
export function managedOaepHash({ label, oaepHash }: ManagedReference): 'sha1' | 'sha256' {
  if (oaepHash !== null) return oaepHash;
  throw new UsageError('managed_key', `the key object "${label}" did not decrypt RSAES-OAEP when the key was made, so it cannot encrypt`, {
    hint: 'if it has CKA_DECRYPT now, remove the key and write keys/NAME again',
  });
}

/** @throws HsmError; UsageError `bad_digest`, `unsupported_hash` */
export function managedSign(
  hsm: HsmKeys,
  managed: ManagedReference,
  type: EcType | RsaType | Ed25519Type,
  input: Uint8Array,
  options: SignOptions,
): Uint8Array {
  const { hash } = options;
  const name = paddingHash(hash);
  if (type.family === 'ed25519') throw wrongType(type, 'signing in the HSM');
  if (hash === null || name === null) throw new UsageError('unsupported_hash', 'a managed key signs with sha2-256, sha2-384 or sha2-512');
  if (options.prehashed) checkDigest(options, input);
  const digest = options.prehashed ? input : createHash(hash.openssl).update(input).digest();
  const key = referenceOf(managed);
  if (type.family === 'ec') {
    const { bytes } = curveOf(type);
    const signature = hsm.sign(key, { scheme: 'ecdsa' }, digest.subarray(0, bytes)); // FIPS 186-5 section 6.4.1: the leftmost bits
    if (signature.length === 2 * bytes) return encodeSignature(signature, options.marshaling);
    throw new HsmError('bad_signature', `the HSM gave an ECDSA signature of ${signature.length} bytes, not ${2 * bytes}`);
  }
  if (options.scheme === 'pkcs1v15') return hsm.sign(key, { scheme: 'pkcs1v15' }, digestInfo(hash, digest));
  const most = type.bits / 8 - hash.bytes - 2;
  const saltBytes = options.salt === SALT_AUTO ? most : options.salt === SALT_HASH ? hash.bytes : options.salt;
  return hsm.sign(key, { scheme: 'pss', hash: name, saltBytes }, digest);
}

function referenceOf({ label, id }: ManagedReference): HsmKeyReference {
  return { label, id: id === '' ? null : Buffer.from(id, 'hex') };
}

function nonceOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length < GCM_IV_BYTES + GCM_TAG_BYTES) throw malformed('ciphertext', 'it is cut short');
  return bytes.subarray(0, GCM_IV_BYTES);
}

function paddingHash(hash: Hash | null): 'sha256' | 'sha384' | 'sha512' | null {
  return (['sha256', 'sha384', 'sha512'] as const).find((name) => name === hash?.openssl) ?? null;
}
