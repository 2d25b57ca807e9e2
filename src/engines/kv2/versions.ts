import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type EngineResponse, type Handler } from '../engine.ts';
import { secretPath } from '../kv.ts';
import { integerList } from '../parameters.ts';
import { isDeleted, loadMetadata, metadataRow, storeMetadata, type VersionInfo, versionRow } from './metadata.ts';

/** data/PATH, delete: marks the newest version as deleted. */
export const deleteNewest: Handler = async (context, _data, parts) => {
  const path = secretPath(parts);
  const metadata = await loadMetadata(context, path);
  return metadata === null ? answer(null) : change(context, path, [metadata.current], markDeleted);
};

/** delete/PATH: marks `versions` as deleted. */
export const deleteVersions: Handler = async (context, data, parts) => {
  return change(context, secretPath(parts), wanted(data), markDeleted);
};

/** undelete/PATH: takes the mark off `versions`; what is destroyed stays so. */
export const undeleteVersions: Handler = async (context, data, parts) => {
  return change(context, secretPath(parts), wanted(data), (info) => ({ ...info, deletion: null }));
};

/** destroy/PATH: removes the data of `versions` for good and keeps their metadata. */
export const destroyVersions: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const versions = wanted(data);
  for (const version of versions) await context.view.delete(versionRow(path, version));
  return change(context, path, versions, (info) => ({ ...info, destroyed: true }));
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

/** Versions that are not there are passed over, as in Vault; null when there is no such secret. */
async function change(
  context: EngineContext,
  path: string,
  numbers: readonly number[],
  changed: (info: VersionInfo, now: number) => VersionInfo,
): Promise<EngineResponse | null> {
  const metadata = await loadMetadata(context, path);
  if (metadata === null) return null;
  const versions = { ...metadata.versions };
  for (const number of numbers) {
    const info = versions[number];
    if (info !== undefined) versions[number] = changed(info, context.now);
  }
  await storeMetadata(context, path, { ...metadata, versions, updated: context.now });
  return answer(null);
}

function wanted(data: JsonObject): number[] {
  const versions = integerList(data, 'versions', { min: 1 });
  if (versions.length > 0) return versions;
  throw new UsageError('bad_parameter', 'no version is named', { hint: { remedy: 'choose-versions' } });
}
