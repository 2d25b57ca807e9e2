import { answer, type EngineResponse } from '../../engines/index.ts';
import { hearSignals } from '../../hearing.ts';
import { isJsonObject, type JsonObject, type JsonValue, setOwn } from '../../json.ts';
import type { Mounts } from './mounts.ts';

type Requests = Pick<Mounts, 'request'>;

/**
 * What a list request answers for a path and for every folder below it, as one answer: names with the folders that lead to them, and
 * no folder by itself. Null where there is nothing.
 * @throws StoreError `no_mount`, `unsupported_path`
 */
export async function listLeaves(mounts: Requests, path: string): Promise<EngineResponse | null> {
  const keys: string[] = [];
  const info: JsonObject = {};
  for await (const { name, known } of leavesBelow(mounts, path)) {
    keys.push(name);
    if (known !== undefined) setOwn(info, name, known);
  }
  if (keys.length === 0) return null;
  return answer(Object.keys(info).length === 0 ? { keys } : { keys, key_info: info });
}

export interface Leaf {
  /** Below the path that was asked for. */
  readonly name: string;
  /** What the engine tells of it beside its name. */
  readonly known: JsonValue | undefined;
}

/** The same one by one, folder by folder, each in the order of its bytes. A name that is a secret and a folder, too, comes first. */
export async function* leavesBelow(mounts: Requests, path: string, folder = ''): AsyncGenerator<Leaf> {
  const listed = await mounts.request({ operation: 'list', path: `${path}/${folder}`, data: {} });
  const { keys, key_info: info } = listed?.data ?? {};
  if (!Array.isArray(keys)) return;
  for (const key of keys) {
    if (typeof key !== 'string') continue;
    await hearSignals();
    if (key.endsWith('/')) yield* leavesBelow(mounts, path, folder + key);
    else yield { name: folder + key, known: isJsonObject(info) ? info[key] : undefined };
  }
}
