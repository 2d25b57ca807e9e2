import type { Row, Rows } from '../storage/index.ts';
import { EntryList, KEY_DIGITS } from './entry-list.ts';
import { treeAltered } from './faults.ts';
import { MARK, type TreeKeys } from './keys.ts';
import { LEAF_ENTRIES } from './leaf.ts';
import { encodeNode, FANOUT, inner, leaf, type Slot } from './node.ts';
import { folderOf, isCovered, LeafKeys, nodePath, ROOT } from './paths.ts';
import { encodeRoot, type Root } from './root.ts';

/** Rows that are read at a time; each can be large. */
const PAGE = 64;

/** Every row of a store in the order of paths, with bounded memory. A row that is written meanwhile below those that came is not seen. */
async function* allRows(rows: Rows): AsyncGenerator<Row> {
  for (let after: string | null = null; ;) {
    const page: readonly Row[] = await rows.scan(after, PAGE);
    yield* page;
    after = page.at(-1)?.path ?? null;
    if (page.length < PAGE) return;
  }
}

/**
 * What the leaves of a store have to say, from its rows alone.
 * @param each told of every row, and of its key where a leaf stands for it
 */
export async function entriesOf(
  rows: Rows,
  keys: TreeKeys,
  each: (row: Row, key: string | null) => void = () => undefined,
): Promise<EntryList> {
  const leaves = new LeafKeys(keys);
  const entries = new EntryList();
  let last = '';
  for await (const row of allRows(rows)) {
    const { path, value } = row;
    if (!isCovered(path)) {
      each(row, null);
      continue;
    }
    const key = leaves.row(path);
    each(row, key);
    entries.add({ key, digest: keys.rowDigest(path, value) });
    // In the order of paths everything below a folder comes together.
    for (let folder = folderOf(path); folder !== '' && !last.startsWith(`${folder}/`); folder = folderOf(folder))
      entries.add({ key: leaves.mark(folder), digest: MARK });
    last = path;
  }
  entries.sort();
  return entries;
}

/**
 * Makes every node of a tree from the sorted entries alone, children first.
 * @returns the digest of the root node, 16 bytes; null without entries
 */
export async function buildNodes(
  entries: EntryList,
  keys: TreeKeys,
  sink: (address: string, bytes: Buffer) => Promise<void>,
): Promise<Buffer | null> {
  return entries.length === 0 ? null : build({ entries, keys, sink }, 0, entries.length, '');
}

interface Building {
  readonly entries: EntryList;
  readonly keys: TreeKeys;
  readonly sink: (address: string, bytes: Buffer) => Promise<void>;
}

async function build(building: Building, from: number, to: number, address: string): Promise<Buffer> {
  const { entries, keys, sink } = building;
  if (to - from <= LEAF_ENTRIES) {
    const bytes = encodeNode(leaf(Array.from({ length: to - from }, (_, at) => entries.entry(from + at))));
    await sink(address, bytes);
    return keys.nodeDigest(bytes);
  }
  let common = address.length;
  while (common < KEY_DIGITS && entries.digit(from, common) === entries.digit(to - 1, common)) common++;
  if (common === KEY_DIGITS) throw treeAltered('two rows have one key');
  const prefix = entries.prefix(from, common);
  const slots = new Array<Slot | undefined>(FANOUT).fill(undefined);
  for (let at = from; at < to;) {
    const digit = entries.digit(at, common);
    const end = endOf(entries, at, to, common);
    slots[digit] = { digest: await build(building, at, end, prefix + String(digit)), node: null };
    at = end;
  }
  const bytes = encodeNode(inner(prefix, to - from, slots));
  await sink(address, bytes);
  return keys.nodeDigest(bytes);
}

/** Where the entries end that have the digit of the one at `from`. */
function endOf(entries: EntryList, from: number, to: number, place: number): number {
  const digit = entries.digit(from, place);
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries.digit(middle, place) <= digit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Writes the tree of a store that has none so far, all of whose rows are thereby vouched for. @throws IntegrityError `tree_altered` */
export async function writeTree(
  rows: Rows,
  keys: TreeKeys,
  encryptions: number,
  each: (row: Row) => void,
): Promise<Root> {
  const entries = await entriesOf(rows, keys, each);
  const digest = await buildNodes(entries, keys, (address, bytes) => rows.put(nodePath(address), bytes));
  const root: Root = { counter: 1, entries: entries.length, encryptions, anchored: false, digest };
  await rows.put(ROOT, encodeRoot(root, keys));
  return root;
}
