import { addTreeKey, Barrier, Names } from '../../barrier/index.ts';
import { IntegrityError } from '../../errors.ts';
import { TreeKeys, writeTree } from '../../tree/index.ts';
import type { Context } from '../context.ts';
import { belongsTo, readMounts, storedPaths } from '../mounts/rows.ts';
import { shownRow } from '../mounts/row-names.ts';
import { startTerm } from '../mounts/start-term.ts';
import { LAYOUT_WITH_TREE, machineRows, USAGE } from '../row-paths.ts';
import { storeEntropy, zeroKeys } from '../unsealed/keys.ts';
import { NO_TREE } from '../unsealed/opened.ts';
import { type Unsealed, type UnsealedSession, withUnsealedSession } from '../unsealed/unsealed.ts';

const PROGRESS_STEP = 256;

export interface Upgraded {
  /** Whether it had a tree before, so that nothing changed. */
  readonly already: boolean;
  /** Leaves of the tree. */
  readonly entries: number;
  readonly counter: number;
}

/**
 * Gives a store of the first layout its tree, which from then on vouches for every row that is there now. A new term begins in the same
 * transaction: who puts the old record back cannot open what is written afterwards.
 * @param progress told how many of how many rows have a leaf
 * @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError, also for a row that belongs to nothing
 */
export async function upgradeStore(
  context: Context,
  progress: (done: number, total: number) => void,
): Promise<Upgraded> {
  const quiet: Context = { ...context, note: (hint) => (hint === NO_TREE ? undefined : context.note(hint)) };
  const upgrade = async ({ transaction }: UnsealedSession): Promise<Upgraded> => {
    const done = await transaction('write', async (unsealed) => {
      const { root } = unsealed;
      if (root !== null) return { already: true, entries: root.entries, counter: root.counter };
      return plantTree(quiet, unsealed, progress);
    });
    await transaction('write', async () => undefined); // the HSM and this machine come to know of the tree
    return done;
  };
  return withUnsealedSession(quiet, upgrade, { isMilestone: true });
}

async function plantTree(
  context: Context,
  unsealed: Unsealed,
  progress: (done: number, total: number) => void,
): Promise<Upgraded> {
  const { rows, seal } = unsealed;
  const total = await countRows(unsealed);
  const keyring = await addTreeKey(unsealed.keys.keyring, storeEntropy(context, seal));
  const { keys, encryptions } = await startTerm(context, { rows, seal, keys: { ...unsealed.keys, keyring } });
  try {
    await moveMachineRows(context, unsealed);
    await rows.delete(USAGE);
    const { treeKey } = keys.keyring;
    if (treeKey === null) throw new RangeError('the keyring was given a key for the tree');
    let done = 0;
    const tree = new TreeKeys(treeKey, keys.rootKey);
    const { entries, counter } = await writeTree(rows, tree, encryptions, () => {
      if (++done % PROGRESS_STEP === 0) progress(done, Math.max(done, total));
    });
    return { already: false, entries, counter };
  } finally {
    zeroKeys(keys);
  }
}

/** Refuses rows that belong to nothing: a tree would vouch for them, too. */
async function countRows({ rows, keys }: Unsealed): Promise<number> {
  let count = 0;
  const { keyring } = keys;
  const mounts = await readMounts(rows, new Barrier(keyring));
  const belongs = belongsTo(mounts, new Names(keyring.pathKey), rows.layout);
  for await (const stored of storedPaths(rows, '')) {
    count++;
    if (belongs(stored)) continue;
    throw new IntegrityError(
      'store_altered',
      `the row ${shownRow(stored)} belongs to no mount: coffer did not write it`,
      {
        hint: 'nothing was changed; restore the store from a backup and find out who could write to it',
      },
    );
  }
  return count;
}

/** The lease is bound to this boot of this machine, and stays what it is. */
async function moveMachineRows(context: Context, { rows }: Unsealed): Promise<void> {
  const { id } = context.machine();
  const before = machineRows(rows.layout, id);
  const lease = await rows.get(before.lease);
  await rows.delete(before.lease);
  await rows.delete(before.sealedByOperator);
  await rows.raiseLayout(LAYOUT_WITH_TREE);
  if (lease !== null) await rows.put(machineRows(rows.layout, id).lease, lease);
}
