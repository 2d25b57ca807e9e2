import type { Pkcs11Seal, SealOptions } from '../seal/index.ts';
import type { Rows } from '../storage/index.ts';
import { withSeal } from './hsm.ts';
import type { Context } from './hsm.ts';
import { noteUnauthenticated, openKeys, zeroKeys } from './keys.ts';
import type { StoreKeys } from './keys.ts';
import { authenticateLease } from './lease.ts';
import { writeLease } from './lifecycle.ts';
import { readState, requireUnsealed, withStorage } from './state.ts';
import type { State } from './state.ts';
import { readUsage } from './usage.ts';
import type { Usage } from './usage.ts';

/** An unsealed store's rows and keys, within one transaction. */
export interface Opened {
  readonly rows: Rows;
  readonly state: State;
  readonly keys: StoreKeys;
  readonly seal: Pkcs11Seal;
  /** Of the keyring's newest term. */
  readonly usage: Usage;
}

/** One login, in which any number of transactions may follow each other. */
export interface Opening {
  readonly seal: Pkcs11Seal;
  /** Whether a first transaction may be a 'read': auto_unseal has a lease to write. */
  readonly mayRead: boolean;
  /**
   * Opens the store through the HSM, once more for each transaction: another process may have sealed or rotated it since
   * the one before. A 'write' commits when `use` returns.
   * @throws StoreError `sealed`; HsmError; IntegrityError
   */
  readonly transaction: <T>(context: Context, mode: 'read' | 'write', use: (opened: Opened) => Promise<T>) => Promise<T>;
}

/**
 * Opens the store for one command: without the HSM as far as the lease, then a session on the token.
 * @throws StoreError `not_initialized`, `sealed`; HsmError
 */
export async function withOpening<T>(
  context: Context,
  use: (opening: Opening) => Promise<T>,
  options: Pick<SealOptions, 'acceptsNoMac'> = {},
): Promise<T> {
  return withStorage(context, false, async (storage) => {
    const before = await storage.transaction('read', async (rows) => readState(rows, context));
    requireUnsealed(before);
    const opening = (seal: Pkcs11Seal): Opening => ({
      seal,
      mayRead: before.unsealed,
      transaction: (now, mode, within) => storage.transaction(mode, (rows) => inTransaction(now, seal, rows, within)),
    });
    return withSeal(context, false, (seal) => use(opening(seal)), options);
  });
}

async function inTransaction<T>(context: Context, seal: Pkcs11Seal, rows: Rows, use: (opened: Opened) => Promise<T>): Promise<T> {
  const state = await readState(rows, context);
  requireUnsealed(state);
  const keys = await openKeys(seal, state.record);
  try {
    const usage = await readUsage(rows, keys);
    noteUnauthenticated(context, state.record);
    await admit(rows, context, state, keys);
    return await use({ rows, state, keys, seal, usage });
  } finally {
    zeroKeys(keys);
  }
}

/** Checks the lease that let the command come this far, or makes it where auto_unseal allows. */
async function admit(rows: Rows, context: Context, state: State, keys: StoreKeys): Promise<void> {
  if (state.unsealed && state.lease !== null) authenticateLease(state.lease.bytes, keys.rootKey, state.identity.storeId);
  else await writeLease(rows, context, state.identity, keys, null);
}
