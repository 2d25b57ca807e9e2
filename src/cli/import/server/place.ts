import { badPath, joinedNames, newPathProblem } from '../../../core/index.ts';
import { StoreError } from '../../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../json.ts';
import type { Client } from './client.ts';
import { notAnAnswer } from './failures.ts';

/** A kv mount of the server, and a folder in it. */
export interface ServerPlace {
  readonly version: 1 | 2;
  /** Names. */
  readonly mount: readonly string[];
  /** Names; none for all of the mount. */
  readonly folder: readonly string[];
}

/**
 * What is at a path of the server.
 * @param path MOUNT or MOUNT/FOLDER
 * @throws StoreError `server_denied`, `not_kv`; UsageError `bad_path`
 */
export async function serverPlace(client: Client, path: string): Promise<ServerPlace> {
  const joined = joinedNames(path);
  const problem = newPathProblem(joined);
  if (problem !== null) throw badPath(path, problem);
  const names = joined.split('/');
  const { status, body, from } = await client.get(['sys', 'internal', 'ui', 'mounts', ...names]);
  if (status !== 200)
    throw new StoreError(
      'server_denied',
      `${client.origin} has no mount at ${joined}, or the token may see nothing of it`,
      {
        hint: 'check the path, VAULT_TOKEN and VAULT_NAMESPACE; the server does not say which of them it is',
      },
    );
  const { path: mountPath, type, options } = objectIn(body, 'data', from);
  const mount = typeof mountPath === 'string' ? joinedNames(mountPath) : '';
  if (mount === '' || !`${joined}/`.startsWith(`${mount}/`)) throw notAnAnswer(from, 'a mount at another path');
  if (type !== 'kv' && type !== 'generic')
    throw new StoreError('not_kv', `${mount} at ${client.origin} is not a kv engine`, {
      hint: 'name a kv mount of the server, or a folder of one',
    });
  const version = isJsonObject(options) && options['version'] === '2' ? 2 : 1;
  return { version, mount: mount.split('/'), folder: names.slice(mount.split('/').length) };
}

/** The object that is a member of an answer. @param from the address that sent it @throws StoreError `server_answer` */
export function objectIn(object: JsonObject, name: string, from: string): JsonObject {
  const value: JsonValue | undefined = Object.hasOwn(object, name) ? object[name] : undefined;
  if (!isJsonObject(value)) throw notAnAnswer(from, `JSON without ${name}`);
  return value;
}

/** The path of the API for what has these names; a policy that lets it be read has the same. @param part of a version 2 mount */
export function apiPath(
  { version, mount, folder }: ServerPlace,
  part: 'data' | 'metadata',
  names: readonly string[],
): string[] {
  return [...mount, ...(version === 2 ? [part] : []), ...folder, ...names];
}
