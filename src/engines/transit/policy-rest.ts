import type { JsonObject } from '../../json.ts';
import { EMPTY_ENTRY } from './policy-entry.ts';
import { isUnset } from './policy-member.ts';

/** What a restored key has, what is made anew at a restore, and what only the servers' storage needs. */
const KEPT: readonly string[] = [
  'name',
  'type',
  'key_size',
  'keys',
  'derived',
  'kdf',
  'convergent_encryption',
  'convergent_version',
  'exportable',
  'deletion_allowed',
  'min_decryption_version',
  'min_encryption_version',
  'latest_version',
  'min_available_version',
  'allow_plaintext_backup',
  'Imported',
  'AllowImportedKeyRotation',
  'version_template',
  'backup_info',
  'restore_info',
  'archive_version',
  'archive_min_version',
  'storage_prefix',
];

/**
 * Names in a sentence each what the policy and its versions have that a restored key has not.
 * @param versions by number
 */
export function leftBehind(policy: JsonObject, versions: ReadonlyMap<number, JsonObject>): string[] {
  const sentences = setMembers(policy, KEPT).map((name) =>
    name === 'auto_rotate_period'
      ? 'auto_rotate_period was not restored: no server runs that could rotate the key'
      : `${JSON.stringify(name)} of the backup was not restored`,
  );
  const holders = new Map<string, number[]>();
  for (const [number, entry] of versions) {
    for (const name of setMembers(entry, Object.keys(EMPTY_ENTRY)))
      holders.set(name, [...(holders.get(name) ?? []), number]);
  }
  for (const [name, numbers] of holders) {
    const which = numbers.length === 1 ? `version ${numbers.join()}` : `versions ${numbers.join(', ')}`;
    sentences.push(`${JSON.stringify(name)} of ${which} was not restored`);
  }
  return sentences;
}

function setMembers(object: JsonObject, kept: readonly string[]): string[] {
  return Object.entries(object).flatMap(([name, value]) => (kept.includes(name) || isUnset(value) ? [] : [name]));
}
