import { UsageError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { formatDuration } from '../../duration.ts';
import { answer, type Handler, timestamp } from '../engine.ts';
import { secretPath } from '../kv.ts';
import { optionalBoolean, optionalDuration, optionalInteger } from '../parameters.ts';
import { loadMetadata, loadSettings, newMetadata, type Settings, storeMetadata, storeSettings } from './metadata.ts';

/** Limits of custom_metadata, as in Vault. */
const MOST_CUSTOM_KEYS = 64;
const LONGEST_CUSTOM_KEY = 128;
const LONGEST_CUSTOM_VALUE = 512;

/** metadata/PATH, read: settings and the state of every version. */
export const readMetadata: Handler = async (context, _data, parts) => {
  const metadata = await loadMetadata(context, secretPath(parts));
  if (metadata === null) return null;
  const versions = Object.entries(metadata.versions).map(([number, info]) => [
    number,
    {
      created_time: timestamp(info.created),
      deletion_time: info.deletion === null ? '' : timestamp(info.deletion),
      destroyed: info.destroyed,
    },
  ]);
  return answer({
    cas_required: metadata.casRequired,
    created_time: timestamp(metadata.created),
    current_version: metadata.current,
    custom_metadata: metadata.custom === null ? null : { ...metadata.custom },
    delete_version_after: formatDuration(metadata.deleteVersionAfter),
    max_versions: metadata.maxVersions,
    oldest_version: metadata.oldest,
    updated_time: timestamp(metadata.updated),
    versions: Object.fromEntries(versions) as JsonObject,
  });
};

/** metadata/PATH, write: sets what is given; a secret need not exist yet. */
export const writeMetadata: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const before = (await loadMetadata(context, path)) ?? newMetadata(context.now);
  const custom =
    data['custom_metadata'] === undefined ? before.custom : customMetadata(data['custom_metadata'] ?? {}, {});
  await storeMetadata(context, path, { ...changed(before, data), updated: context.now, custom });
  return answer(null);
};

/** metadata/PATH, patch: as write, but custom_metadata is merged, and the secret must exist. */
export const patchMetadata: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const before = await loadMetadata(context, path);
  if (before === null) return null;
  const given = data['custom_metadata'];
  const custom =
    given === undefined ? before.custom : given === null ? null : customMetadata(given, before.custom ?? {});
  await storeMetadata(context, path, { ...changed(before, data), updated: context.now, custom });
  return answer(null);
};

/** config, read: the mount's settings. */
export const readConfig: Handler = async (context) => {
  const { maxVersions, casRequired, deleteVersionAfter } = await loadSettings(context);
  return answer({
    cas_required: casRequired,
    delete_version_after: formatDuration(deleteVersionAfter),
    max_versions: maxVersions,
  });
};

/** config, write: sets what is given. */
export const writeConfig: Handler = async (context, data) => {
  await storeSettings(context, changed(await loadSettings(context), data));
  return answer(null);
};

function changed<Changed extends Settings>(before: Changed, data: JsonObject): Changed {
  return {
    ...before,
    maxVersions: optionalInteger(data, 'max_versions', { min: 0 }) ?? before.maxVersions,
    casRequired: optionalBoolean(data, 'cas_required') ?? before.casRequired,
    deleteVersionAfter: optionalDuration(data, 'delete_version_after') ?? before.deleteVersionAfter,
  };
}

/** `given` merged over `before`; null takes a key away. @throws UsageError `bad_parameter` */
function customMetadata(given: unknown, before: { readonly [name: string]: string }): { [name: string]: string } {
  if (!isJsonObject(given as JsonObject)) throw refused('it must be an object of strings');
  const merged = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(given as JsonObject)) {
    if (value === null) merged.delete(key);
    else if (typeof value === 'string') merged.set(key, value);
    else throw refused(`the value of ${JSON.stringify(key)} is not a string`);
    if (key === '' || key.length > LONGEST_CUSTOM_KEY) throw refused(`a key has 1 to ${LONGEST_CUSTOM_KEY} characters`);
    if (typeof value === 'string' && value.length > LONGEST_CUSTOM_VALUE)
      throw refused(`a value has at most ${LONGEST_CUSTOM_VALUE} characters`);
  }
  if (merged.size > MOST_CUSTOM_KEYS) throw refused(`it has at most ${MOST_CUSTOM_KEYS} keys`);
  return Object.fromEntries(merged);
}

function refused(why: string): UsageError {
  return new UsageError('bad_parameter', `custom_metadata: ${why}`);
}
