import { Barrier, Names } from '../../barrier/index.ts';
import { engineOf } from '../../engines/index.ts';
import { CofferError, hasCode, HsmError, IntegrityError } from '../../errors.ts';
import type { Pkcs11Seal } from '../../seal/index.ts';
import type { Rows } from '../../storage/index.ts';
import type { StoreKeys } from '../unsealed/keys.ts';
import { belongsTo, storedPaths } from '../mounts/rows.ts';
import type { Mount } from '../mounts/table.ts';
import { viewOf } from '../mounts/view.ts';
import { DATA } from '../row-paths.ts';
import type { Checklist } from './check.ts';

/** So many faults are named, and the others counted. */
const MOST_NAMED = 25;
const PROGRESS_STEP = 64;

interface Opened {
  readonly rows: Rows;
  readonly seal: Pkcs11Seal;
  readonly keys: StoreKeys;
  readonly mounts: readonly Mount[];
}

/**
 * Opens every value of every mount and has its engine look at it, and finds the rows that belong to nothing. One row is
 * held at a time. Every fault is a failure of its own; what the HSM refuses altogether ends the check.
 */
export async function checkValues(opened: Opened, progress: (done: number) => void, list: Checklist): Promise<void> {
  const { mounts } = opened;
  let values = 0;
  let faults = 0;
  const counted = (): void => {
    if (++values % PROGRESS_STEP === 0) progress(values);
  };
  const fault = (error: CofferError): void => {
    if (faults++ < MOST_NAMED) list.fail('values', error);
  };
  try {
    progress(0);
    for (const mount of mounts) await checkMount(opened, mount, counted, fault);
    await checkOrphans(opened, fault);
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    list.fail('values', error);
    return;
  }
  progress(values);
  if (faults > MOST_NAMED) list.fail('values', altered(`there are ${faults - MOST_NAMED} more faults like these`));
  if (faults === 0) list.ok('values', `${values} values of ${mounts.length} mounts open, and fit together`);
}

async function checkMount(
  { rows, seal, keys }: Opened,
  mount: Mount,
  counted: () => void,
  fault: (error: CofferError) => void,
): Promise<void> {
  const names = new Names(keys.keyring.pathKey);
  const view = viewOf(mount, { rows, seal }, new Barrier(keys.keyring), names);
  const has = async (path: readonly string[]): Promise<boolean> =>
    (await rows.get(names.encrypt(DATA, [mount.uuid, ...path]))) !== null;
  const check = await engineOf(mount).check({ mountPath: mount.path, view, has });
  const root = names.encrypt(DATA, [mount.uuid]);

  async function checkRow(stored: string): Promise<readonly CofferError[]> {
    const path = plainPath(names, mount, root, stored);
    const value = await view.get(path);
    return value === null ? [] : (await check(path, value)).map(altered);
  }

  for await (const stored of storedPaths(rows, root)) {
    counted();
    (await checkRow(stored).catch(onlyOfThisRow)).forEach(fault);
  }
}

/** What is wrong with one row says nothing of the next; an HSM that fails would fail for each. */
function onlyOfThisRow(error: unknown): readonly CofferError[] {
  const one = error instanceof IntegrityError || hasCode(error, HsmError, 'key_not_found');
  if (!one) throw error;
  return [error];
}

/** Rows that coffer did not write where they are: what belongs to a mount was looked at with it. */
async function checkOrphans({ rows, keys, mounts }: Opened, fault: (error: CofferError) => void): Promise<void> {
  const belongs = belongsTo(mounts, new Names(keys.keyring.pathKey));
  for await (const stored of storedPaths(rows, '')) {
    if (!belongs(stored)) fault(altered(`the row ${shown(stored)} belongs to no mount, and nothing reads it`));
  }
}

/** @throws IntegrityError `name_altered` */
function plainPath(names: Names, mount: Mount, root: string, stored: string): string[] {
  const segments = stored.slice(root.length + 1).split('/');
  try {
    return segments.map((segment, at) => names.decrypt([root, ...segments.slice(0, at)].join('/'), segment));
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    throw new IntegrityError(error.code, `an encrypted name below ${mount.path} was altered: ${shown(stored)}`, {
      hint: error.hint,
    });
  }
}

const LONGEST_PATH = 200;

/** A stored path is printable ASCII of any length. */
function shown(stored: string): string {
  return JSON.stringify(stored.slice(0, LONGEST_PATH));
}

function altered(what: string): IntegrityError {
  return new IntegrityError('store_altered', what, {
    hint: 'restore the store from a backup and find out who could write to it',
  });
}
