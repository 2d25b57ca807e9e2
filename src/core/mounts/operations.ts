import { engineType, kvVersion } from '../../engines/index.ts';
import { ConfigError, StoreError } from '../../errors.ts';
import type { Context } from '../context.ts';
import {
  addMount,
  lookUpMount,
  type Mount,
  moveMount,
  type NewMount,
  removeMount,
  replaceMount,
  requireMount,
} from './table.ts';
import { type Mounts, withMounts } from './mounts.ts';

/** What `coffer secrets` does to the mount table. Each is one transaction. */

/** @throws ConfigError `entropy_required`; UsageError; StoreError `path_in_use` */
export async function enableMount(context: Context, wanted: NewMount): Promise<Mount> {
  if (wanted.externalEntropy && !context.config.entropyAugmentation) {
    const problem = 'random bytes of the HSM for a mount need the entropy stanza in the configuration';
    throw new ConfigError('entropy_required', problem, {
      hint: 'add: entropy "seal" { mode = "augmentation" }',
    });
  }
  return withMounts(context, 'write', async (mounts) => {
    const { table, mount } = addMount(mounts.table, wanted);
    await mounts.save(table);
    return mount;
  });
}

/** A mount, or null, and its path as mounts have it. */
export interface Found {
  readonly path: string;
  readonly mount: Mount | null;
}

/** @throws UsageError `bad_mount_path` */
export async function lookUp(context: Context, path: string): Promise<Found> {
  return withMounts(context, 'read', async (mounts) => lookUpMount(mounts.table, path));
}

/** Removes the mount and everything in it; what is not there is no error. @throws UsageError `bad_mount_path` */
export async function disableMount(context: Context, path: string): Promise<Found> {
  return withMounts(context, 'write', async (mounts) => {
    const found = lookUpMount(mounts.table, path);
    if (found.mount === null) return found;
    await mounts.clear(found.mount);
    await mounts.save(removeMount(mounts.table, found.mount));
    return found;
  });
}

/** @returns both paths as mounts have them @throws StoreError `no_mount`, `path_in_use` */
export async function moveMountTo(context: Context, from: string, to: string): Promise<{ from: string; to: string }> {
  return withMounts(context, 'write', async (mounts) => {
    const mount = requireMount(mounts.table, from);
    const { table, path } = moveMount(mounts.table, mount, to);
    await mounts.save(table);
    return { from: mount.path, to: path };
  });
}

/** What of a mount can be changed. */
export interface Tuning {
  /** Null for as it is. */
  readonly description: string | null;
  /** Those that change. */
  readonly options: Mount['options'];
}

/** A mount as it is now, and whether it was another before. */
export interface Tuned {
  readonly mount: Mount;
  readonly changed: boolean;
}

/**
 * A version 1 kv mount that becomes version 2 keeps what it holds: every secret becomes its version 1.
 * @throws StoreError `no_mount`, `no_downgrade`; UsageError `bad_option`
 */
export async function tuneMount(context: Context, path: string, tuning: Tuning): Promise<Tuned> {
  return withMounts(context, 'write', async (mounts) => tune(mounts, requireMount(mounts.table, path), tuning));
}

/** @throws StoreError `no_mount`, `not_kv` */
export async function enableVersioning(context: Context, path: string): Promise<Tuned> {
  return withMounts(context, 'write', async (mounts) => {
    const mount = requireMount(mounts.table, path);
    if (mount.type !== 'kv') throw new StoreError('not_kv', `${mount.path} is a ${mount.type} engine, not kv`);
    return tune(mounts, mount, { description: null, options: { version: '2' } });
  });
}

async function tune(mounts: Mounts, before: Mount, { description, options: given }: Tuning): Promise<Tuned> {
  const { options } = engineType(before.type, { ...before.options, ...given });
  const mount = { ...before, description: description ?? before.description, options };
  const isVersioned = kvVersion(before) === 2;
  const isOtherVersion = options['version'] !== before.options['version'];
  if (isOtherVersion && isVersioned) {
    throw new StoreError('no_downgrade', `${mount.path} is a version 2 kv engine and cannot become version 1`, {
      hint: 'mount a version 1 engine at another path',
    });
  }
  const changed = isOtherVersion || mount.description !== before.description;
  if (isOtherVersion) await mounts.upgrade(before);
  if (changed) await mounts.save(replaceMount(mounts.table, mount));
  return { mount, changed };
}

export async function listMounts(context: Context): Promise<readonly Mount[]> {
  return withMounts(context, 'read', async (mounts) => mounts.table);
}
