import type { Pkcs11Seal } from '../../seal/index.ts';
import type { Rows, Storage } from '../../storage/index.ts';
import type { Root } from '../../tree/index.ts';
import type { Context } from '../context.ts';
import { Freshness } from './freshness.ts';
import { requireSameStore } from './state.ts';
import type { StoreKeys } from './keys.ts';
import { type OpenedRows, openRows } from './opened.ts';

export type Mode = 'read' | 'write';

/** A store that is not new, and a session on its HSM. */
export interface StoreSession {
  readonly context: Context;
  readonly storage: Storage;
  readonly seal: Pkcs11Seal;
  /** As the store says it. */
  readonly storeId: string;
  /** Whether this is unseal or rotate, which raise an anchor of either kind. */
  readonly isMilestone: boolean;
}

/** Gives the rows of a store once its keys are known, checked against its tree and for their age. */
export type OpenRows = (keys: StoreKeys, record: Uint8Array) => Promise<OpenedRows>;

/**
 * One transaction on a store. Its tree is written before the COMMIT, and what keeps an older copy from passing for this one after it.
 * @param use is to call `open` once; what it reads before that is not checked
 * @throws IntegrityError `store_replaced`, `store_rolled_back`, `anchor_missing`, and those of `openRows`; HsmError
 */
export async function inStore<T>(
  { context, storage, seal, storeId, isMilestone }: StoreSession,
  mode: Mode,
  use: (rows: Rows, open: OpenRows) => Promise<T>,
): Promise<T> {
  const freshness = new Freshness(context, seal, storeId, isMilestone);
  freshness.recall();
  let last: Last = null;
  const result = await storage.transaction(mode, async (rows) => {
    let opened: OpenedRows | null = null;
    const done = await use(rows, async (keys, record) => {
      requireSameStore(context, storeId, keys);
      opened = await openRows(rows, context, keys, record, mode);
      freshness.require(opened.root);
      if (mode === 'write') freshness.begin(opened);
      return opened;
    });
    last = await finished(opened, mode);
    return done;
  });
  await kept(freshness, storage, last);
  return result;
}

type Last = { readonly opened: OpenedRows; readonly root: Root | null } | null;

async function finished(opened: OpenedRows | null, mode: Mode): Promise<Last> {
  return opened === null ? null : { opened, root: mode === 'write' ? await opened.finish() : opened.root };
}

async function kept(freshness: Freshness, storage: Storage, last: Last): Promise<void> {
  if (last !== null) await freshness.keep(storage, last.opened, last.root);
}
