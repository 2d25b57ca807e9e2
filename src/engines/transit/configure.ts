import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer } from '../engine.ts';
import { optionalBoolean, optionalInteger } from '../parameters.ts';
import { describeKey } from './describe.ts';
import { keyPath } from './hints.ts';
import { type Key, refuseManaged } from './key.ts';
import { storeKey } from './key-row.ts';
import { refuseAutoRotation } from './keys.ts';
import { onKey } from './on-key.ts';
import { limitsConflict } from './version-limits.ts';

/** keys/NAME/config: sets what is given. What allows export and backup cannot be taken back. */
export const configure = onKey(async (context, key, data) => {
  refuseAutoRotation(context, key.name, data);
  const leaves = ['exportable', 'allow_plaintext_backup'].find((name) => optionalBoolean(data, name) === true);
  if (leaves !== undefined) refuseManaged(key, `have ${leaves}: its key object never leaves the HSM`);
  const lowest = optionalInteger(data, 'min_decryption_version', { min: 0 });
  const changed: Key = {
    ...key,
    minDecryption: lowest === 0 ? 1 : (lowest ?? key.minDecryption),
    minEncryption: optionalInteger(data, 'min_encryption_version', { min: 0 }) ?? key.minEncryption,
    deletionAllowed: optionalBoolean(data, 'deletion_allowed') ?? key.deletionAllowed,
    exportable: key.exportable || (optionalBoolean(data, 'exportable') ?? false),
    plaintextBackup: key.plaintextBackup || (optionalBoolean(data, 'allow_plaintext_backup') ?? false),
  };
  const conflict = limitsConflict(changed);
  if (conflict !== null) throw new UsageError('bad_parameter', conflict);
  await storeKey(context, changed);
  return answer(describeKey(changed), { warnings: warningsFor(key, data, lowest) });
});

/** keys/NAME/trim: removes the versions below `min_available_version` for good. */
export const trim = onKey(async (context, key, data) => {
  refuseManaged(key, 'be trimmed: it has one version');
  const oldest = optionalInteger(data, 'min_available_version', { min: 1 });
  if (oldest === null) throw new UsageError('missing_parameter', 'min_available_version is missing');
  if (oldest < key.minAvailable)
    throw new UsageError('bad_parameter', `min_available_version is ${key.minAvailable} already and cannot be lowered`);
  if (key.minEncryption === 0) {
    const fitting = Math.min(key.latest, Math.max(oldest, key.minDecryption));
    const problem = 'the key has no min_encryption_version, which must be set before versions can be trimmed';
    throw new UsageError('bad_parameter', problem, {
      hint: `set it with: coffer write ${keyPath(context, key.name, '/config')} min_encryption_version=${fitting}`,
    });
  }
  const most = Math.min(key.minDecryption, key.minEncryption);
  if (oldest > most) {
    const limit = `${most}, the lesser of min_decryption_version and min_encryption_version`;
    throw new UsageError('bad_parameter', `min_available_version can be at most ${limit}`);
  }
  const versions = Object.fromEntries(Object.entries(key.versions).filter(([number]) => Number(number) >= oldest));
  const changed = { ...key, minAvailable: oldest, versions };
  await storeKey(context, changed);
  return answer(describeKey(changed));
});

function warningsFor(key: Key, data: JsonObject, lowest: number | null): string[] {
  const warnings = lowest === 0 ? ['versions are numbered from 1: min_decryption_version is 1'] : [];
  const { exportable, plaintextBackup } = key;
  for (const [name, isSet] of Object.entries({ exportable, allow_plaintext_backup: plaintextBackup })) {
    if (isSet && optionalBoolean(data, name) === false) warnings.push(`${name} cannot be taken back`);
  }
  return warnings;
}
