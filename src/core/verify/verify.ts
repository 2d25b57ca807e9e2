import { Barrier, Names } from '../../barrier/index.ts';
import { engineOf } from '../../engines/index.ts';
import { CofferError } from '../../errors.ts';
import { decodeRoot, ROOT, RowFault, TreeKeys, type TreeReport, verifyTree } from '../../tree/index.ts';
import { type Context, withSeal } from '../context.ts';
import { readMounts } from '../mounts/rows.ts';
import { rowNames } from '../mounts/row-names.ts';
import { withStorage } from '../storage.ts';
import { DATA } from '../row-paths.ts';
import { openKeys, zeroKeys } from '../unsealed/keys.ts';
import { Freshness } from '../unsealed/freshness.ts';
import { type OpenedRows, openRows } from '../unsealed/opened.ts';
import { readState, requireSameStore } from '../unsealed/state.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import { checkMount, checkOrphans, type Found, type Raw } from './values.ts';

const PROGRESS_STEP = 256;

/** Is told how many of how many steps are done. */
export type Progress = (done: number, total: number) => void;

/** What `coffer operator verify` found. */
export interface Verified {
  readonly storeId: string;
  /** Of changes to the store; null for a store without a tree, and where the root of the tree cannot be used. */
  readonly counter: number | null;
  /** What the HSM has of the counter; null for nothing, or where it is not asked for. */
  readonly anchor: number | null;
  readonly mounts: number;
  /** Rows that the tree has a leaf for; in a store without one, rows of mounts. */
  readonly rows: number;
  /** Values that were opened. */
  readonly values: number;
  /** Everything that is wrong, by name. */
  readonly faults: readonly CofferError[];
}

/**
 * Looks at everything in the store: that each row is the one that was written last, that none is missing and none too many, that every value
 * opens, and that what belongs together fits. It writes nothing, and works on a sealed store as well.
 * @throws StoreError `not_initialized`; HsmError; IntegrityError where the store's own record does not open, or is of another store by then
 */
export async function verifyStore(context: Context, progress: Progress): Promise<Verified> {
  return withStorage(context, false, async (storage) => {
    const { header } = await storage.transaction('read', (rows) => readState(rows, context));
    return withSeal(context, false, async (seal) => {
      const freshness = new Freshness(context, seal, header.storeId);
      freshness.recall();
      const looked = await storage.transaction('read', async (rows) => {
        const state = await readState(rows, context);
        const keys = await openKeys(seal, state.record);
        try {
          requireSameStore(context, header.storeId, keys);
          return await look(context, { rows, seal, state, keys, freshness }, inSteps(progress));
        } finally {
          zeroKeys(keys);
        }
      });
      const { verified, opened } = looked;
      if (verified.faults.length === 0 && opened !== null) await freshness.keep(storage, opened, opened.root, false);
      return verified;
    });
  });
}

/** A store whose record is open, within a transaction. */
type Opening = Pick<Unsealed, 'rows' | 'seal' | 'state' | 'keys'> & { readonly freshness: Freshness };

/** The same within a transaction. */
export async function verifyRows(context: Context, opening: Opening, progress: Progress): Promise<Verified> {
  return (await look(context, opening, inSteps(progress))).verified;
}

async function look(
  context: Context,
  opened: Opening,
  progress: Progress,
): Promise<{ readonly verified: Verified; readonly opened: OpenedRows | null }> {
  const faults: CofferError[] = [];
  const { rows, keys, state, freshness } = opened;
  const { treeKey } = keys.keyring;
  const root =
    treeKey === null
      ? null
      : await attempt(faults, async () => decodeRoot(await rows.get(ROOT), new TreeKeys(treeKey, keys.rootKey)));
  const checked = await attempt(faults, () => openRows(rows, context, keys, state.record, 'read'));
  if (treeKey === null || root !== null) await attempt(faults, async () => freshness.require(root));
  const total = 2 * (root?.entries ?? 0); // each row is looked at with the tree, and then by itself
  const mountFaults: CofferError[] = [];
  const mounts = (await attempt(mountFaults, () => readMounts(rows, new Barrier(keys.keyring)))) ?? [];
  const raw = { ...opened, mounts };
  const report = await attempt(faults, () => treeReport(raw, (done) => progress(done, Math.max(total, done))));
  faults.push(...mountFaults); // after what the tree says of its row
  const before = report?.rows ?? 0; // marks of folders, which are entries, too, are no rows
  const values = await checkValues(raw, report, faults, (done) =>
    progress(before + done, Math.max(2 * before, before + done)),
  );
  const verified: Verified = {
    storeId: state.header.storeId,
    counter: root?.counter ?? null,
    anchor: freshness.anchored?.counter ?? null,
    mounts: mounts.length,
    rows: report?.rows ?? values,
    values,
    faults: distinct(faults),
  };
  return { verified, opened: checked };
}

/** A million rows are not shown one by one. */
function inSteps(progress: Progress): Progress {
  return (done, total) => {
    if (done % PROGRESS_STEP === 0 || done === total) progress(done, total);
  };
}

/** Null for a store without a tree. */
async function treeReport({ rows, keys, mounts }: Raw, progress: (done: number) => void): Promise<TreeReport | null> {
  const { treeKey } = keys.keyring;
  if (treeKey === null) return null;
  const names = new Names(keys.keyring.pathKey);
  const folders = mounts.flatMap((mount) => [
    names.encrypt(DATA, [mount.uuid]),
    ...engineOf(mount).folders.map((folder) => names.encrypt(DATA, [mount.uuid, folder])),
  ]);
  return verifyTree(rows, new TreeKeys(treeKey, keys.rootKey), progress, folders);
}

/** @returns the number of values */
async function checkValues(
  raw: Raw,
  report: TreeReport | null,
  faults: CofferError[],
  progress: (done: number) => void,
): Promise<number> {
  const nameOf = rowNames(raw.mounts, new Names(raw.keys.keyring.pathKey));
  /** What is altered does not open, and that is said of it. */
  const said = new Set<string>();
  let values = 0;
  const found: Found = {
    counted: () => progress(++values),
    fault(error, stored) {
      faults.push(error);
      said.add(stored);
    },
  };
  for (const fault of report?.faults ?? []) faults.push(fault); // there may be more than a call takes arguments
  for (const mount of raw.mounts) await attempt(faults, () => checkMount(raw, mount, found));
  await attempt(faults, () => checkOrphans(raw, found));
  for (const [stored, kind] of report?.wrong ?? [])
    if (!said.has(stored)) faults.push(new RowFault(kind, stored, null, nameOf(stored)));
  for (const [folder, count] of counts(report?.removed ?? [])) {
    const where = folder === null ? 'a folder that is gone, too,' : nameOf(folder);
    const all = count === 1 ? '' : `${folder === null ? '' : ','} ${count} rows in all,`;
    faults.push(new RowFault('removed', folder ?? '', null, `something in ${where}${all}`));
  }
  return values;
}

/** How often each is there. */
function counts<T>(items: readonly T[]): Map<T, number> {
  const found = new Map<T, number>();
  for (const item of items) found.set(item, (found.get(item) ?? 0) + 1);
  return found;
}

/** Null where what was thrown is one more fault. */
async function attempt<T>(faults: CofferError[], use: () => Promise<T>): Promise<T | null> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    faults.push(error);
    return null;
  }
}

/** Two ways to look can find one thing. */
function distinct(faults: readonly CofferError[]): CofferError[] {
  const said = new Set<string>();
  return faults.filter(({ message }) => {
    const isNew = !said.has(message);
    said.add(message);
    return isNew;
  });
}
