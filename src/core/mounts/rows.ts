import { type Barrier, explained, type Names, termOf } from '../../barrier/index.ts';
import { IntegrityError } from '../../errors.ts';
import { hearSignals } from '../../hearing.ts';
import type { Rows } from '../../storage/index.ts';
import { RowFault } from '../../tree/index.ts';
import { disagrees } from '../unsealed/disagreement.ts';
import { decodeMounts, type Mount } from './table.ts';
import { DATA, isOwnRow, MOUNTS } from '../row-paths.ts';

/** @throws IntegrityError `mounts_missing`, `value_altered`, `core_disagrees` */
export async function readMounts(rows: Rows, barrier: Barrier): Promise<Mount[]> {
  const bytes = await mountsRow(rows, barrier);
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
  return decodeMounts(barrier.decrypt(MOUNTS, bytes, MOUNTS_NAME));
}

/** What is wrong with the row is said by its name. */
async function mountsRow(rows: Rows, barrier: Barrier): Promise<Uint8Array | null> {
  try {
    return await rows.get(MOUNTS);
  } catch (error) {
    if (!(error instanceof RowFault)) throw error;
    throw await explained(error, MOUNTS_NAME, async (value) => barrier.decrypt(MOUNTS, value, MOUNTS_NAME));
  }
}

const MOUNTS_NAME = 'the mount table';

/** Whether a row is one of the store's own or lies below a mount's folder; all others nobody reads. */
export function belongsTo(mounts: readonly Mount[], names: Names, layout: number): (path: string) => boolean {
  const folders = new Set(mounts.map(({ uuid }) => names.encrypt(DATA, [uuid])));
  return (path) => {
    const [root = '', own = '', ...segments] = path.split('/');
    return isOwnRow(layout, path) || (segments.length > 0 && folders.has(`${root}/${own}`));
  };
}

/** What becomes of rows that the tree says something else of. */
export interface OnFault {
  /** What the operator knows a row or a folder as. */
  readonly nameOf?: (stored: string) => string;
  /** Is told, and the walk goes on; without it the fault is thrown. */
  readonly fault?: (fault: RowFault) => void;
}

/** The stored path of every row below a folder, one at a time. A row may be deleted once its path was given. @throws RowFault */
export async function* storedPaths(
  rows: Rows,
  folder: string,
  { nameOf = JSON.stringify, fault }: OnFault = {},
): AsyncGenerator<string> {
  for (let after: string | null = null; ;) {
    try {
      await hearSignals();
      after = await rows.next(folder, after);
    } catch (error) {
      if (!(error instanceof RowFault)) throw error;
      const name = nameOf(error.path);
      const named = error.named(error.kind === 'removed' ? `something in ${name}` : name);
      if (fault === undefined) throw named;
      fault(named);
      continue;
    }
    if (after === null) return;
    yield after;
  }
}
