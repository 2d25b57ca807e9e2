import { termOf } from '../barrier/index.ts';
import type { Barrier } from '../barrier/index.ts';
import { IntegrityError } from '../errors.ts';
import type { Rows } from '../storage/index.ts';
import { disagrees } from './disagreement.ts';
import { decodeMounts } from './mounts.ts';
import type { Mount } from './mounts.ts';
import { MOUNTS } from './rows.ts';

/** @throws IntegrityError `mounts_missing`, `value_altered`, `core_disagrees` */
export async function readMounts(rows: Rows, barrier: Barrier): Promise<Mount[]> {
  const bytes = await rows.get(MOUNTS);
  if (bytes === null) {
    throw new IntegrityError('mounts_missing', "the store's mount table is gone", { hint: 'restore the store from a backup' });
  }
  const term = termOf(bytes);
  if (term !== null && term !== barrier.activeTerm) {
    throw disagrees(`the mount table is of term ${term}, and the keyring in the store's own record ends at term ${barrier.activeTerm}`);
  }
  return decodeMounts(barrier.decrypt(MOUNTS, bytes, 'the mount table'));
}

/** The stored path of every row below a folder. A row may be deleted once its path was given. */
export async function* storedPaths(rows: Rows, folder: string): AsyncGenerator<string> {
  for (const { segment, folder: isFolder } of await rows.list(folder)) {
    const path = `${folder}/${segment}`;
    if (isFolder) yield* storedPaths(rows, path);
    else yield path;
  }
}
