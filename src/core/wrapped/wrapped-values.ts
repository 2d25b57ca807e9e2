import { Barrier, Names } from '../../barrier/index.ts';
import { engineOf } from '../../engines/index.ts';
import { CofferError } from '../../errors.ts';
import type { RowFault } from '../../tree/index.ts';
import { plainPath, rowNames } from '../mounts/row-names.ts';
import { readMounts, storedPaths } from '../mounts/rows.ts';
import type { Mount } from '../mounts/table.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import { DATA } from '../row-paths.ts';

/** A value that the HSM wrapped. */
export interface WrappedValue {
  /** Where it is stored. */
  readonly path: string;
  /** What the operator knows it as. */
  readonly name: string;
}

/**
 * Every value of every mount with seal wrap. A value may be changed once it was given.
 * @param fault told of rows that are gone, or too many
 */
export async function* wrappedValues(
  { rows, keys }: Pick<Unsealed, 'rows' | 'keys'>,
  fault: (fault: RowFault) => void,
): AsyncGenerator<WrappedValue> {
  const names = new Names(keys.keyring.pathKey);
  const mounts = await readMounts(rows, new Barrier(keys.keyring));
  const known = rowNames(mounts, names);
  for (const mount of mounts) {
    if (!mount.sealWrap) continue;
    const root = names.encrypt(DATA, [mount.uuid]);
    for await (const path of storedPaths(rows, root, { nameOf: known, fault }))
      yield { path, name: nameOf(names, mount, root, path) };
  }
}

function nameOf(names: Names, mount: Mount, root: string, path: string): string {
  const segments = path.slice(root.length + 1).split('/');
  try {
    return mount.path + engineOf(mount).rowName(plainPath(names, root, segments));
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    return `a value of ${mount.path} whose name was altered`; // it will not open: its place is part of what is authenticated
  }
}
