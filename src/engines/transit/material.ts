import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { asBuffer, base64, concat, zero } from '../../bytes.ts';
import { StoreError } from '../../errors.ts';
import { derivedBytes } from './derive.ts';
import type { FoundVersion, Key, KeyVersion } from './key.ts';
import { typeOf } from './types.ts';

/** Of ed25519 keys and seeds (RFC 8032). */
export const ED25519_BYTES = 32;
/** What PKCS#8 has before an ed25519 seed (RFC 8410 section 7). */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
/** What SubjectPublicKeyInfo has before an ed25519 public key (RFC 8410 section 4). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** The secret of a version, which stays the key's. @throws StoreError `no_private_key` */
export function secretOf(key: Key, { number, version }: FoundVersion): Uint8Array {
  if (version.key !== null) return version.key;
  throw new StoreError('no_private_key', `only the public key of version ${number} of "${key.name}" was imported`);
}

/** The private key of an asymmetric type. @throws StoreError `no_private_key`; UsageError `missing_context` */
export function privateKeyOf(key: Key, found: FoundVersion, context: Uint8Array | null): KeyObject {
  const secret = secretOf(key, found);
  if (typeOf(key.type).family === 'ed25519') return ed25519KeyOf(key, found.version, secret, context);
  return createPrivateKey({ key: asBuffer(secret), format: 'der', type: 'pkcs8' });
}

/** The public key of an asymmetric type; that of a derived one needs the context. @throws as `privateKeyOf` */
export function publicKeyOf(key: Key, found: FoundVersion, context: Uint8Array | null): KeyObject {
  if (key.derived) return createPublicKey(privateKeyOf(key, found, context));
  return spkiOf(found.version);
}

/** The public key that a version has. */
export function spkiOf({ public: spki }: KeyVersion): KeyObject {
  return createPublicKey({ key: asBuffer(spki ?? new Uint8Array(0)), format: 'der', type: 'spki' });
}

/**
 * As Vault derives it: what goes into the key derivation is its 64-byte form of a private key, the seed and the public
 * key, and the first 32 bytes that come out are the seed of the derived key.
 */
function ed25519KeyOf(key: Key, version: KeyVersion, seed: Uint8Array, context: Uint8Array | null): KeyObject {
  if (!key.derived) return ed25519PrivateKey(seed);
  const pair = concat(seed, ed25519PublicOf(version));
  let derived: Uint8Array = new Uint8Array(0);
  try {
    derived = derivedBytes(key, pair, context, ED25519_BYTES);
    return ed25519PrivateKey(derived);
  } finally {
    zero(pair, derived);
  }
}

/** @param seed 32 bytes */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([ED25519_PKCS8, seed]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    zero(der);
  }
}

/** The 32 bytes of an ed25519 public key. */
export function ed25519PublicBytes(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-ED25519_BYTES);
}

/** The same of a version; where keys are derived of it, of the one that they are derived from. */
function ed25519PublicOf({ public: spki }: KeyVersion): Uint8Array {
  return (spki ?? new Uint8Array(0)).subarray(-ED25519_BYTES);
}

/** The 64-byte form of a private key, seed and public key, in base64. */
export function base64Pair(seed: Uint8Array, version: KeyVersion): string {
  const pair = concat(seed, ed25519PublicOf(version));
  try {
    return base64(pair);
  } finally {
    zero(pair);
  }
}

/** @param bytes 32 */
export function ed25519PublicKey(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, bytes]), format: 'der', type: 'spki' });
}
