import { IntegrityError, StoreError } from '../errors.ts';
import { throughCommit } from '../native/outcome.ts';
import { readRecord } from '../seal/index.ts';
import { openSqlite } from '../storage/index.ts';
import type { Rows, Storage } from '../storage/index.ts';
import type { Context } from './hsm.ts';
import { decodeIdentity } from './identity.ts';
import type { Identity } from './identity.ts';
import { decodeLease, isCurrent } from './lease.ts';
import type { Lease } from './lease.ts';
import { LEASE, RECORD, SEALED_BY_OPERATOR } from './rows.ts';

export const RECORD_NAME = "the store's own record";

/** What can be known of a store without the HSM; none of it is authenticated yet. */
export interface State {
  readonly record: Uint8Array;
  readonly identity: Identity;
  readonly lease: { readonly bytes: Uint8Array; readonly lease: Lease } | null;
  /** Whether the lease is for this boot and has not ended. */
  readonly unsealed: boolean;
  /** Whether the configuration lets a command unseal by itself now. */
  readonly mayAutoUnseal: boolean;
}

/** Null when the store was not initialised. @throws IntegrityError */
export async function readState(rows: Rows, context: Context): Promise<State | null> {
  const record = await rows.get(RECORD);
  if (record === null) {
    if ((await rows.list('')).length === 0) return null;
    throw new IntegrityError('record_missing', `${RECORD_NAME} was removed, without which nothing in the store can be opened`, {
      hint: 'restore the store from a backup and find out who could write to it',
    });
  }
  const identity = decodeIdentity(readRecord(record, RECORD_NAME).context);
  const bytes = await rows.get(LEASE);
  const lease = bytes === null ? null : { bytes, lease: decodeLease(bytes) };
  const { machine, config } = context;
  const unsealed = lease !== null && isCurrent(lease.lease, machine);
  // A lease that ended during this boot has ended for good; one of an earlier boot, or none, is what auto_unseal is for.
  const firstSinceBoot = lease === null || lease.lease.bootId !== machine.bootId;
  const mayAutoUnseal = config.autoUnseal && firstSinceBoot && (await rows.get(SEALED_BY_OPERATOR)) === null;
  return { record, identity, lease, unsealed, mayAutoUnseal };
}

/** @throws StoreError `not_initialized` */
export function requireState(state: State | null, context: Context): State {
  if (state === null) throw notInitialized(context);
  return state;
}

function notInitialized(context: Context): StoreError {
  return new StoreError('not_initialized', `the store ${context.config.storage.path} is not initialised`, {
    hint: 'create it with: coffer init',
  });
}

/** @throws StoreError `sealed` */
export function requireUnsealed(state: State): void {
  if (state.unsealed || state.mayAutoUnseal) return;
  throw new StoreError('sealed', 'the store is sealed', { hint: 'open it with: coffer unseal' });
}

/** Opens the existing store's storage for as long as `use` runs. @throws StoreError `not_initialized` */
export async function withStorage<T>(context: Context, create: boolean, use: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await openSqlite(context.config.storage.path, { create, throughCommit });
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}
