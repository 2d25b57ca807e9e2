import {
  type EngineResponse,
  isKv,
  joinedNames,
  kvPlace,
  kvVersion,
  listLeaves,
  mountAt,
  type Mounts,
  type Operation,
  withMounts,
} from '../../../core/index.ts';
import { type StoreError, UsageError } from '../../../errors.ts';
import type { JsonObject } from '../../../json.ts';
import { shellWord } from '../../../shell.ts';
import type { Invocation } from '../../command.ts';
import { noValue } from '../../path.ts';

export const MOUNT = { mount: { kind: 'text', value: 'PATH', help: 'the mount; the path is then below it' } } as const;

/** One secret, or folder, of a kv mount, within one transaction. */
export interface KvSecret {
  readonly version: 1 | 2;
  /** The path as the engine knows it, e.g. "secret/data/app" for the folder "data". */
  path(folder: string): string;
  /** The error for a read or list that found nothing. @param reading the command, e.g. "kv get" */
  nothingAt(folder: string, reading: string): StoreError;
  /** @param folder of the version 2 engine; version 1 has none */
  request(operation: Operation, folder: string, data?: JsonObject): Promise<EngineResponse | null>;
  /** What a list answers, and a list of every folder below. */
  leaves(folder: string): Promise<EngineResponse | null>;
}

/** Finds the mount that a command's path lies in and runs `use` on it. @throws StoreError `no_mount`, `not_kv` */
export async function withSecret<T>(
  invocation: Invocation<typeof MOUNT>,
  mode: 'read' | 'write',
  use: (secret: KvSecret) => Promise<T>,
): Promise<T> {
  const given = fullPath(invocation);
  return withMounts(await invocation.context(), mode, async (mounts) => use(secretAt(mounts, given)));
}

/** The secret, or folder, at a path as commands take it. @throws StoreError `no_mount`, `not_kv` */
export function secretAt(mounts: Mounts, given: string): KvSecret {
  const { mount, rest } = kvPlace(mounts, given);
  const [prefix, version] = [mount.path.slice(0, -1), kvVersion(mount)];
  const path = (folder: string): string =>
    [prefix, version === 2 ? folder : '', rest].filter((part) => part !== '').join('/');
  const own = ownPath(mounts, given);
  return {
    version,
    path,
    nothingAt: (folder, reading) => {
      const instead = (path: string): string => `coffer ${reading} ${shellWord(path)}`;
      if (own !== null && own !== given)
        return noValue(path(folder), `${reading} takes the path without the engine's own folder: ${instead(own)}`);
      const isTwice = `${rest}/`.startsWith(`${prefix}/`); // as -mount=secret secret/app
      return noValue(path(folder), isTwice ? `the path has the mount twice: ${instead(rest)}` : null);
    },
    request: (operation, folder, data = {}) => mounts.request({ operation, path: path(folder), data }),
    leaves: (folder) => listLeaves(mounts, path(folder)),
  };
}

/**
 * A version 2 secret has two paths: the engine's, secret/data/app, which `read` and its like take, and that of `coffer kv`,
 * secret/app. Gives the latter for either; null for what only the engine has, and where no version 2 kv engine is mounted.
 */
export function ownPath({ table }: Pick<Mounts, 'table'>, path: string): string | null {
  const mount = versioned(table, path);
  if (mount === null) return null;
  const rest = path.slice(mount.path.length);
  return /^(config|subkeys|delete|undelete|destroy)(\/|$)/.test(rest) ? null : mount.path + withoutFolder(rest);
}

/** The version 2 kv engine that a path lies in. */
function versioned(table: Mounts['table'], path: string): Mounts['table'][number] | null {
  const mount = mountAt(table, path);
  return mount !== null && isKv(mount) && kvVersion(mount) === 2 ? mount : null;
}

/** The engine's path for the names below what `coffer kv` calls so, or below what the engine does. */
export function listedPath({ table }: Pick<Mounts, 'table'>, path: string): string {
  const mount = versioned(table, path);
  if (mount === null) return path;
  // Of the engine's own folders these two hold secrets; any other is a folder of somebody's secrets.
  return `${mount.path}metadata/${withoutFolder(path.slice(mount.path.length))}`;
}

function withoutFolder(rest: string): string {
  return rest.replace(/^(data|metadata)(\/|$)/, '');
}

/** @throws UsageError `version_1` */
export function requireVersion2({ version }: KvSecret, what: string): void {
  if (version === 2) return;
  throw new UsageError('version_1', `${what} needs a version 2 kv engine, and this mount is version 1`, {
    hint: 'see: coffer kv enable-versioning -h',
  });
}

function fullPath({ args, flags }: Invocation<typeof MOUNT>): string {
  const path = joinedNames([flags.mount ?? '', args[0] ?? ''].join('/'));
  if (path !== '') return path;
  throw new UsageError('arguments', 'neither a path nor -mount is given', {
    hint: 'for example: secret/app, or -mount=secret app',
  });
}
