import { type Context, joinedNames, type Mounts, secretPlace, withMounts } from '../core/index.ts';
import { StoreError, UsageError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { shellWord } from '../shell.ts';
import { secretAt } from './commands/kv/mount.ts';
import { absenceHint, raw } from './table.ts';

/** One field of a secret, whose path is as `kv get` takes it. */
export interface Reference {
  readonly path: string;
  readonly field: string;
}

/** What a reference begins with in a file. */
export const SCHEME = 'coffer://';

/** How what is none could be written. */
export const REFERENCE_HINT =
  'a reference is PATH#FIELD, for example secret/app#password; in it %23 stands for # and %25 for %';

/** A reference as it is typed, with or without `SCHEME`; null for what is none. */
export function parseReference(text: string): Reference | null {
  const [, path, field] = /^(?:coffer:\/\/)?([^#]+)#([^#]*)$/.exec(text) ?? [];
  if (path === undefined || field === undefined) return null;
  const names = joinedNames(unescaped(path));
  return names === '' ? null : { path: names, field: unescaped(field) };
}

function unescaped(text: string): string {
  return text.replace(/%(23|25)/g, (_, code) => (code === '23' ? '#' : '%'));
}

/**
 * What the secrets at these paths hold, each read once, all in one login and one transaction. Without paths there is no login.
 * @throws StoreError `no_value` where there is none, or its newest version is deleted; as `withMounts`
 */
export async function readContents(
  context: Context,
  paths: readonly string[],
): Promise<ReadonlyMap<string, JsonObject>> {
  const contents = new Map<string, JsonObject>();
  if (paths.length === 0) return contents;
  await withMounts(context, 'read', async (mounts) => {
    for (const path of new Set(paths)) contents.set(path, await contentAt(mounts, path));
  });
  return contents;
}

async function contentAt(mounts: Mounts, path: string): Promise<JsonObject> {
  secretPlace(mounts, path); // of many references the error names the one
  const secret = secretAt(mounts, path);
  const response = await secret.request('read', 'data');
  if (response === null) throw secret.nothingAt('data', 'kv get');
  const data = response.data ?? {};
  const content = secret.version === 2 ? data['data'] : data;
  if (isJsonObject(content)) return content;
  const metadata = data['metadata'];
  const isDestroyed = isJsonObject(metadata) && metadata['destroyed'] === true;
  throw new StoreError('no_value', `No data found at ${secret.path('data')}`, {
    hint: isDestroyed
      ? `its newest version is destroyed; for others see: coffer kv metadata get ${shellWord(path)}`
      : 'its newest version is deleted; see: coffer kv undelete -h',
  });
}

/**
 * A field as text: what `kv get -field` prints.
 * @throws UsageError `no_field` where it is not there or null, `unfit_value` where it is no text that UTF-8 has bytes for
 */
export function fieldText(content: JsonObject, { path, field }: Reference): string {
  const value = Object.hasOwn(content, field) ? content[field] : undefined;
  if (value === null) throw new UsageError('no_field', `Field ${JSON.stringify(field)} of secret ${path} is null`);
  if (value !== undefined) return wellFormed(raw(value), { path, field });
  throw new UsageError('no_field', `Field ${JSON.stringify(field)} not present in secret ${path}`, {
    hint: absenceHint(field, content),
  });
}

/** JSON can hold half of a pair of surrogates, which no text in UTF-8 can. */
function wellFormed(value: string, { path, field }: Reference): string {
  if (!/\p{Surrogate}/u.test(value)) return value;
  throw new UsageError('unfit_value', `${path}#${field} holds half of a surrogate pair, which UTF-8 has no bytes for`, {
    hint: 'read it with: coffer kv get -format=json, which escapes it',
  });
}
