import type { JsonObject } from '../../json.ts';
import { formatDuration } from '../../duration.ts';
import { answer, type EngineContext, type EngineResponse, type Handler, timestamp } from '../engine.ts';
import { secretPath } from '../kv.ts';
import { optionalBoolean, optionalDuration, optionalInteger } from '../parameters.ts';
import { describeRemarks, mergedRemarks, replacedRemarks } from './custom-metadata.ts';
import {
  loadMetadata,
  loadSettings,
  type Metadata,
  newMetadata,
  type Settings,
  storeMetadata,
  storeSettings,
} from './metadata.ts';

/** metadata/PATH, read: settings and the state of every version. */
export const readMetadata: Handler = async (context, _data, parts) => {
  const metadata = await loadMetadata(context, secretPath(parts));
  return metadata === null ? null : answer(describeMetadata(metadata));
};

export function describeMetadata(metadata: Metadata): JsonObject {
  const versions = Object.entries(metadata.versions).map(([number, info]) => [
    number,
    {
      created_time: timestamp(info.created),
      deletion_time: info.deletion === null ? '' : timestamp(info.deletion),
      destroyed: info.destroyed,
    },
  ]);
  return {
    cas_required: metadata.casRequired,
    created_time: timestamp(metadata.created),
    current_version: metadata.current,
    custom_metadata: describeRemarks(metadata.custom),
    delete_version_after: formatDuration(metadata.deleteVersionAfter),
    max_versions: metadata.maxVersions,
    oldest_version: metadata.oldest,
    updated_time: timestamp(metadata.updated),
    versions: Object.fromEntries(versions) as JsonObject,
  };
}

/** The same metadata with the settings that such an answer has, and with its remarks. @throws UsageError `bad_parameter` */
export function withSettings(metadata: Metadata, described: JsonObject): Metadata {
  const remarks = described['custom_metadata'];
  const custom = remarks === undefined ? metadata.custom : replacedRemarks(remarks);
  return { ...changed(metadata, described), custom };
}

/** metadata/PATH, write: sets what is given; a secret need not exist yet. Without a setting nothing is made. */
export const writeMetadata: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const before = (await loadMetadata(context, path)) ?? newMetadata(context.now);
  const given = data['custom_metadata'];
  const custom = given === undefined ? before.custom : replacedRemarks(given);
  return store(context, path, { ...before, custom }, data);
};

/** metadata/PATH, patch: as write, but custom_metadata is merged, and the secret must exist. */
export const patchMetadata: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const before = await loadMetadata(context, path);
  if (before === null) return null;
  const given = data['custom_metadata'];
  const custom = given === undefined ? before.custom : mergedRemarks(given, before.custom);
  return store(context, path, { ...before, custom }, data);
};

/** @param before with the remarks that it shall have */
async function store(
  context: EngineContext,
  path: string,
  before: Metadata,
  data: JsonObject,
): Promise<EngineResponse> {
  if (!namesSetting(data) && data['custom_metadata'] === undefined)
    return answer(null, { warnings: [nothingSet(context.mountPath + path)] });
  await storeMetadata(context, path, { ...changed(before, data), updated: context.now });
  const isOverruled =
    optionalBoolean(nullsAsDefaults(data), 'cas_required') === false && (await loadSettings(context)).casRequired;
  const warnings = isOverruled ? [`cas_required is false, and ${context.mountPath}config demands it all the same`] : [];
  return answer(null, { warnings });
}

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
  if (!namesSetting(data)) return answer(null, { warnings: [nothingSet(`${context.mountPath}config`)] });
  await storeSettings(context, changed(await loadSettings(context), data));
  return answer(null);
};

const DEFAULTS = { max_versions: 0, cas_required: false, delete_version_after: 0 } as const;

function namesSetting(data: JsonObject): boolean {
  return Object.keys(DEFAULTS).some((name) => data[name] !== undefined);
}

/** A null takes a setting away, as in a JSON merge patch (RFC 7396), and as Vault has it where one is written. */
function nullsAsDefaults(data: JsonObject): JsonObject {
  const nulls = Object.entries(DEFAULTS).filter(([name]) => data[name] === null);
  return { ...data, ...Object.fromEntries(nulls) };
}

function nothingSet(what: string): string {
  return `nothing was done: no setting of ${what} is given`;
}

function changed<Changed extends Settings>(before: Changed, given: JsonObject): Changed {
  const data = nullsAsDefaults(given);
  const after = optionalDuration(data, 'delete_version_after') ?? before.deleteVersionAfter;
  return {
    ...before,
    maxVersions: optionalInteger(data, 'max_versions', { min: 0 }) ?? before.maxVersions,
    casRequired: optionalBoolean(data, 'cas_required') ?? before.casRequired,
    deleteVersionAfter: after < 0 ? NEVER : after,
  };
}

/** Every negative duration means the same and reads back as -1s, as in Vault. */
const NEVER = -1000;
