import { Barrier, Names } from '../../barrier/index.ts';
import { counted } from '../../counted.ts';
import { CofferError, hasCode, IntegrityError, StoreError } from '../../errors.ts';
import { driverOf, type Rows } from '../../storage/index.ts';
import type { Pkcs11Seal } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { openKeys, type StoreKeys, zeroKeys } from '../unsealed/keys.ts';
import { plainPath, rowNames } from '../mounts/row-names.ts';
import { belongsTo, readMounts, storedPaths } from '../mounts/rows.ts';
import type { Mount } from '../mounts/table.ts';
import { isOwnRow } from '../row-paths.ts';
import { surveyRecords } from '../wrapped/survey.ts';
import { storeName, withStorage } from '../storage.ts';
import { readState, requireSameStore, type StoreState } from '../unsealed/state.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import { Freshness } from '../unsealed/freshness.ts';
import { type OpenedRows, openRows } from '../unsealed/opened.ts';
import { TERM_LIMIT } from '../unsealed/usage.ts';
import { type Progress, verifyRows } from '../verify/verify.ts';
import type { Checklist } from './check.ts';
import { checkClock, checkLease } from './lease.ts';
import { checkManagedKeys } from './managed-keys.ts';

/** Checks that need the store's keys. */
export const AFTER_RECORD = ['record', 'lease', 'clock', 'tree', 'encryptions', 'mount table', 'rows', 'seal wrap'];

/** The database and what it says without the HSM. Null where there is no initialised store to look into. */
export async function checkDatabase(context: Context, list: Checklist): Promise<StoreState | null> {
  const { storage } = context.config;
  const name = storeName(context);
  if (list.hasFailed('store file') || list.hasFailed('store folder')) {
    list.skip(['database'], 'the store is not opened');
    return null;
  }
  try {
    const problems = await driverOf(storage).check(storage);
    if (problems.length > 0) {
      throw new IntegrityError('storage_corrupt', `SQLite finds ${name} damaged: ${problems.slice(0, 3).join('; ')}`, {
        hint: 'restore the store from a backup',
      });
    }
    const state = await withStorage(context, false, (storage) =>
      storage.transaction('read', (rows) => readState(rows, context)),
    );
    list.ok('database', `${name} is whole; the store is ${state.unsealed ? 'unsealed' : 'sealed'}`);
    return state;
  } catch (error) {
    if (hasCode(error, StoreError, 'not_initialized')) {
      list.warn('database', 'the store is not initialised', 'create it with: coffer init');
      return null;
    }
    if (!(error instanceof CofferError)) throw error;
    list.fail('database', error);
    return null;
  }
}

/** Everything that the HSM opens, in one transaction that writes nothing. @param deep told of the progress where every value is opened too; null where none is */
export async function checkStore(
  context: Context,
  seal: Pkcs11Seal,
  { header }: StoreState,
  deep: Progress | null,
  list: Checklist,
): Promise<void> {
  await withStorage(context, false, (storage) => {
    const freshness = new Freshness(context, seal, header.storeId);
    freshness.recall();
    return storage.transaction('read', async (rows) => {
      const state = await readState(rows, context); // others may have written since
      const keys = await list.attempt(
        'record',
        () => keysOf(context, seal, header.storeId, state.record),
        () => "the HSM opens the store's own record",
      );
      if (keys === null) {
        const rest = AFTER_RECORD.filter((name) => name !== 'record');
        list.skip(rest, "the store's own record does not open");
        return;
      }
      try {
        await checkLease(context, state, keys, list);
        checkClock(context, state, keys, list);
        await checkRows(context, { rows, seal, state, keys, freshness }, deep, list);
      } finally {
        zeroKeys(keys);
      }
    });
  });
}

async function keysOf(context: Context, seal: Pkcs11Seal, storeId: string, record: Uint8Array): Promise<StoreKeys> {
  const keys = await openKeys(seal, record);
  try {
    requireSameStore(context, storeId, keys);
    return keys;
  } catch (error) {
    zeroKeys(keys);
    throw error;
  }
}

type Opened = Pick<Unsealed, 'rows' | 'seal' | 'state' | 'keys'> & { readonly freshness: Freshness };

async function checkRows(context: Context, found: Opened, deep: Progress | null, list: Checklist): Promise<void> {
  const { keys } = found;
  if (deep !== null) await checkDeep(context, found, deep, list);
  const checked = await checkTree(found, list);
  if (checked === null) {
    list.skip(['encryptions', 'mount table', 'rows', 'seal wrap'], 'the tree is not whole');
    return;
  }
  const { term, encryptions } = checked.usage;
  list.ok('encryptions', `${encryptions} under term ${term}; a new term begins at ${TERM_LIMIT}`);
  const opened = { ...found, rows: checked.rows };
  const { rows } = opened;
  const mounts = await list.attempt(
    'mount table',
    () => readMounts(rows, new Barrier(keys.keyring)),
    (found) => counted(found.length, 'mount'),
  );
  if (mounts === null) {
    list.skip(['rows', 'seal wrap'], 'the mount table does not open');
    return;
  }
  const count = await list.attempt(
    'rows',
    () => countRows(rows, keys, mounts),
    ({ known }) => `${counted(known, 'row')} of ${counted(mounts.length, 'mount')}`,
  );
  if (count !== null && count.orphans > 0)
    list.warn(
      'rows',
      `${counted(count.orphans, 'row')} of no mount`,
      'left over, or written by somebody else; nothing reads them',
    );
  await checkSealWrap(opened, list);
  await checkManagedKeys(opened, mounts, list);
}

async function checkTree({ rows, keys, state, freshness }: Opened, list: Checklist): Promise<OpenedRows | null> {
  try {
    const opened = await openRows(rows, { note: () => undefined }, keys, state.record, 'read');
    const { root } = opened;
    freshness.require(root);
    if (root === null) list.warn('tree', NONE, 'give the store one with: coffer operator upgrade');
    else list.ok('tree', `change ${root.counter} of the store, ${counted(root.entries, 'row')} and folders`);
    const { forgets } = freshness;
    if (root !== null && forgets !== null)
      list.warn('tree', `this machine does not remember how far the store has come: ${forgets}`, WITHOUT_MEMORY);
    return opened;
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    list.fail('tree', error);
    return null;
  }
}

const NONE = 'there is none, so that rows that were removed or put back go unnoticed';

const WITHOUT_MEMORY =
  'an older copy of the whole file goes unnoticed here; set XDG_STATE_HOME to a folder of your own, or anchor = "write" in the seal stanza';

/** So many faults are named, and the others counted. */
const MOST_NAMED = 25;

/** Every fault is a failure of its own: what was altered comes before what the HSM did not open. */
async function checkDeep(context: Context, found: Opened, progress: Progress, list: Checklist): Promise<void> {
  const { faults, values, mounts } = await verifyRows(context, found, progress);
  const worstFirst = faults.toSorted((a, b) => b.exitStatus - a.exitStatus);
  const [named, others] = [worstFirst.slice(0, MOST_NAMED), worstFirst.slice(MOST_NAMED)];
  for (const fault of named) list.fail('values', fault);
  const [worst] = others;
  if (worst !== undefined) {
    const message = `and ${counted(others.length, 'more fault')} like these`;
    const { exitStatus } = worst;
    list.fail('values', { message, hint: 'see them all with: coffer operator verify', exitStatus });
  }
  if (faults.length === 0)
    list.ok('values', `${counted(values, 'value')} of ${counted(mounts, 'mount')}: all open, and fit together`);
}

/** Every name must open. Orphans are rows that belong to nothing. */
async function countRows(
  rows: Rows,
  keys: StoreKeys,
  mounts: readonly Mount[],
): Promise<{ known: number; orphans: number }> {
  const names = new Names(keys.keyring.pathKey);
  const belongs = belongsTo(mounts, names, rows.layout);
  let known = 0;
  let orphans = 0;
  for await (const path of storedPaths(rows, '', { nameOf: rowNames(mounts, names) })) {
    if (isOwnRow(rows.layout, path)) continue;
    if (!belongs(path)) {
      orphans++;
      continue;
    }
    const [root = '', own = '', ...segments] = path.split('/');
    plainPath(names, `${root}/${own}`, segments);
    known++;
  }
  return { known, orphans };
}

async function checkSealWrap(opened: Opened, list: Checklist): Promise<void> {
  const survey = await list.attempt(
    'seal wrap',
    async () => {
      const { status } = await surveyRecords(opened);
      const [altered] = status.altered;
      if (altered !== undefined) throw altered.error;
      return status;
    },
    ({ current }) => `${counted(current, 'record')} under the configured keys`,
  );
  if (survey === null) return;
  const old = (byConfiguredKeys: boolean): number =>
    survey.uses.reduce(
      (total, use) => total + (!use.current && use.byConfiguredKeys === byConfiguredKeys ? use.records : 0),
      0,
    );
  const [elsewhere, outdated] = [old(false), old(true)];
  if (elsewhere > 0) {
    const problem = `${counted(elsewhere, 'record')} under other keys of the HSM, which must stay there`;
    list.warn('seal wrap', problem, 'to move them to the configured keys: coffer sealwrap rewrap');
  }
  if (outdated > 0) {
    const problem = `${counted(outdated, 'record')} of an earlier version, for which the HSM has to take whole values`;
    list.warn('seal wrap', problem, 'to move them to the present version: coffer sealwrap rewrap');
  }
}
