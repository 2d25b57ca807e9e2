import { counted } from '../counted.ts';
import type { CofferError } from '../errors.ts';
import type { Rows } from '../storage/index.ts';
import { buildNodes, entriesOf } from './build.ts';
import { firstDigits } from './digits.ts';
import type { EntryList } from './entry-list.ts';
import { treeAltered } from './faults.ts';
import { HALF_BYTES, MARK, type TreeKeys } from './keys.ts';
import { folderOf, isCovered, isOfTree, LeafKeys, nodePath, ROOT } from './paths.ts';
import { decodeRoot, type Root } from './root.ts';
import { Trie } from './trie.ts';

/** What is wrong between a tree and its rows. */
export interface TreeReport {
  /** Rows that leaves stand for. */
  readonly rows: number;
  /** Rows that are not as the tree says, by stored path. */
  readonly wrong: ReadonlyMap<string, 'outdated' | 'unknown'>;
  /** Stored paths of the folders from which rows are gone, one for each of these rows; null where no row of it is left. */
  readonly removed: readonly (string | null)[];
  /** What is wrong with the tree itself. */
  readonly faults: readonly CofferError[];
}

/**
 * Compares every row with the tree, and every node with the one that the rows alone would make. Memory: some 100 bytes a row.
 * @param progress told how many rows were looked at
 * @param folders those that rows are known to have been in, whether any is left or not
 */
export async function verifyTree(
  rows: Rows,
  keys: TreeKeys,
  progress: (done: number) => void,
  folders: readonly string[] = [],
): Promise<TreeReport> {
  const root = decodeRoot(await rows.get(ROOT), keys);
  let count = 0;
  let ofTree = 0;
  const entries = await entriesOf(rows, keys, ({ path }, key) => {
    if (key !== null) progress(++count);
    else if (isOfTree(path)) ofTree++;
  });
  const { nodes, isWhole } = await compareNodes(rows, keys, entries, root);
  if (isWhole) {
    const strange = ofTree - 1 - nodes; // the root has a row, too
    const faults = strange > 0 ? [treeAltered(tooMany(strange))] : [];
    return { rows: count, wrong: new Map(), removed: [], faults };
  }
  const differences = await differencesOf(rows, keys, entries, root);
  return { rows: count, ...(await named(rows, keys, differences, folders)), faults: differences.faults };
}

function tooMany(strange: number): string {
  return `it has ${counted(strange, 'node')} that no other leads to`;
}

async function compareNodes(
  rows: Rows,
  keys: TreeKeys,
  entries: EntryList,
  root: Root,
): Promise<{ readonly nodes: number; readonly isWhole: boolean }> {
  let nodes = 0;
  let different = 0;
  const digest = await buildNodes(entries, keys, async (address, bytes) => {
    nodes++;
    const stored = await rows.get(nodePath(address));
    if (stored === null || !bytes.equals(stored)) different++;
  });
  const isWhole = different === 0 && root.entries === entries.length && isSame(digest, root.digest);
  return { nodes, isWhole };
}

function isSame(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

interface Differences {
  /** By key. */
  readonly wrong: ReadonlyMap<string, 'outdated' | 'unknown'>;
  /** Keys without a row. */
  readonly removed: readonly string[];
  readonly faults: readonly CofferError[];
}

/** Goes through the stored tree and the entries of the rows side by side. What lies below a node that cannot be used is not known. */
async function differencesOf(rows: Rows, keys: TreeKeys, entries: EntryList, root: Root): Promise<Differences> {
  const wrong = new Map<string, 'outdated' | 'unknown'>();
  const removed: string[] = [];
  const faults: CofferError[] = [];
  const trie = new Trie({ get: (address) => rows.get(nodePath(address)) }, keys, root.digest);
  let at = 0;
  const upTo = (isBefore: (key: string) => boolean, kind: 'unknown' | null): void => {
    for (; at < entries.length; at++) {
      const { key } = entries.entry(at);
      if (!isBefore(key)) return;
      if (kind !== null) wrong.set(key, kind);
    }
  };
  for await (const found of trie.everything()) {
    if ('fault' in found) {
      const { fault, address } = found;
      faults.push(fault);
      upTo((key) => firstDigits(key, address.length) < address, 'unknown');
      upTo((key) => firstDigits(key, address.length) === address, null);
      continue;
    }
    const { key, digest } = found;
    upTo((before) => before < key, 'unknown');
    const here = at < entries.length ? entries.entry(at) : null;
    if (here?.key !== key) {
      if (!digest.equals(MARK)) removed.push(key); // of a folder that is gone its rows are told
      continue;
    }
    if (!here.digest.equals(digest)) wrong.set(key, 'outdated');
    at++;
  }
  upTo(() => true, 'unknown');
  if (faults.length === 0 && wrong.size === 0 && removed.length === 0)
    faults.push(treeAltered('nodes of it are not the ones that belong to its rows'));
  return { wrong, removed, faults };
}

/** Finds the paths behind keys, by going through all rows once more. */
async function named(
  rows: Rows,
  keys: TreeKeys,
  { wrong, removed }: Differences,
  known: readonly string[],
): Promise<Pick<TreeReport, 'wrong' | 'removed'>> {
  const leaves = new LeafKeys(keys);
  const paths = new Map<string, 'outdated' | 'unknown'>();
  const folders = new Map(known.map((folder) => [leaves.folder(folder), folder]));
  const sought = new Set(removed.map((key) => key.slice(0, HALF_BYTES)).filter((half) => !folders.has(half)));
  await entriesOf(rows, keys, ({ path }, key) => {
    const kind = key === null || !isCovered(path) ? undefined : wrong.get(key);
    if (kind !== undefined) paths.set(path, kind);
    for (let folder = folderOf(path); sought.size > 0; folder = folderOf(folder)) {
      const half = leaves.folder(folder);
      if (sought.delete(half)) folders.set(half, folder);
      if (folder === '') break;
    }
  });
  return { wrong: paths, removed: removed.map((key) => folders.get(key.slice(0, HALF_BYTES)) ?? null) };
}
