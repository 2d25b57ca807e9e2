import { UsageError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';
import type { JsonObject } from '../../json.ts';
import { optionalBoolean, optionalInteger, optionalText } from '../parameters.ts';
import { timestamp } from './describe.ts';
import { newKey, usableVersions } from './key.ts';
import type { Key, KeyVersion } from './key.ts';
import { decodeEntry, EMPTY_ENTRY, encodeEntry, isEmptyEntry } from './policy-entry.ts';
import { KEY_TYPE_NAMES, typeOf } from './types.ts';
import type { KeyTypeName } from './types.ts';

/*
 * The JSON of Vault's transit/backup, which OpenBao shares: {"policy": {..., "keys": {"N": entry}}, "archived_keys":
 * {"keys": [entry, ...]}}. "keys" has the versions from min_decryption_version on; the archive has all, the first being
 * that of min_available_version (an empty entry for version 0 while that is 0).
 */

const TYPE_NUMBERS: { readonly [name in KeyTypeName]: number } = {
  'aes256-gcm96': 0,
  'ecdsa-p256': 1,
  ed25519: 2,
  'rsa-2048': 3,
  'rsa-4096': 4,
  'chacha20-poly1305': 5,
  'ecdsa-p384': 6,
  'ecdsa-p521': 7,
  'aes128-gcm96': 8,
  'rsa-3072': 9,
  hmac: 11,
};

/** HKDF-SHA256. Vault's 0 is the counter mode of 2016, which coffer does not have. */
const KDF_HKDF = 1;
/** Each version then says for itself. */
const CONVERGENT_BY_VERSION = -1;

/** @param now milliseconds since 1970 */
export function encodePolicy(key: Key, now: number): JsonObject {
  const entries = new Map(Object.entries(key.versions).map(([number, version]) => [Number(number), encodeEntry(key, version)]));
  const archive: JsonObject[] = [];
  for (let number = key.minAvailable; number <= key.latest; number++) archive.push(entries.get(number) ?? EMPTY_ENTRY);
  const policy = {
    name: key.name,
    ...(key.keySize === 0 ? {} : { key_size: key.keySize }),
    keys: Object.fromEntries(usableVersions(key).map((number) => [number, entries.get(number) ?? EMPTY_ENTRY])),
    derived: key.derived,
    kdf: key.derived ? KDF_HKDF : 0,
    convergent_encryption: key.convergent,
    exportable: key.exportable,
    min_decryption_version: key.minDecryption,
    min_encryption_version: key.minEncryption,
    latest_version: key.latest,
    archive_version: key.latest,
    archive_min_version: key.minAvailable,
    min_available_version: key.minAvailable,
    deletion_allowed: key.deletionAllowed,
    convergent_version: key.convergent ? CONVERGENT_BY_VERSION : 0,
    type: TYPE_NUMBERS[key.type],
    backup_info: { time: timestamp(now), version: key.latest },
    restore_info: key.restored === null ? null : { time: timestamp(key.restored.time), version: key.restored.version },
    allow_plaintext_backup: key.plaintextBackup,
    version_template: '',
    storage_prefix: '',
    auto_rotate_period: 0,
    Imported: key.imported,
    AllowImportedKeyRotation: key.importedRotation,
  };
  return { policy, archived_keys: { keys: archive } };
}

/** @throws UsageError `bad_backup`, `unsupported_backup` */
export function decodePolicy(content: JsonObject): Key {
  const { policy } = content;
  if (!isJsonObject(policy)) throw badBackup('it has no policy');
  try {
    return decoded(policy, archiveOf(content));
  } catch (error) {
    if (error instanceof UsageError && error.code === 'unsupported_backup') throw error;
    throw badBackup('a field of it is missing or malformed'); // whatever it was, the message may hold key material
  }
}

function decoded(policy: JsonObject, archive: readonly JsonObject[]): Key {
  const type = typeNumbered(whole(policy, 'type'));
  const settings: Partial<Key> = {
    derived: flag(policy, 'derived'),
    convergent: flag(policy, 'convergent_encryption'),
    exportable: flag(policy, 'exportable'),
    plaintextBackup: flag(policy, 'allow_plaintext_backup'),
    deletionAllowed: flag(policy, 'deletion_allowed'),
    imported: flag(policy, 'Imported'),
    importedRotation: flag(policy, 'AllowImportedKeyRotation'),
    keySize: whole(policy, 'key_size'),
    latest: whole(policy, 'latest_version'),
    minDecryption: Math.max(1, whole(policy, 'min_decryption_version')),
    minEncryption: whole(policy, 'min_encryption_version'),
    minAvailable: whole(policy, 'min_available_version'),
  };
  const key = newKey(optionalText(policy, 'name') ?? '', type, settings);
  checkSupported(policy, key);
  return { ...key, versions: versionsOf(policy, archive, key) };
}

function versionsOf(policy: JsonObject, archive: readonly JsonObject[], key: Key): Key['versions'] {
  const current = isJsonObject(policy['keys']) ? policy['keys'] : {};
  const versions: { [number: string]: KeyVersion } = {};
  for (let number = Math.max(1, key.minAvailable); number <= key.latest; number++) {
    const entry = current[number] ?? archive[number - key.minAvailable];
    if (!isJsonObject(entry) || isEmptyEntry(entry)) {
      if (number >= key.minDecryption) throw new RangeError('a version is missing');
      continue;
    }
    if (key.convergent && convergentVersion(policy, entry) !== 3) throw unsupported('its convergent encryption is older than version 3');
    versions[number] = decodeEntry(typeOf(key.type), entry);
  }
  if (key.latest < 1) throw new RangeError('there is no version');
  return versions;
}

function convergentVersion(policy: JsonObject, entry: JsonObject): number {
  return whole(entry, 'convergent_version') || (optionalInteger(policy, 'convergent_version', { min: CONVERGENT_BY_VERSION }) ?? 0);
}

function checkSupported(policy: JsonObject, key: Key): void {
  // Vault takes HKDF for imported keys whose policy says 0.
  if (key.derived && whole(policy, 'kdf') !== KDF_HKDF && !key.imported) throw unsupported('it derives keys in a way that is older than HKDF');
  if ((optionalText(policy, 'version_template') ?? '') !== '') throw unsupported('its ciphertexts do not begin with vault:vN:');
}

function archiveOf(content: JsonObject): JsonObject[] {
  const archived = content['archived_keys'];
  const keys = isJsonObject(archived) ? archived['keys'] : null;
  return Array.isArray(keys) ? keys.map((entry) => (isJsonObject(entry) ? entry : EMPTY_ENTRY)) : [];
}

function typeNumbered(number: number): KeyTypeName {
  const name = KEY_TYPE_NAMES.find((candidate) => TYPE_NUMBERS[candidate] === number);
  if (name === undefined) throw unsupported(`its type (number ${number}) is not one that coffer has`);
  return name;
}

function whole(object: JsonObject, name: string): number {
  return optionalInteger(object, name, { min: 0 }) ?? 0;
}

function flag(object: JsonObject, name: string): boolean {
  return optionalBoolean(object, name) ?? false;
}

function badBackup(why: string): UsageError {
  return new UsageError('bad_backup', `the backup cannot be restored: ${why}`);
}

function unsupported(why: string): UsageError {
  return new UsageError('unsupported_backup', `the backup cannot be restored: ${why}`);
}
