import { isDeepStrictEqual } from 'node:util';
import { StoreError } from '../../errors.ts';
import { type JsonObject, setOwn } from '../../json.ts';
import type { EngineContext } from '../engine.ts';
import type { Carried, Planned, Transfer } from '../transfer.ts';
import { addVersion, checkCas, readContent, storeContent } from './data.ts';
import {
  isDeleted,
  loadMetadata,
  loadSettings,
  type Metadata,
  metadataRow,
  newMetadata,
  type Settings,
  storeMetadata,
} from './metadata.ts';
import { describeMetadata, withSettings } from './settings.ts';
import { restoredMetadata, restoredVersions } from './restored.ts';

export function takeSecret(context: EngineContext): Transfer['take'] {
  return async (path, withVersions) => {
    const metadata = await loadMetadata(context, path);
    if (metadata === null) return null;
    return {
      data: await currentData(context, path, metadata),
      metadata: describeMetadata(metadata),
      versions: withVersions ? await allData(context, path, metadata) : null,
    };
  };
}

export function planSecret(context: EngineContext): Transfer['plan'] {
  let settings: Settings | null = null;
  return async (path, carried, cas) => {
    settings ??= await loadSettings(context);
    const before = (await context.view.has(metadataRow(path))) ? await loadMetadata(context, path) : null;
    if (carried.versions === null) return planVersion(context, path, { carried, before, settings, cas });
    if (before === null) checkCas(newMetadata(context.now), NO_SETTINGS, cas ?? 0);
    return planRestore(context, path, before, carried);
  };
}

/** A secret that is not there loses nothing, whatever the mount demands. */
const NO_SETTINGS: Settings = { maxVersions: 0, casRequired: false, deleteVersionAfter: 0 };

interface Situation {
  readonly carried: Carried;
  readonly before: Metadata | null;
  readonly settings: Settings;
  readonly cas: number | null;
}

/** The data becomes the next version, unless it is the newest already. Settings that come with it count from then on. */
async function planVersion(
  context: EngineContext,
  path: string,
  { carried: { data, metadata }, before, settings, cas }: Situation,
): Promise<Planned> {
  const known = before ?? newMetadata(context.now);
  const wanted = metadata === null ? known : withSettings(known, metadata);
  const current = data === null || before === null ? null : await currentData(context, path, before);
  const isNext = data !== null && (current === null || !isDeepStrictEqual(current, data));
  const isChanged = isNext || (wanted !== known && !isDeepStrictEqual(known, wanted));
  if (isNext || ((isChanged || before === null) && cas !== null)) checkCas(known, settings, cas);
  return {
    change: before === null ? 'new' : isChanged ? 'changed' : 'unchanged',
    dropsMetadata: false,
    apply: async () => {
      if (data !== null && isNext) await addVersion(context, path, wanted, settings, data);
      else await storeMetadata(context, path, { ...wanted, updated: context.now });
    },
  };
}

/** All of it as it was, under the same numbers and with the same times. */
async function planRestore(
  context: EngineContext,
  path: string,
  before: Metadata | null,
  carried: Carried,
): Promise<Planned> {
  const metadata = restoredMetadata(carried);
  const versions = restoredVersions(carried, metadata);
  if (before !== null && !(await isSame(context, path, before, { metadata, versions }))) {
    throw new StoreError('path_in_use', `${context.mountPath}${path} is there already, and is not the same`, {
      hint: 'versions are brought back only where there is no such secret: bring it in below another path',
    });
  }
  return {
    change: before === null ? 'new' : 'unchanged',
    dropsMetadata: false,
    apply: async () => {
      for (const [number, data] of versions) await storeContent(context, path, number, data);
      await storeMetadata(context, path, metadata);
    },
  };
}

async function isSame(
  context: EngineContext,
  path: string,
  before: Metadata,
  { metadata, versions }: { readonly metadata: Metadata; readonly versions: ReadonlyMap<number, JsonObject> },
): Promise<boolean> {
  if (!isDeepStrictEqual({ ...before, custom: before.custom ?? {} }, { ...metadata, custom: metadata.custom ?? {} }))
    return false;
  for (const [number, data] of versions)
    if (!isDeepStrictEqual(await readContent(context, path, number), data)) return false;
  return true;
}

/** Null where the newest version is deleted, and where there is none. */
async function currentData(context: EngineContext, path: string, metadata: Metadata): Promise<JsonObject | null> {
  const info = metadata.versions[metadata.current];
  return info === undefined || isDeleted(info, context.now) ? null : readContent(context, path, metadata.current);
}

async function allData(context: EngineContext, path: string, { versions }: Metadata): Promise<JsonObject> {
  const all: JsonObject = {};
  for (const [number, { destroyed }] of Object.entries(versions))
    if (!destroyed) setOwn(all, number, await readContent(context, path, Number(number)));
  return all;
}
