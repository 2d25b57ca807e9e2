import { describeRoutes, engineOf, type RouteDescription } from '../../engines/index.ts';
import { ConfigError, StoreError, UsageError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { addMount, type Mount, moveMount, type NewMount, removeMount, replaceMount, requireMount } from './table.ts';
import { withMounts } from './mounts.ts';

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

/** @throws StoreError `no_mount` */
export async function findMount(context: Context, path: string): Promise<Mount> {
  return withMounts(context, 'read', async (mounts) => requireMount(mounts.table, path));
}

/** Removes the mount and everything in it. @throws StoreError `no_mount` */
export async function disableMount(context: Context, path: string): Promise<Mount> {
  return withMounts(context, 'write', async (mounts) => {
    const mount = requireMount(mounts.table, path);
    await mounts.clear(mount);
    await mounts.save(removeMount(mounts.table, mount));
    return mount;
  });
}

/** @throws StoreError `no_mount`, `path_in_use` */
export async function moveMountTo(context: Context, from: string, to: string): Promise<void> {
  await withMounts(context, 'write', async (mounts) => {
    await mounts.save(moveMount(mounts.table, requireMount(mounts.table, from), to));
  });
}

/** @throws StoreError `no_mount` */
export async function tuneMount(context: Context, path: string, description: string): Promise<Mount> {
  return withMounts(context, 'write', async (mounts) => {
    const tuned = { ...requireMount(mounts.table, path), description };
    await mounts.save(replaceMount(mounts.table, tuned));
    return tuned;
  });
}

/**
 * Makes a version 1 kv mount a version 2 mount; every secret becomes its version 1.
 * @throws StoreError `no_mount`, `not_kv`; UsageError `already_versioned`
 */
export async function enableVersioning(context: Context, path: string): Promise<Mount> {
  return withMounts(context, 'write', async (mounts) => {
    const mount = requireMount(mounts.table, path);
    if (mount.type !== 'kv') throw new StoreError('not_kv', `${mount.path} is a ${mount.type} engine, not kv`);
    if (mount.options['version'] === '2')
      throw new UsageError('already_versioned', `${mount.path} is a version 2 kv engine already`);
    await mounts.upgrade(mount);
    const upgraded = { ...mount, options: { ...mount.options, version: '2' } };
    await mounts.save(replaceMount(mounts.table, upgraded));
    return upgraded;
  });
}

export async function listMounts(context: Context): Promise<readonly Mount[]> {
  return withMounts(context, 'read', async (mounts) => mounts.table);
}

/** What the engine that is mounted at a path answers to. @throws StoreError `no_mount` */
export async function pathHelp(context: Context, path: string): Promise<RouteDescription[]> {
  return withMounts(context, 'read', async (mounts) => {
    const { mount } = mounts.resolve(path);
    return describeRoutes(engineOf(mount), mount.path);
  });
}
