import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type Handler } from '../engine.ts';
import { secretPath } from '../kv.ts';
import { integerList } from '../parameters.ts';
import {
  isDeleted,
  loadMetadata,
  loadSettings,
  type Metadata,
  metadataRow,
  plannedDeletion,
  storeMetadata,
  type VersionInfo,
  versionRow,
} from './metadata.ts';

/** data/PATH, delete: marks the newest version as deleted. */
export const deleteNewest: Handler = async (context, _data, parts) => {
  const path = secretPath(parts);
  const metadata = await loadMetadata(context, path);
  if (metadata !== null) await change(context, path, [metadata.current], (info) => markDeleted(info, context.now));
  return answer(null);
};

/** delete/PATH: marks `versions` as deleted. */
export const deleteVersions: Handler = async (context, data, parts) => {
  await change(context, secretPath(parts), wanted(data), (info) => markDeleted(info, context.now));
  return answer(null);
};

/** undelete/PATH: takes the mark off `versions`, whose time begins anew; what is destroyed stays as it is. */
export const undeleteVersions: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const settings = await loadSettings(context);
  const outcome = await change(context, path, wanted(data), (info, metadata) =>
    info.destroyed ? null : { ...info, deletion: plannedDeletion(metadata, settings, context.now) },
  );
  return answer(null, { warnings: passedOver(context.mountPath + path, outcome) });
};

/** destroy/PATH: removes the data of `versions` for good and keeps their metadata. */
export const destroyVersions: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const versions = wanted(data);
  for (const version of versions) await context.view.delete(versionRow(path, version));
  const outcome = await change(context, path, versions, (info) => ({ ...info, destroyed: true }));
  return answer(null, { warnings: passedOver(context.mountPath + path, outcome) });
};

/** metadata/PATH, delete: removes the secret with all its versions. */
export const deleteAll: Handler = async (context, _data, parts) => {
  const path = secretPath(parts);
  const metadata = await loadMetadata(context, path);
  for (const version of Object.keys(metadata?.versions ?? {}))
    await context.view.delete(versionRow(path, Number(version)));
  await context.view.delete(metadataRow(path));
  return answer(null);
};

function markDeleted(info: VersionInfo, now: number): VersionInfo {
  return isDeleted(info, now) ? info : { ...info, deletion: now };
}

/** What came of each version that was named. */
interface Outcome {
  readonly hasSecret: boolean;
  readonly done: readonly number[];
  readonly missing: readonly number[];
  /** There, but of no use for this. */
  readonly refused: readonly number[];
}

/**
 * Changes versions of a secret, and leaves the time of its last update alone, as Vault does.
 * @param changed gives null for a version that it cannot change
 */
async function change(
  context: EngineContext,
  path: string,
  numbers: readonly number[],
  changed: (info: VersionInfo, metadata: Metadata) => VersionInfo | null,
): Promise<Outcome> {
  const metadata = await loadMetadata(context, path);
  const versions = { ...metadata?.versions };
  const done: number[] = [];
  const missing: number[] = [];
  const refused: number[] = [];
  for (const number of new Set(numbers)) {
    const info = versions[number];
    const after = info === undefined || metadata === null ? null : changed(info, metadata);
    if (after === null) (info === undefined ? missing : refused).push(number);
    else {
      versions[number] = after;
      done.push(number);
    }
  }
  if (metadata !== null && done.length > 0) await storeMetadata(context, path, { ...metadata, versions });
  return { hasSecret: metadata !== null, done, missing, refused };
}

/** A warning for what was named and is not there to be undeleted or destroyed; Vault passes it over in silence. */
function passedOver(secret: string, { hasSecret, done, missing, refused }: Outcome): string[] {
  if (!hasSecret) return [`nothing was done: there is no secret ${secret}`];
  const reasons = [
    missing.length === 0 ? null : `${secret} has no version ${missing.join(', ')}`,
    refused.length === 0 ? null : `version ${refused.join(', ')} of ${secret} is destroyed`,
  ].filter((reason) => reason !== null);
  if (reasons.length === 0) return [];
  return [`${done.length === 0 ? 'nothing was done: ' : ''}${reasons.join(', and ')}`];
}

function wanted(data: JsonObject): number[] {
  const versions = integerList(data, 'versions', { min: 1 });
  if (versions.length > 0) return versions;
  throw new UsageError('bad_parameter', 'no version is named', { hint: { remedy: 'choose-versions' } });
}
