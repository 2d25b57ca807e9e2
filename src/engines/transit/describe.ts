import type { JsonObject } from '../../json.ts';
import { timestamp } from '../engine.ts';
import { type FoundVersion, type Kdf, type Key, type ManagedReference, type Moment, usableVersions } from './key.ts';
import { ed25519PublicBytes, publicKeyOf } from './material.ts';
import { derives, encrypts, type KeyType, MANAGED_TYPE, signs, typeOf } from './types.ts';

/** As Vault spells them. */
const KDF_NAMES: { readonly [kdf in Kdf]: string } = { hkdf: 'hkdf_sha256', counter: 'hmac-sha256-counter' };

/** What Vault tells of a key: everything but its secrets. @param context for the public keys of a derived key, or null */
export function describeKey(key: Key, context: Uint8Array | null = null): JsonObject {
  const type = typeOf(key.type);
  const decrypts = type.family !== 'rsa' || key.managed === null || key.managed.oaepHash !== null;
  return {
    allow_plaintext_backup: key.plaintextBackup,
    auto_rotate_period: 0,
    ...(key.backedUp === null ? {} : { backup_info: describeMoment(key.backedUp) }),
    deletion_allowed: key.deletionAllowed,
    derived: key.derived,
    exportable: key.exportable,
    imported_key: key.imported,
    ...(key.imported ? { imported_key_allow_rotation: key.importedRotation } : {}),
    ...(key.keySize === 0 ? {} : { key_size: key.keySize }),
    ...(key.derived ? derivation(key) : {}),
    keys: Object.fromEntries(
      usableVersions(key).map((number) => [number, describeVersion(key, type, number, context)]),
    ),
    latest_version: key.latest,
    ...(key.managed === null ? {} : describeManaged(key, key.managed)),
    min_available_version: key.minAvailable,
    min_decryption_version: key.minDecryption,
    min_encryption_version: key.minEncryption,
    name: key.name,
    ...(key.restored === null ? {} : { restore_info: describeMoment(key.restored) }),
    supports_decryption: encrypts(type) && decrypts,
    supports_derivation: derives(type) && key.managed === null,
    supports_encryption: encrypts(type) && decrypts,
    supports_signing: signs(type),
    type: key.managed === null ? key.type : MANAGED_TYPE,
  };
}

/** As a backup has it, too. */
export function describeMoment({ time, version }: Moment): JsonObject {
  return { time: timestamp(time), version };
}

function describeManaged(key: Key, { label, id, oaepHash }: ManagedReference): JsonObject {
  return {
    managed_key_name: label,
    managed_key_id: id,
    managed_key_type: key.type,
    ...(oaepHash === null ? {} : { oaep_hash: oaepHash }),
  };
}

function derivation({ convergent, kdf }: Key): JsonObject {
  // Vault writes -1: each version of the key knows its own, which is 3.
  return {
    kdf: KDF_NAMES[kdf],
    convergent_encryption: convergent,
    ...(convergent ? { convergent_encryption_version: -1 } : {}),
  };
}

/** The time of creation in seconds, or for an asymmetric key an object. */
function describeVersion(key: Key, type: KeyType, number: number, context: Uint8Array | null): number | JsonObject {
  const version = key.versions[number];
  if (version === undefined || !signs(type)) return Math.floor((version?.created ?? 0) / 1000);
  return {
    certificate_chain: '',
    creation_time: timestamp(version.created),
    name: type.family === 'ec' ? type.curve : type.name,
    public_key: key.derived && context === null ? '' : publicText(key, { number, version }, context),
  };
}

/** PEM of SubjectPublicKeyInfo; of ed25519 the 32 bytes in base64. @throws as `publicKeyOf` */
export function publicText(key: Key, found: FoundVersion, context: Uint8Array | null): string {
  const publicKey = publicKeyOf(key, found, context);
  if (key.type === 'ed25519') return ed25519PublicBytes(publicKey).toString('base64');
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}
