import { isJsonObject, type JsonObject } from '../../json.ts';
import { IntegrityError } from '../../errors.ts';
import { type CheckContext, isWhole, type RowCheck, storedObject } from '../check.ts';
import { metadataRow, SETTINGS_ROW, versionRow } from './metadata.ts';

const [METADATA] = metadataRow('');
const [VERSIONS] = versionRow('', 0);
const [SETTINGS] = SETTINGS_ROW;

/** By their numbers. */
type Versions = ReadonlyMap<number, { readonly destroyed: boolean }>;

/**
 * Metadata and versions agree both ways: what the metadata lists is there unless it was destroyed, and what is there is
 * listed. So a version that was taken away, or put back after it was destroyed or pruned, is found.
 */
export function checkKv2(context: CheckContext): RowCheck {
  const { mountPath } = context;
  const versionsOf = versionsOfLast(context);
  return async (path, value) => {
    const [kind, ...rest] = path;
    if (kind === SETTINGS && rest.length === 0)
      return isSettings(storedObject(value)) ? [] : [`the settings of ${mountPath} are not what coffer writes there`];
    if (kind === METADATA && rest.length > 0) return checkMetadata(context, rest.join('/'), storedObject(value));
    const [secret = '', number = ''] = rest;
    if (kind !== VERSIONS || rest.length !== 2 || !/^[1-9]\d*$/.test(number))
      return [`${mountPath} holds a row that is none of a secret: ${path.join('/')}`];
    const faults =
      storedObject(value) === null ? [`${mountPath}${secret} (version ${number}) is not what coffer writes there`] : [];
    const listed = await versionsOf(secret);
    return listed === 'unreadable' ? faults : [...faults, ...misplaced(`${mountPath}${secret}`, number, listed)];
  };
}

/** What is wrong with a secret's metadata, and which of its versions are gone. */
async function checkMetadata(context: CheckContext, secret: string, metadata: JsonObject | null): Promise<string[]> {
  const { mountPath } = context;
  const versions = metadata === null ? null : listedVersions(metadata);
  if (metadata === null || versions === null)
    return [`the metadata of ${mountPath}${secret} is not what coffer writes there`];
  const faults: string[] = [];
  const gone = 'is gone, and its metadata does not say that it was destroyed';
  for (const [number, { destroyed }] of versions) {
    const there = await context.has(versionRow(secret, number));
    if (!there && !destroyed) faults.push(`the data of ${mountPath}${secret} (version ${number}) ${gone}`);
  }
  const current = Number(metadata['current']);
  if (current !== 0 ? !versions.has(current) : versions.size > 0)
    faults.push(`the metadata of ${mountPath}${secret} does not list its current version`);
  return faults;
}

/** Why a version's data should not be there. @param listed null where the secret has no metadata */
function misplaced(secret: string, number: string, listed: Versions | null): string[] {
  if (listed === null) return [`there is data of ${secret} (version ${number}), but no metadata`];
  const info = listed.get(Number(number));
  if (info === undefined) return [`there is data of ${secret} (version ${number}), which its metadata does not list`];
  return info.destroyed ? [`there is data of ${secret} (version ${number}), which was destroyed`] : [];
}

/** What a secret's metadata lists, by the numbers of its versions; null where the metadata is not as coffer writes it. */
function listedVersions(metadata: JsonObject): Versions | null {
  const { versions, current, oldest, casRequired } = metadata;
  if (!isJsonObject(versions) || !isWhole(current, 0) || !isWhole(oldest, 0, Number(current))) return null;
  const hasNumbers = ['created', 'updated', 'maxVersions'].every((name) => isWhole(metadata[name], 0));
  if (!hasNumbers || typeof casRequired !== 'boolean') return null;
  const found = new Map<number, { readonly destroyed: boolean }>();
  for (const [name, info] of Object.entries(versions)) {
    const isKept = Number(name) <= Number(current) && Number(name) >= Number(oldest);
    if (!/^[1-9]\d*$/.test(name) || !isKept) return null;
    if (!isJsonObject(info) || typeof info['destroyed'] !== 'boolean' || !isWhole(info['created'], 0)) return null;
    if (info['deletion'] !== null && !isWhole(info['deletion'], 0)) return null;
    found.set(Number(name), { destroyed: info['destroyed'] });
  }
  return found;
}

function isSettings(settings: JsonObject | null): boolean {
  return (
    settings !== null &&
    isWhole(settings['maxVersions'], 0) &&
    typeof settings['casRequired'] === 'boolean' &&
    isWhole(settings['deleteVersionAfter'], -Number.MAX_SAFE_INTEGER)
  );
}

/**
 * What a secret's metadata lists, read once for all of its versions, which come one after the other. Metadata that does
 * not open, or is not as coffer writes it, is told at its own row.
 */
function versionsOfLast({ view }: CheckContext): (secret: string) => Promise<Versions | 'unreadable' | null> {
  let last: { readonly secret: string; readonly listed: Versions | 'unreadable' | null } | null = null;
  return async (secret) => {
    if (last?.secret !== secret) last = { secret, listed: await read(secret) };
    return last.listed;
  };

  async function read(secret: string): Promise<Versions | 'unreadable' | null> {
    try {
      const bytes = await view.get(metadataRow(secret));
      if (bytes === null) return null;
      const metadata = storedObject(bytes);
      return metadata === null ? 'unreadable' : (listedVersions(metadata) ?? 'unreadable');
    } catch (error) {
      if (error instanceof IntegrityError) return 'unreadable';
      throw error;
    }
  }
}
