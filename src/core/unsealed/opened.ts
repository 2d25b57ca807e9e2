import { activeTerm } from '../../barrier/index.ts';
import { IntegrityError } from '../../errors.ts';
import type { Rows } from '../../storage/index.ts';
import { CheckedRows, decodeRoot, ROOT, type Root, RowFault, TreeKeys } from '../../tree/index.ts';
import type { Context } from '../context.ts';
import { LAYOUT_WITH_TREE, RECORD, USAGE } from '../row-paths.ts';
import type { StoreKeys } from './keys.ts';
import { RECORD_NAME } from './state.ts';
import { encodeUsage, readUsage, type Usage } from './usage.ts';

export const NO_TREE =
  'this store has no tree, so that rows that were removed or put back go unnoticed; give it one with: coffer operator upgrade';

/** The rows of a store whose keys are known, each of which is checked before it is used where the store has a tree. */
export interface OpenedRows {
  readonly rows: Rows;
  /** Of the keyring's newest term. */
  readonly usage: Usage;
  /** The root of the tree as the transaction found it; null for a store without a tree. */
  readonly root: Root | null;
  /** Keeps a new count of encryptions. */
  saveUsage(usage: Usage): Promise<void>;
  /** Has the root say that the HSM keeps the counter. */
  markAnchored(): void;
  /** Has the counter go past one that was seen elsewhere, and the root be written in any case. */
  passCounter(seen: number): void;
  /** The root in a later transaction of this session, which need not be the one that `finish` wrote. Null without a tree. @throws IntegrityError `tree_altered` */
  readRoot(rows: Rows): Promise<Root | null>;
  /** To be called last in a write transaction. @returns the root as it is now */
  finish(): Promise<Root | null>;
}

/**
 * The record comes first of all rows, before its key is known, and so it is checked here.
 * @param record the store's own record, as the keys were taken from it
 * @throws IntegrityError `tree_altered`, `row_outdated`, `usage_altered`, `core_disagrees`, `store_altered`
 */
export async function openRows(
  rows: Rows,
  { note }: Pick<Context, 'note'>,
  keys: StoreKeys,
  record: Uint8Array,
  mode: 'read' | 'write',
): Promise<OpenedRows> {
  const { treeKey } = keys.keyring;
  requireLayout(rows.layout, treeKey !== null);
  if (treeKey === null) {
    note(NO_TREE);
    return withoutTree(rows, keys);
  }
  const treeKeys = new TreeKeys(treeKey, keys.rootKey);
  const checked = await CheckedRows.open(rows, treeKeys, mode);
  await requireRecord(checked, record);
  return withTree(checked, treeKeys, keys);
}

async function withoutTree(rows: Rows, keys: StoreKeys): Promise<OpenedRows> {
  return {
    rows,
    usage: await readUsage(rows, keys),
    root: null,
    saveUsage: (usage) => rows.put(USAGE, encodeUsage(usage, keys.rootKey)),
    markAnchored: () => undefined,
    passCounter: () => undefined,
    readRoot: async () => null,
    finish: async () => null,
  };
}

/** Of a store that is just being made, with a keyring that has a key for its tree. */
export function newTree(rows: Rows, keys: Pick<StoreKeys, 'rootKey' | 'keyring'>): OpenedRows {
  const { treeKey } = keys.keyring;
  if (treeKey === null) throw new RangeError('a new store has a tree');
  const treeKeys = new TreeKeys(treeKey, keys.rootKey);
  return withTree(CheckedRows.create(rows, treeKeys), treeKeys, keys);
}

function withTree(checked: CheckedRows, treeKeys: TreeKeys, { keyring }: Pick<StoreKeys, 'keyring'>): OpenedRows {
  return {
    rows: checked,
    usage: { term: activeTerm(keyring).number, encryptions: checked.root.encryptions },
    root: checked.root,
    async saveUsage({ encryptions }) {
      checked.countEncryptions(encryptions);
    },
    markAnchored: () => checked.markAnchored(),
    passCounter: (seen) => checked.passCounter(seen),
    readRoot: async (rows) => decodeRoot(await rows.get(ROOT), treeKeys),
    finish: () => checked.finish(),
  };
}

/** The keyring, which the HSM vouches for, says whether there is a tree, and the file says it, too. */
function requireLayout(layout: number, hasTree: boolean): void {
  if (hasTree === layout >= LAYOUT_WITH_TREE) return;
  const what = hasTree
    ? 'a store with a tree, and the file says that it has none'
    : 'an older store without a tree, and the file has one';
  throw new IntegrityError('store_altered', `${RECORD_NAME} is of ${what}`, {
    hint: 'nothing was used; restore the whole store from one backup and find out who could write to it',
  });
}

async function requireRecord(checked: CheckedRows, record: Uint8Array): Promise<void> {
  try {
    await checked.requireIs(RECORD, record);
  } catch (error) {
    throw error instanceof RowFault ? error.authentic(RECORD_NAME) : error;
  }
}
