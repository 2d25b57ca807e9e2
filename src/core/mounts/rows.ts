import { type Barrier, type Names, termOf } from '../../barrier/index.ts';
import { IntegrityError } from '../../errors.ts';
import type { Rows } from '../../storage/index.ts';
import { disagrees } from '../unsealed/disagreement.ts';
import { decodeMounts, type Mount } from './table.ts';
import { DATA, MOUNTS, OWN_ROWS } from '../row-paths.ts';

/** @throws IntegrityError `mounts_missing`, `value_altered`, `core_disagrees` */
export async function readMounts(rows: Rows, barrier: Barrier): Promise<Mount[]> {
  const bytes = await rows.get(MOUNTS);
  if (bytes === null) {
    throw new IntegrityError('mounts_missing', "the store's mount table is gone", {
      hint: 'restore the store from a backup',
    });
  }
  const term = termOf(bytes);
  if (term !== null && term !== barrier.activeTerm) {
    throw disagrees(
      `the mount table is of term ${term}, and the keyring in the store's own record ends at term ${barrier.activeTerm}`,
    );
  }
  return decodeMounts(barrier.decrypt(MOUNTS, bytes, 'the mount table'));
}

/** Whether a row is one of the store's own or lies below a mount's folder; all others nobody reads. */
export function belongsTo(mounts: readonly Mount[], names: Names): (path: string) => boolean {
  const folders = new Set(mounts.map(({ uuid }) => names.encrypt(DATA, [uuid])));
  return (path) => {
    const [root = '', own = '', ...segments] = path.split('/');
    return OWN_ROWS.includes(path) || (segments.length > 0 && folders.has(`${root}/${own}`));
  };
}

/** The stored path of every row below a folder, one at a time. A row may be deleted once its path was given. */
export async function* storedPaths(rows: Rows, folder: string): AsyncGenerator<string> {
  for (let path = await rows.next(folder, null); path !== null; path = await rows.next(folder, path)) yield path;
}
