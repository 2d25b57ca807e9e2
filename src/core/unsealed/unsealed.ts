import type { Pkcs11Seal, SealOptions } from '../../seal/index.ts';
import { ReadOnlyTransaction, type Rows } from '../../storage/index.ts';
import { type Context, withSeal } from '../context.ts';
import { withStorage } from '../storage.ts';
import { Freshness } from './freshness.ts';
import { noteUnauthenticated, openKeys, type StoreKeys, zeroKeys } from './keys.ts';
import { authenticateLease, writeLease } from './lease.ts';
import { readState, requireUnsealed, type StoreState } from './state.ts';
import type { OpenedRows } from './opened.ts';
import { inStore, type Mode, type OpenRows } from './transaction.ts';

export type { Mode } from './transaction.ts';

/** An unsealed store's rows and keys, within one transaction. */
export interface Unsealed extends Pick<OpenedRows, 'rows' | 'usage' | 'root' | 'saveUsage'> {
  readonly state: StoreState;
  readonly keys: StoreKeys;
  readonly seal: Pkcs11Seal;
}

/** One login, in which any number of transactions may follow each other. */
export interface UnsealedSession {
  readonly seal: Pkcs11Seal;
  /**
   * Opens the store through the HSM, once more for each transaction: another process may have sealed or rotated it since
   * the one before. A 'write' commits when `use` returns. A 'read' is done as a 'write' where auto_unseal has a lease to
   * write, and begins again as one where it turns out to write; `use` is told which it is.
   * @throws StoreError `sealed`; HsmError; IntegrityError
   */
  readonly transaction: <T>(mode: Mode, use: (unsealed: Unsealed, mode: Mode) => Promise<T>) => Promise<T>;
}

/**
 * Opens the store for one command that is one transaction.
 * @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError
 */
export async function withUnsealed<T>(
  context: Context,
  mode: Mode,
  use: (unsealed: Unsealed, mode: Mode) => Promise<T>,
  options: { readonly isMilestone?: boolean } = {},
): Promise<T> {
  return withUnsealedSession(context, ({ transaction }) => transaction(mode, use), options);
}

/**
 * Opens the store for one command: without the HSM as far as the lease, then a session on the token.
 * @throws StoreError `not_initialized`, `sealed`; HsmError
 */
export async function withUnsealedSession<T>(
  context: Context,
  use: (session: UnsealedSession) => Promise<T>,
  { isMilestone = false, ...options }: Pick<SealOptions, 'acceptsNoMac'> & { readonly isMilestone?: boolean } = {},
): Promise<T> {
  return withStorage(context, false, async (storage) => {
    const before = await storage.transaction('read', async (rows) => readState(rows, context));
    requireUnsealed(before);
    let hasLease = before.unsealed;
    const { storeId } = before.header;
    const sessionWith = (seal: Pkcs11Seal, freshness: Freshness): UnsealedSession => ({
      seal,
      transaction: async (mode, within) => {
        const store = { context, storage, freshness, storeId, isMilestone: isMilestone || !hasLease };
        const run = (as: Mode): ReturnType<typeof within> =>
          inStore(store, as, (rows, open) =>
            inTransaction({ context, seal, rows, open }, (unsealed) => within(unsealed, as)),
          );
        if (mode === 'read' && hasLease) {
          try {
            return await run('read');
          } catch (error) {
            if (!(error instanceof ReadOnlyTransaction)) throw error;
          }
        }
        const result = await run('write');
        hasLease = true;
        return result;
      },
    });
    return withSeal(context, false, (seal) => use(sessionWith(seal, new Freshness(context, seal, storeId))), options);
  });
}

interface Within {
  readonly context: Context;
  readonly seal: Pkcs11Seal;
  readonly rows: Rows;
  readonly open: OpenRows;
}

async function inTransaction<T>(
  { context, seal, rows, open }: Within,
  use: (unsealed: Unsealed) => Promise<T>,
): Promise<T> {
  const state = await readState(rows, context);
  requireUnsealed(state);
  const keys = await openKeys(seal, state.record);
  try {
    const opened = await open(keys, state.record);
    noteUnauthenticated(context, state.record);
    await admit(rows, context, state, keys);
    return await use({ ...opened, state, keys, seal });
  } finally {
    zeroKeys(keys);
  }
}

/** Checks the lease that let the command come this far, or makes it where auto_unseal allows. */
async function admit(rows: Rows, context: Context, state: StoreState, keys: StoreKeys): Promise<void> {
  if (state.unsealed && state.lease !== null) authenticateLease(state.lease.bytes, keys.rootKey, state.header.storeId);
  else await writeLease(rows, context.machine(), state.header, keys.rootKey, null);
}
