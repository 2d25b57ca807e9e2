import { Barrier, Names, activeTerm } from '../../barrier/index.ts';
import { CofferError, hasCode, IntegrityError, StoreError } from '../../errors.ts';
import { driverOf, type Rows } from '../../storage/index.ts';
import type { Pkcs11Seal } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { openKeys, type StoreKeys, zeroKeys } from '../unsealed/keys.ts';
import { authenticateLease } from '../unsealed/lease.ts';
import { belongsTo, readMounts, storedPaths } from '../mounts/rows.ts';
import type { Mount } from '../mounts/table.ts';
import { OWN_ROWS } from '../row-paths.ts';
import { surveyRecords } from '../wrapped/survey.ts';
import { storeName, withStorage } from '../storage.ts';
import { readState, type StoreState } from '../unsealed/state.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import { readUsage, TERM_LIMIT } from '../unsealed/usage.ts';
import type { Checklist } from './check.ts';
import { checkManagedKeys } from './managed-keys.ts';
import { checkValues } from './values.ts';

/** Is told how many of how many rows were looked at. */
export type Progress = (done: number, total: number) => void;

/** Checks that need the store's keys. */
export const AFTER_RECORD = ['record', 'lease', 'clock', 'encryptions', 'mount table', 'rows', 'seal wrap'];

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
  state: StoreState,
  deep: Progress | null,
  list: Checklist,
): Promise<void> {
  const keys = await list.attempt(
    'record',
    () => openKeys(seal, state.record),
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
    await withStorage(context, false, (storage) =>
      storage.transaction('read', (rows) => checkRows({ rows, seal, state, keys }, deep, list)),
    );
  } finally {
    zeroKeys(keys);
  }
}

async function checkLease(
  context: Context,
  { lease, unsealed, sealedByOperator, header }: StoreState,
  keys: StoreKeys,
  list: Checklist,
): Promise<void> {
  if (lease !== null && sealedByOperator) {
    list.warn(
      'lease',
      'an operator sealed the store, and a lease lies beside that: somebody put it back',
      'find out who could write to the store; it counts as sealed',
    );
    return;
  }
  if (lease === null || !unsealed) {
    list.ok('lease', 'the store is sealed');
    return;
  }
  const { ends } = lease.lease;
  const until =
    ends === null
      ? 'until `coffer seal` or a reboot'
      : `for ${Math.ceil((ends - context.machine().uptime) / 1000)} seconds`;
  await list.attempt(
    'lease',
    async () => authenticateLease(lease.bytes, keys.rootKey, header.storeId),
    () => `unsealed by ${lease.lease.user}, ${until}`,
  );
}

function checkClock({ machine }: Context, { header }: StoreState, { keyring }: StoreKeys, list: Checklist): void {
  const newest = Math.max(header.created, activeTerm(keyring).created);
  const { now } = machine();
  if (now >= newest) list.ok('clock', new Date(now).toISOString());
  else
    list.warn(
      'clock',
      `this machine's clock says ${new Date(now).toISOString()}, before the store's newest key was made (${new Date(newest).toISOString()})`,
      'set the clock: versions get their times from it',
    );
}

/** An unsealed store whose count of encryptions is still to be looked at. */
type Opened = Omit<Unsealed, 'usage'>;

async function checkRows(opened: Opened, deep: Progress | null, list: Checklist): Promise<void> {
  const { rows, keys } = opened;
  await list.attempt(
    'encryptions',
    () => readUsage(rows, keys),
    ({ term, encryptions }) => `${encryptions} under term ${term}; a new term begins at ${TERM_LIMIT}`,
  );
  const mounts = await list.attempt(
    'mount table',
    () => readMounts(rows, new Barrier(keys.keyring)),
    (found) => `${found.length} mounts`,
  );
  if (mounts === null) {
    list.skip(['rows', 'seal wrap'], 'the mount table does not open');
    return;
  }
  const count = await list.attempt(
    'rows',
    () => countRows(rows, keys, mounts),
    ({ known }) => `${known} rows of ${mounts.length} mounts`,
  );
  if (count !== null && count.orphans > 0)
    list.warn(
      'rows',
      `${count.orphans} rows belong to no mount`,
      'they are left over, or somebody else wrote them; nothing reads them',
    );
  await checkSealWrap(opened, list);
  if (deep !== null) await checkValues({ ...opened, mounts }, (done) => deep(done, count?.known ?? done), list);
  await checkManagedKeys(opened, mounts, list);
}

/** Every name must open. Orphans are rows that belong to nothing. */
async function countRows(
  rows: Rows,
  keys: StoreKeys,
  mounts: readonly Mount[],
): Promise<{ known: number; orphans: number }> {
  const names = new Names(keys.keyring.pathKey);
  const belongs = belongsTo(mounts, names);
  let known = 0;
  let orphans = 0;
  for await (const path of storedPaths(rows, '')) {
    if (OWN_ROWS.includes(path)) continue;
    if (!belongs(path)) {
      orphans++;
      continue;
    }
    const [root = '', own = '', ...segments] = path.split('/');
    segments.forEach((segment, at) => names.decrypt([root, own, ...segments.slice(0, at)].join('/'), segment));
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
    ({ current }) => `${current} records under the configured keys`,
  );
  if (survey === null || survey.old === 0) return;
  const problem = `${survey.old} records are under other keys of the HSM, which must stay there`;
  list.warn('seal wrap', problem, 'move them with: coffer sealwrap rewrap');
}
