import type { Rows, Storage } from '../../storage/index.ts';
import type { Root } from '../../tree/index.ts';
import type { Context } from '../context.ts';
import type { Freshness } from './freshness.ts';
import { requireSameStore } from './state.ts';
import type { StoreKeys } from './keys.ts';
import { type OpenedRows, openRows } from './opened.ts';

export type Mode = 'read' | 'write';

/** A store that is not new, and a session on its HSM. */
export interface StoreSession {
  readonly context: Context;
  readonly storage: Storage;
  /** One for all transactions of a command. */
  readonly freshness: Freshness;
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
  { context, storage, freshness, storeId, isMilestone }: StoreSession,
  mode: Mode,
  use: (rows: Rows, open: OpenRows) => Promise<T>,
): Promise<T> {
  freshness.recall();
  let last: Last = null;
  const result = await storage.transaction(mode, async (rows) => {
    let opened: OpenedRows | null = null;
    const done = await use(rows, async (keys, record) => {
      requireSameStore(context, storeId, keys);
      opened = await openRows(rows, context, keys, record, mode);
      freshness.require(opened.root);
      if (mode === 'write') freshness.begin(opened, isMilestone);
      return opened;
    });
    last = await finished(opened, mode);
    return done;
  });
  await kept(last, ({ opened, root }) => freshness.keep(storage, opened, root, isMilestone));
  return result;
}

type Last = { readonly opened: OpenedRows; readonly root: Root | null } | null;

async function finished(opened: OpenedRows | null, mode: Mode): Promise<Last> {
  return opened === null ? null : { opened, root: mode === 'write' ? await opened.finish() : opened.root };
}

async function kept(last: Last, keep: (last: NonNullable<Last>) => Promise<void>): Promise<void> {
  if (last !== null) await keep(last);
}
