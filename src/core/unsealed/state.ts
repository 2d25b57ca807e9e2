import { IntegrityError, StoreError } from '../../errors.ts';
import { readRecord } from '../../seal/index.ts';
import type { Rows } from '../../storage/index.ts';
import type { Context } from '../context.ts';
import { decodeStoreHeader, type StoreHeader } from './header.ts';
import { decodeLease, isCurrent, type Lease } from './lease.ts';
import { storeName } from '../storage.ts';
import { ROOT } from '../../tree/index.ts';
import { LAYOUT_WITH_TREE, machineRows, RECORD } from '../row-paths.ts';

export const RECORD_NAME = "the store's own record";

/** What can be known of a store without the HSM; none of it is authenticated yet. */
export interface StoreState {
  readonly record: Uint8Array;
  readonly header: StoreHeader;
  readonly lease: { readonly bytes: Uint8Array; readonly lease: Lease } | null;
  /** Whether the lease is for this boot and has not ended, and no operator sealed the store. */
  readonly unsealed: boolean;
  readonly sealedByOperator: boolean;
  /** Whether the configuration lets a command unseal by itself now. */
  readonly mayAutoUnseal: boolean;
}

/** Of a store that is not new. @throws IntegrityError, for another store than `store_id` names, too */
export async function readState(rows: Rows, context: Context): Promise<StoreState> {
  const record = await recordOf(rows);
  await requireRoot(rows);
  const header = headerOf(record, context);
  const machine = context.machine();
  const own = machineRows(rows.layout, machine.id);
  const [bytes = null, sealed = null] = await rows.getMany([own.lease, own.sealedByOperator]);
  const lease = bytes === null ? null : { bytes, lease: decodeLease(bytes) };
  // Both rows are there only when somebody put the lease back after `seal` had removed it.
  const sealedByOperator = sealed !== null;
  const unsealed = lease !== null && !sealedByOperator && isCurrent(lease.lease, machine);
  // A lease that ended during this boot has ended for good; one of an earlier boot, or none, is what auto_unseal is for.
  const firstSinceBoot = lease === null || lease.lease.bootId !== machine.bootId;
  const mayAutoUnseal = context.config.autoUnseal && firstSinceBoot && !sealedByOperator;
  return { record, header, lease, unsealed, sealedByOperator, mayAutoUnseal };
}

/**
 * Who only changes what the file says of its layout must not have the store look sealed, or without a tree.
 * @throws IntegrityError `tree_altered`
 */
export async function requireRoot(rows: Rows): Promise<void> {
  const hasTree = (await rows.get(ROOT)) !== null;
  if (hasTree === rows.layout >= LAYOUT_WITH_TREE) return;
  const problem = hasTree ? 'says that it has no tree, and has one' : 'has lost the root of its tree';
  throw new IntegrityError('tree_altered', `the store ${problem}`, {
    hint: 'restore the whole store from one backup and find out who could write to it',
  });
}

/**
 * The record as it is stored. A store has one from the transaction on that makes it, so that a file without it, however empty, is
 * no store that is still to be made.
 * @throws IntegrityError `record_missing`
 */
export async function recordOf(rows: Rows): Promise<Uint8Array> {
  const record = await rows.get(RECORD);
  if (record !== null) return record;
  const problem = `${RECORD_NAME} was removed, without which nothing in the store can be opened`;
  throw new IntegrityError('record_missing', problem, {
    hint: 'restore the store from a backup and find out who could write to it; a file that was cut looks like this, too',
  });
}

/**
 * What a record says of the store, which must be the one that the configuration asks for.
 * @throws IntegrityError `store_replaced`; `record_altered`
 */
export function headerOf(record: Uint8Array, context: Context): StoreHeader {
  const header = decodeStoreHeader(readRecord(record, RECORD_NAME).context);
  const { storeId } = context.config;
  if (storeId === null || header.storeId.toLowerCase() === storeId) return header;
  throw new IntegrityError('store_replaced', `${storeName(context)} is not the store that store_id names`, {
    hint: `nothing of it was used. store_id is ${storeId}: put that store back, or correct storage or store_id in the configuration if they are what is wrong`,
  });
}

/**
 * What the HSM and this machine know of a store is asked for before its transaction begins, by the id that it has then.
 * @param keys of the store that the transaction found @throws IntegrityError `store_replaced` where it is another by then
 */
export function requireSameStore(context: Context, storeId: string, keys: { readonly context: Uint8Array }): void {
  if (decodeStoreHeader(keys.context).storeId === storeId) return;
  const problem = `${storeName(context)} was exchanged for another store while this command ran`;
  throw new IntegrityError('store_replaced', problem, {
    hint: 'nothing of it was used; find out who could write to it',
  });
}

/** @throws StoreError `sealed` */
export function requireUnsealed(state: StoreState): void {
  if (state.unsealed || state.mayAutoUnseal) return;
  throw new StoreError('sealed', 'the store is sealed', { hint: 'open it with: coffer unseal' });
}
