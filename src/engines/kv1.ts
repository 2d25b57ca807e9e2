import { fromUtf8, utf8 } from '../bytes.ts';
import { parseSignedDuration } from '../duration.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, parseJson, stringifyJson } from '../json.ts';
import { type CheckContext, type RowCheck, storedObject } from './check.ts';
import { answer, type Engine, type EngineContext, type EngineResponse, type PathParts } from './engine.ts';
import { emptyData, listing, secretPath, segments, storedNonsense } from './kv.ts';

/** Vault's default lease in seconds, which version 1 tells readers as a refresh interval. */
const REFRESH_SECONDS = 2_764_800;

const FOLDER = 'secrets';

/** kv version 1: one JSON object a path. */
export const kv1: Engine = {
  type: 'kv',
  routes: async () => [
    [
      '*path',
      'a secret, or the names below a folder',
      { read, write, list, delete: remove },
      { write: 'anything' },
      ['write', 'user=ada'],
    ],
  ],
  folders: [FOLDER],
  rowName: ([, ...secret]) => secret.join('/'),
  check: async (context) => checkRow(context),
};

async function read(context: EngineContext, _data: JsonObject, parts: PathParts): Promise<EngineResponse | null> {
  const data = await readSecret(context, secretPath(parts));
  return data === null ? null : answer(data, { leaseDuration: leaseSeconds(data) });
}

/** @param path below the mount */
export async function readSecret({ view, mountPath }: EngineContext, path: string): Promise<JsonObject | null> {
  const stored = await view.get(row(path));
  if (stored === null) return null;
  const data = parseJson(fromUtf8(stored));
  if (!isJsonObject(data)) throw storedNonsense(mountPath + path);
  return data;
}

/**
 * How soon a reader should look again, which the writer may say in a key `ttl`, or else `lease`: seconds or a duration such as
 * "30m". One that cannot be read stands for the default, and an empty one for none, as in Vault.
 */
function leaseSeconds(data: JsonObject): number {
  const key = ['ttl', 'lease'].find((name) => Object.hasOwn(data, name));
  if (key === undefined) return REFRESH_SECONDS;
  const given = data[key] ?? '';
  if (given === '') return 0;
  const text = isLosslessNumber(given) ? given.value : given;
  const milliseconds = typeof text === 'string' ? parseSignedDuration(text) : null;
  return milliseconds === null ? REFRESH_SECONDS : Math.trunc(milliseconds / 1000);
}

async function write(context: EngineContext, data: JsonObject, parts: PathParts): Promise<EngineResponse> {
  const path = secretPath(parts);
  if (Object.keys(data).length === 0) throw emptyData();
  await writeSecret(context, path, data);
  return answer(null);
}

/** @param data not empty */
export async function writeSecret({ view }: EngineContext, path: string, data: JsonObject): Promise<void> {
  await view.put(row(path), utf8(stringifyJson(data)));
}

async function remove({ view }: EngineContext, _data: JsonObject, parts: PathParts): Promise<EngineResponse> {
  await view.delete(row(secretPath(parts)));
  return answer(null);
}

async function list({ view }: EngineContext, _data: JsonObject, parts: PathParts): Promise<EngineResponse | null> {
  return listing(await view.list(row(parts['path'] ?? '')));
}

/** Every row is a secret, and every secret a JSON object. */
function checkRow({ mountPath }: CheckContext): RowCheck {
  return async ([folder, ...secret], value) => {
    const name = secret.join('/');
    if (folder !== FOLDER || secret.length === 0)
      return [`${mountPath} holds a row that is no secret: ${[folder, ...secret].join('/')}`];
    return storedObject(value) === null ? [`${mountPath}${name} is not what coffer writes there`] : [];
  };
}

/** Below a folder of their own, so that a mount can become version 2 without its names meeting the engine's. */
export function row(path: string): string[] {
  return [FOLDER, ...segments(path)];
}
