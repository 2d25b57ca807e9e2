import type { Carried } from '../../engines/transfer.ts';
import { leavesBelow } from '../mounts/leaves.ts';
import type { Mounts } from '../mounts/mounts.ts';
import { isKv, kvPlace } from './place.ts';

/** A secret and where it is: its path as `coffer kv` takes it, or below the folder that was asked for. */
export interface CarriedSecret extends Carried {
  readonly path: string;
}

/**
 * The secrets of all kv mounts, or those below a folder of one, one at a time, as one transaction sees them.
 * @param folder a mount, or a mount and a folder in it; null for all
 * @throws StoreError `no_mount`, `not_kv`; IntegrityError
 */
export async function* exportedSecrets(
  mounts: Mounts,
  folder: string | null,
  withVersions: boolean,
): AsyncGenerator<CarriedSecret> {
  if (folder !== null) {
    yield* secretsBelow(mounts, folder, '', withVersions);
    return;
  }
  for (const mount of mounts.table.filter(isKv)) yield* secretsBelow(mounts, mount.path, mount.path, withVersions);
}

async function* secretsBelow(
  mounts: Mounts,
  folder: string,
  prefix: string,
  withVersions: boolean,
): AsyncGenerator<CarriedSecret> {
  const { mount, rest, listed } = kvPlace(mounts, folder);
  const { take } = await mounts.transfer(mount);
  for await (const { name } of leavesBelow(mounts, listed)) {
    const carried = await take(rest === '' ? name : `${rest}/${name}`, withVersions);
    if (carried !== null) yield { path: prefix + name, ...carried };
  }
}
