import { hasCode, UsageError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { checkDerivation } from './create.ts';
import { describeMoment } from './describe.ts';
import { type Kdf, type Key, newKey, usableVersions } from './key.ts';
import { EMPTY_ENTRY, encodeEntry } from './policy-entry.ts';
import { badBackup, unsupported } from './policy-error.ts';
import { memberFlag, memberMoment, memberText, memberWhole } from './policy-member.ts';
import { leftBehind } from './policy-rest.ts';
import { type Dialect, policyType, typeNumber } from './policy-type.ts';
import { CONVERGENT_BY_VERSION, decodeVersions, heldEntries, type HeldEntries } from './policy-versions.ts';
import { limitsConflict } from './version-limits.ts';

/*
 * The JSON of Vault's transit/backup, which OpenBao shares: {"policy": {..., "keys": {"N": entry}}, "archived_keys":
 * {"keys": [entry, ...]}}. "keys" has the versions from min_decryption_version on; the archive has all, the first being
 * that of min_available_version (an empty entry for version 0 while that is 0).
 */

const KDFS: readonly Kdf[] = ['counter', 'hkdf']; // by Vault's number

/** @param dialect whose numbers it has for the types */
export function encodePolicy(key: Key, dialect: Dialect): JsonObject {
  const entries = new Map(
    Object.entries(key.versions).map(([number, version]) => [Number(number), encodeEntry(key, version)]),
  );
  const archive: JsonObject[] = [];
  for (let number = key.minAvailable; number <= key.latest; number++) archive.push(entries.get(number) ?? EMPTY_ENTRY);
  const policy = {
    name: key.name,
    ...(key.keySize === 0 ? {} : { key_size: key.keySize }),
    keys: Object.fromEntries(usableVersions(key).map((number) => [number, entries.get(number) ?? EMPTY_ENTRY])),
    derived: key.derived,
    kdf: key.derived ? KDFS.indexOf(key.kdf) : 0,
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
    type: typeNumber(key.type, dialect),
    backup_info: key.backedUp === null ? null : describeMoment(key.backedUp),
    restore_info: key.restored === null ? null : describeMoment(key.restored),
    allow_plaintext_backup: key.plaintextBackup,
    version_template: '',
    storage_prefix: '',
    auto_rotate_period: 0,
    Imported: key.imported,
    AllowImportedKeyRotation: key.importedRotation,
  };
  return { policy, archived_keys: { keys: archive } };
}

/** @returns the key, and in a sentence each what of the backup it does not have @throws UsageError `bad_backup`, `unsupported_backup` */
export function decodePolicy(content: JsonObject): { key: Key; left: string[] } {
  const { policy } = content;
  if (!isJsonObject(policy)) throw badBackup('it has no policy');
  try {
    return decoded(policy, heldEntries(policy, content['archived_keys']));
  } catch (error) {
    if (hasCode(error, UsageError, 'unsupported_backup', 'bad_backup')) throw error;
    throw badBackup('a field of it is missing or malformed'); // whatever it was, the message may hold key material
  }
}

function decoded(policy: JsonObject, held: HeldEntries): { key: Key; left: string[] } {
  const settings: Partial<Key> = {
    derived: memberFlag(policy, 'derived'),
    convergent: memberFlag(policy, 'convergent_encryption'),
    exportable: memberFlag(policy, 'exportable'),
    plaintextBackup: memberFlag(policy, 'allow_plaintext_backup'),
    deletionAllowed: memberFlag(policy, 'deletion_allowed'),
    imported: memberFlag(policy, 'Imported'),
    importedRotation: memberFlag(policy, 'AllowImportedKeyRotation'),
    keySize: memberWhole(policy, 'key_size'),
    latest: memberWhole(policy, 'latest_version'),
    minDecryption: Math.max(1, memberWhole(policy, 'min_decryption_version')),
    minEncryption: memberWhole(policy, 'min_encryption_version'),
    minAvailable: memberWhole(policy, 'min_available_version'),
    backedUp: memberMoment(policy, 'backup_info'),
  };
  const type = policyType(policy, [...held.current.values(), ...held.archive]);
  const key = withKdf(newKey(memberText(policy, 'name'), type, settings), policy);
  checkSupported(policy, key);
  const conflict = limitsConflict(key);
  if (conflict !== null) throw badBackup(conflict);
  const { versions, entries, surplus } = decodeVersions(policy, held, key);
  const strays = surplus.map((number) => `version "${number}" was not restored: it is none of the key's`);
  return { key: { ...key, versions }, left: [...leftBehind(policy, entries), ...strays] };
}

/** @throws UsageError `unsupported_backup` */
function withKdf(key: Key, policy: JsonObject): Key {
  if (!key.derived) return key;
  const kdf = KDFS[memberWhole(policy, 'kdf')];
  if (kdf === undefined) throw unsupported('it derives keys in a way that coffer does not know');
  // The counter mode gives 32 bytes, of which no server makes an ed25519 key, or a nonce beside the encryption key.
  if (kdf === 'counter' && key.type === 'ed25519')
    throw unsupported('in counter mode (kdf 0) no server derives ed25519 keys');
  if (kdf === 'counter' && key.convergent)
    throw unsupported('in counter mode (kdf 0) no server has convergent encryption');
  return { ...key, kdf };
}

function checkSupported(policy: JsonObject, key: Key): void {
  try {
    checkDerivation(key);
  } catch {
    throw unsupported('its type does not go with derived or convergent_encryption');
  }
  if (memberText(policy, 'version_template') !== '') throw unsupported('its ciphertexts do not begin with vault:vN:');
  if (memberFlag(policy, 'soft_deleted')) throw unsupported('the key is marked as deleted (soft_deleted)');
}
