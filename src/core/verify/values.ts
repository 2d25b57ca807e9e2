import { Barrier, Names } from '../../barrier/index.ts';
import { engineOf } from '../../engines/index.ts';
import { type CofferError, IntegrityError } from '../../errors.ts';
import { belongsTo, storedPaths } from '../mounts/rows.ts';
import { plainPath, rowNames, shownRow } from '../mounts/row-names.ts';
import type { Mount } from '../mounts/table.ts';
import { viewOf } from '../mounts/view.ts';
import { DATA } from '../row-paths.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import { unreadable } from '../wrapped/unreadable.ts';

/** A store whose rows are looked at as they are: what the tree has to say of them is told apart. */
export interface Raw extends Pick<Unsealed, 'rows' | 'seal' | 'keys' | 'state'> {
  readonly mounts: readonly Mount[];
}

export interface Found {
  /** A value was looked at. */
  readonly counted: () => void;
  readonly fault: (error: CofferError, stored: string) => void;
}

/**
 * Opens every value of a mount and has its engine look at it. One row is held at a time. An HSM that fails altogether ends it.
 * @throws HsmError
 */
export async function checkMount(raw: Raw, mount: Mount, { counted, fault }: Found): Promise<void> {
  const { rows, seal, keys, state } = raw;
  const known = { seal, record: state.record };
  const names = new Names(keys.keyring.pathKey);
  const view = viewOf(mount, raw, new Barrier(keys.keyring), names);
  const has = async (path: readonly string[]): Promise<boolean> =>
    (await rows.get(names.encrypt(DATA, [mount.uuid, ...path]))) !== null;
  const check = await engineOf(mount).check({ mountPath: mount.path, view, has });
  const root = names.encrypt(DATA, [mount.uuid]);
  const nameOf = rowNames([mount], names);

  async function checkRow(stored: string): Promise<readonly CofferError[]> {
    const path = pathOf(names, mount, root, stored);
    const value = await view.get(path);
    return value === null ? [] : (await check(path, value)).map(altered);
  }

  for await (const stored of storedPaths(rows, root)) {
    counted();
    const errors = await checkRow(stored).catch(async (error: unknown) => [
      await unreadable(error, nameOf(stored), known),
    ]);
    for (const error of errors) fault(error, stored);
  }
}

/** Rows that coffer did not write where they are: what belongs to a mount was looked at with it. */
export async function checkOrphans({ rows, keys, mounts }: Raw, { fault }: Found): Promise<void> {
  const belongs = belongsTo(mounts, new Names(keys.keyring.pathKey), rows.layout);
  for await (const stored of storedPaths(rows, '')) {
    if (!belongs(stored))
      fault(altered(`the row ${shownRow(stored)} belongs to no mount, and nothing reads it`), stored);
  }
}

/** @throws IntegrityError `name_altered` */
function pathOf(names: Names, mount: Mount, root: string, stored: string): string[] {
  try {
    return plainPath(names, root, stored.slice(root.length + 1).split('/'));
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    throw new IntegrityError(error.code, `an encrypted name below ${mount.path} was altered: ${shownRow(stored)}`, {
      hint: error.hint,
    });
  }
}

function altered(what: string): IntegrityError {
  return new IntegrityError('store_altered', what, {
    hint: 'restore the store from a backup and find out who could write to it',
  });
}
