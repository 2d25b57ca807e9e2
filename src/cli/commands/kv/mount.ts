import { type EngineResponse, type Mounts, type Operation, withMounts } from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import type { JsonObject } from '../../../json.ts';
import type { Invocation } from '../../command.ts';
import { trimSlashes } from '../../path.ts';

export const MOUNT = { mount: { kind: 'text', value: 'PATH', help: 'the mount; the path is then below it' } } as const;

/** One secret, or folder, of a kv mount, within one transaction. */
export interface KvSecret {
  readonly version: 1 | 2;
  /** The path as the engine knows it, e.g. "secret/data/app" for the folder "data". */
  path(folder: string): string;
  /** @param folder of the version 2 engine; version 1 has none */
  request(operation: Operation, folder: string, data?: JsonObject): Promise<EngineResponse | null>;
}

/** Finds the mount that a command's path lies in and runs `use` on it. @throws StoreError `no_mount`, `not_kv` */
export async function withSecret<T>(
  invocation: Invocation<typeof MOUNT>,
  mode: 'read' | 'write',
  use: (secret: KvSecret) => Promise<T>,
): Promise<T> {
  const given = fullPath(invocation);
  return withMounts(await invocation.context(), mode, async (mounts) => {
    const { prefix, rest, version } = kvMount(mounts, given);
    const path = (folder: string): string =>
      [prefix, version === 2 ? folder : '', rest].filter((part) => part !== '').join('/');
    return use({
      version,
      path,
      request: (operation, folder, data = {}) => mounts.request({ operation, path: path(folder), data }),
    });
  });
}

/** @throws UsageError `version_1` */
export function requireVersion2({ version }: KvSecret, what: string): void {
  if (version === 2) return;
  throw new UsageError('version_1', `${what} needs a version 2 kv engine, and this mount is version 1`, {
    hint: 'see: coffer kv enable-versioning -h',
  });
}

function fullPath({ args, flags }: Invocation<typeof MOUNT>): string {
  const parts = [flags.mount ?? '', args[0] ?? ''].map(trimSlashes).filter((part) => part !== '');
  if (parts.length > 0) return parts.join('/');
  throw new UsageError('arguments', 'neither a path nor -mount is given', {
    hint: 'for example: coffer kv list secret/',
  });
}

function kvMount(mounts: Mounts, path: string): { prefix: string; rest: string; version: 1 | 2 } {
  const { mount, rest } = mounts.resolve(path);
  if (mount.type !== 'kv') {
    throw new StoreError('not_kv', `${mount.path} is a ${mount.type} engine, not kv`, {
      hint: 'see: coffer secrets list',
    });
  }
  return { prefix: mount.path.slice(0, -1), rest, version: mount.options['version'] === '2' ? 2 : 1 };
}
