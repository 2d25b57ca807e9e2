import { fromUtf8, utf8 } from '../bytes.ts';
import { isJsonObject, type JsonObject, parseJson, stringifyJson } from '../json.ts';
import { type CheckContext, type RowCheck, storedObject } from './check.ts';
import { answer, type Engine, type EngineContext, type EngineResponse, type PathParts } from './engine.ts';
import { emptyData, listing, secretPath, segments, storedNonsense } from './kv.ts';

/** Vault's default lease in seconds, which version 1 tells readers as a refresh interval. */
const REFRESH_SECONDS = 2_764_800;

/** kv version 1: one JSON object a path. */
export const kv1: Engine = {
  type: 'kv',
  routes: async () => [['*path', 'a secret, or the names below a folder', { read, write, list, delete: remove }]],
  rowName: ([, ...secret]) => secret.join('/'),
  check: async (context) => checkRow(context),
};

async function read(
  { view, mountPath }: EngineContext,
  _data: JsonObject,
  parts: PathParts,
): Promise<EngineResponse | null> {
  const path = secretPath(parts);
  const stored = await view.get(row(path));
  if (stored === null) return null;
  const data = parseJson(fromUtf8(stored));
  if (!isJsonObject(data)) throw storedNonsense(mountPath + path);
  return answer(data, { leaseDuration: REFRESH_SECONDS });
}

async function write({ view }: EngineContext, data: JsonObject, parts: PathParts): Promise<EngineResponse> {
  const path = secretPath(parts);
  if (Object.keys(data).length === 0) throw emptyData();
  await view.put(row(path), utf8(stringifyJson(data)));
  return answer(null);
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

const FOLDER = 'secrets';
