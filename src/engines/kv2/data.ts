import { fromUtf8, utf8 } from '../../bytes.ts';
import { StoreError, UsageError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson, setOwn, stringifyJson } from '../../json.ts';
import { answer, type EngineContext, type EngineResponse, type Handler } from '../engine.ts';
import { noDataObject, secretPath, storedNonsense } from '../kv.ts';
import { optionalInteger } from '../parameters.ts';
import {
  describeVersion,
  isDeleted,
  keptVersions,
  loadMetadata,
  loadSettings,
  type Metadata,
  newMetadata,
  plannedDeletion,
  type Settings,
  storeMetadata,
  type VersionInfo,
  versionRow,
} from './metadata.ts';

/** data/PATH: `version` picks one, else the newest. A deleted version answers with its metadata and null data. */
export const readData: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const found = await findVersion(context, path, optionalInteger(data, 'version', { min: 0 }) ?? 0);
  if (found === null) return null;
  const { metadata, version, info } = found;
  const content = isDeleted(info, context.now) ? null : await readContent(context, path, version);
  return answer({ data: content, metadata: describeVersion(metadata, version, info) });
};

/** data/PATH: a new version from `data`, under the condition of `options.cas`. */
export const writeData: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const content = data['data'];
  if (!isJsonObject(content)) throw noDataObject();
  const settings = await loadSettings(context);
  const before = (await loadMetadata(context, path)) ?? newMetadata(context.now);
  checkCas(before, settings, casOf(data));
  return addVersion(context, path, before, settings, content);
};

/** data/PATH: the newest version changed by a JSON merge patch (RFC 7396), as a new version. */
export const patchData: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const patch = data['data'];
  if (!isJsonObject(patch)) throw noDataObject();
  const found = await findVersion(context, path, 0);
  if (found === null || isDeleted(found.info, context.now)) return null;
  const settings = await loadSettings(context);
  checkCas(found.metadata, settings, casOf(data));
  const content = await readContent(context, path, found.version);
  return addVersion(context, path, found.metadata, settings, mergePatch(content, patch));
};

/** subkeys/PATH: the shape of a version, every value null; `depth` cuts it (0: all of it). */
export const readSubkeys: Handler = async (context, data, parts) => {
  const path = secretPath(parts);
  const depth = optionalInteger(data, 'depth', { min: 0 }) ?? 0;
  const found = await findVersion(context, path, optionalInteger(data, 'version', { min: 0 }) ?? 0);
  if (found === null) return null;
  const { metadata, version, info } = found;
  const content = isDeleted(info, context.now) ? null : await readContent(context, path, version);
  const shape = content === null ? null : subkeys(content, depth === 0 ? Infinity : depth);
  return answer({ subkeys: shape, metadata: describeVersion(metadata, version, info) });
};

interface Found {
  readonly metadata: Metadata;
  readonly version: number;
  readonly info: VersionInfo;
}

/** @param wanted 0 for the newest */
async function findVersion(context: EngineContext, path: string, wanted: number): Promise<Found | null> {
  const metadata = await loadMetadata(context, path);
  if (metadata === null) return null;
  const version = wanted === 0 ? metadata.current : wanted;
  const info = metadata.versions[version];
  return info === undefined ? null : { metadata, version, info };
}

export async function readContent(
  { view, mountPath }: EngineContext,
  path: string,
  version: number,
): Promise<JsonObject> {
  const bytes = await view.get(versionRow(path, version));
  const content = bytes === null ? null : parseJson(fromUtf8(bytes));
  if (!isJsonObject(content ?? undefined)) throw storedNonsense(`${mountPath}${path} (version ${version})`);
  return content as JsonObject;
}

function casOf(data: JsonObject): number | null {
  const options = data['options'];
  if (options === undefined || options === null) return null;
  if (!isJsonObject(options))
    throw new UsageError('bad_data', 'options must be an object', { hint: 'for example: "options": {"cas": 0}' });
  // A null is 0 to Vault: a condition that somebody left empty is not one that is not there.
  return options['cas'] === null ? 0 : optionalInteger(options, 'cas', { min: 0 });
}

/** @throws StoreError `cas_required`, `cas_mismatch` */
export function checkCas(metadata: Metadata, settings: Settings, cas: number | null): void {
  if (cas === null) {
    if (!metadata.casRequired && !settings.casRequired) return;
    throw new StoreError('cas_required', 'check-and-set parameter required for this call', {
      hint: [`the current version is ${metadata.current}: `, { remedy: 'match-version' }, String(metadata.current)],
    });
  }
  if (cas === metadata.current) return;
  throw new StoreError('cas_mismatch', 'check-and-set parameter did not match the current version', {
    hint: `the current version is ${metadata.current}, not ${cas}; read it again before you write`,
  });
}

/** Writes the next version and, in the same transaction, removes those beyond the number that is kept. */
export async function addVersion(
  context: EngineContext,
  path: string,
  before: Metadata,
  settings: Settings,
  content: JsonObject,
): Promise<EngineResponse> {
  const { now } = context;
  const version = before.current + 1;
  const info: VersionInfo = { created: now, deletion: plannedDeletion(before, settings, now), destroyed: false };
  await storeContent(context, path, version, content);
  const versions = { ...before.versions, [version]: info };
  const after = await prune(context, path, { ...before, updated: now, current: version, versions }, settings);
  await storeMetadata(context, path, after);
  return answer(describeVersion(after, version, info));
}

export async function storeContent(
  { view }: EngineContext,
  path: string,
  version: number,
  content: JsonObject,
): Promise<void> {
  await view.put(versionRow(path, version), utf8(stringifyJson(content)));
}

async function prune({ view }: EngineContext, path: string, metadata: Metadata, settings: Settings): Promise<Metadata> {
  const kept = keptVersions(metadata, settings);
  if (metadata.current - metadata.oldest < kept) return metadata;
  const oldest = metadata.current - kept + 1;
  const stale = Object.keys(metadata.versions)
    .map(Number)
    .filter((version) => version < oldest);
  for (const version of stale) await view.delete(versionRow(path, version));
  const versions = Object.fromEntries(
    Object.entries(metadata.versions).filter(([version]) => Number(version) >= oldest),
  );
  return { ...metadata, versions, oldest };
}

function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = {};
  for (const [key, value] of Object.entries(target)) if (!Object.hasOwn(patch, key)) setOwn(merged, key, value);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) continue;
    const before = Object.hasOwn(target, key) ? target[key] : undefined;
    setOwn(merged, key, isJsonObject(value) ? mergePatch(isJsonObject(before) ? before : {}, value) : value);
  }
  return merged;
}

function subkeys(content: JsonObject, depth: number): JsonObject {
  const shape: JsonObject = {};
  for (const [key, value] of Object.entries(content)) setOwn(shape, key, shapeOf(value, depth - 1));
  return shape;
}

function shapeOf(value: JsonValue, depth: number): JsonValue {
  return isJsonObject(value) && depth > 0 && Object.keys(value).length > 0 ? subkeys(value, depth) : null;
}
