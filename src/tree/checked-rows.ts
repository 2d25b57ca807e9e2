import type { Child, Page, Row, Rows } from '../storage/index.ts';
import { RowFault, treeAltered } from './faults.ts';
import { FolderMarks } from './folder-marks.ts';
import type { TreeKeys } from './keys.ts';
import { folderOf, isCovered, LeafKeys, nodePath, ROOT } from './paths.ts';
import { decodeRoot, encodeRoot, type Root } from './root.ts';
import { ChangingTrie } from './changing-trie.ts';
import { isBehind, sortKey } from './child-order.ts';
import { Walk } from './walk.ts';

/**
 * The rows of a store with a tree, within one transaction. Nothing comes out that the tree does not vouch for: neither a row, nor its
 * absence, nor a listing. What is written changes the tree in memory; `finish` writes it. Rows that no leaf stands for pass as they are.
 *
 * Its methods throw RowFault, whose name is the stored path, and IntegrityError `tree_altered`.
 */
export class CheckedRows implements Rows {
  readonly #rows: Rows;
  readonly #keys: TreeKeys;
  readonly #leaves: LeafKeys;
  readonly #trie: ChangingTrie;
  readonly #before: Root;
  #changed = false;
  #isHalfDone = false;
  #encryptions: number;
  #anchored: boolean;
  #passed: number | null = null;
  readonly #marks: FolderMarks;
  readonly #walk = new Walk(async (folder) => {
    if (isCovered(`${folder}/`)) await this.#checkedChildren(folder);
  });
  /** The listing that is being given out page by page. */
  #listing: { readonly folder: string; readonly children: readonly Child[]; at: number } | null = null;

  private constructor(rows: Rows, keys: TreeKeys, root: Root) {
    this.#rows = rows;
    this.#keys = keys;
    this.#leaves = new LeafKeys(keys);
    this.#before = root;
    this.#encryptions = root.encryptions;
    this.#anchored = root.anchored;
    const nodes = {
      get: (address: string) => rows.get(nodePath(address)),
      put: (address: string, bytes: Uint8Array) => rows.put(nodePath(address), bytes),
      delete: (address: string) => rows.delete(nodePath(address)),
    };
    this.#trie = new ChangingTrie(nodes, keys, root.digest, root.entries);
    this.#marks = new FolderMarks(this.#trie, this.#leaves);
  }

  /** Of a store that has a tree. @param mode of the transaction @throws IntegrityError `tree_altered` */
  static async open(rows: Rows, keys: TreeKeys, mode: 'read' | 'write' = 'write'): Promise<CheckedRows> {
    const opened = new CheckedRows(rows, keys, decodeRoot(await rows.get(ROOT), keys));
    if (mode === 'read') opened.#trie.keepFew();
    return opened;
  }

  /** Of a store that holds nothing yet. */
  static create(rows: Rows, keys: TreeKeys): CheckedRows {
    return new CheckedRows(rows, keys, { counter: 0, entries: 0, encryptions: 0, anchored: false, digest: null });
  }

  get isNew(): boolean {
    return this.#rows.isNew;
  }

  get layout(): number {
    return this.#rows.layout;
  }

  raiseLayout(layout: number): Promise<void> {
    return this.#rows.raiseLayout(layout);
  }

  /** As it was when the transaction began. */
  get root(): Root {
    return this.#before;
  }

  /** The count of encryptions that `finish` writes. */
  countEncryptions(encryptions: number): void {
    this.#encryptions = encryptions;
  }

  /** Has `finish` write that the counter is kept in the HSM. */
  markAnchored(): void {
    this.#anchored = true;
  }

  /** Has `finish` write a root whose counter is above this one, too. */
  passCounter(seen: number): void {
    this.#passed = seen;
  }

  async get(path: string): Promise<Uint8Array | null> {
    const value = await this.#rows.get(path);
    if (!isCovered(path)) return value;
    await this.requireIs(path, value);
    return value;
  }

  /** By the tree alone, as `hasBelow`: a row that it does not know of is found when it is read or written. */
  async has(path: string): Promise<boolean> {
    return isCovered(path) ? (await this.#trie.find(this.#leaves.row(path))) !== null : this.#rows.has(path);
  }

  async hasBelow(folder: string): Promise<boolean> {
    return isCovered(`${folder}/`) ? this.#marks.has(folder) : this.#rows.hasBelow(folder);
  }

  /** For a row that was read before the tree could be opened. */
  async requireIs(path: string, value: Uint8Array | null): Promise<void> {
    const digest = await this.#trie.find(this.#leaves.row(path));
    requirePresence(path, digest, value);
    if (value !== null && digest?.equals(this.#keys.rowDigest(path, value)) === false)
      throw new RowFault('altered', path, value);
  }

  async getMany(paths: readonly string[]): Promise<(Uint8Array | null)[]> {
    const values: (Uint8Array | null)[] = [];
    for (const path of paths) values.push(await this.get(path));
    return values;
  }

  /** What was there is not used, and may have been altered; it may not be gone. */
  async put(path: string, value: Uint8Array): Promise<void> {
    if (!isCovered(path)) {
      await this.#rows.put(path, value);
      return;
    }
    const key = this.#leaves.row(path);
    const isNew = (await this.#trie.find(key)) === null;
    if (isNew) {
      if (!(await this.#rows.insert(path, value))) throw new RowFault('unknown', path, await this.#rows.get(path));
    } else {
      if ((await this.#rows.get(path)) === null) throw new RowFault('removed', path, null);
      await this.#rows.put(path, value);
    }
    await this.#change(async () => {
      if (isNew) await this.#marks.set(folderOf(path));
      await this.#trie.put(key, this.#keys.rowDigest(path, value));
    });
  }

  /** @returns false where there is such a row already */
  async insert(path: string, value: Uint8Array): Promise<boolean> {
    if ((await this.get(path)) !== null) return false;
    await this.put(path, value);
    return true;
  }

  async delete(path: string): Promise<void> {
    if (!isCovered(path)) {
      await this.#rows.delete(path);
      return;
    }
    const key = this.#leaves.row(path);
    const before = await this.#trie.find(key);
    requirePresence(path, before, await this.#rows.get(path));
    if (before === null) return;
    await this.#rows.delete(path);
    await this.#change(async () => {
      await this.#trie.delete(key);
      await this.#marks.clear(folderOf(path));
    });
  }

  async list(folder: string, { after = null, most = Infinity }: Page = {}): Promise<Child[]> {
    if (this.#listing?.folder !== folder)
      this.#listing = { folder, children: await this.#checkedChildren(folder), at: 0 };
    const { children, at } = this.#listing;
    const isNextPage = after !== null && sortKey(children[at - 1]) === sortKey(after);
    const from = after === null ? 0 : isNextPage ? at : children.findIndex((child) => isBehind(child, after));
    if (from < 0) return [];
    const page = children.slice(from, from + most);
    this.#listing.at = from + page.length;
    return page;
  }

  /**
   * Every folder on the way is checked when its first row comes, whose listing is read for that. Who asks once more after a RowFault
   * goes on with the walk, and is told of each folder once.
   */
  async next(folder: string, after: string | null): Promise<string | null> {
    this.#walk.step(after);
    await this.#walk.enter(folder);
    const path = await this.#rows.next(folder, after);
    if (path === null) return null;
    const segments = path.split('/');
    const depth = folder === '' ? 0 : folder.split('/').length;
    for (let length = depth + 1; length < segments.length; length++)
      await this.#walk.enter(segments.slice(0, length).join('/'));
    return path;
  }

  /** Unchecked: who goes through all rows compares them with the whole tree. */
  scan(after: string | null, most: number): Promise<readonly Row[]> {
    return this.#rows.scan(after, most);
  }

  /** Writes what the tree has become, where anything was changed. To be called last in a write transaction. @returns the root afterwards */
  async finish(): Promise<Root> {
    if (this.#isHalfDone) throw treeAltered('a change of it did not come to its end');
    const { counter, encryptions, anchored } = this.#before;
    const isSame = !this.#changed && encryptions === this.#encryptions && anchored === this.#anchored;
    if (isSame && this.#passed === null) return this.#before;
    const digest = await this.#trie.flush();
    const root: Root = {
      counter: Math.max(counter, this.#passed ?? 0) + 1,
      entries: this.#trie.count,
      encryptions: this.#encryptions,
      anchored: this.#anchored,
      digest,
    };
    await this.#rows.put(ROOT, encodeRoot(root, this.#keys));
    return root;
  }

  /** What ends half way leaves rows and tree apart, which no later step of the transaction may commit. */
  async #change(use: () => Promise<void>): Promise<void> {
    this.#isHalfDone = true;
    this.#changed = true;
    this.#listing = null;
    await use();
    this.#isHalfDone = false;
  }

  /** The whole listing, which the tree says is complete; rows of the tree and of machines are not in it. */
  async #checkedChildren(folder: string): Promise<Child[]> {
    const prefix = folder === '' ? '' : `${folder}/`;
    const found = await this.#rows.list(folder);
    const children = found.filter(({ segment, folder: isFolder }) =>
      isCovered(`${prefix}${segment}${isFolder ? '/' : ''}`),
    );
    const known = await this.#trie.secondHalves(this.#leaves.folder(folder));
    for (const child of children) {
      if (!known.delete(this.#leaves.child(prefix, child)))
        throw new RowFault('unknown', `${prefix}${child.segment}`, null);
    }
    if (known.size > 0) throw new RowFault('removed', folder, null, `something in ${JSON.stringify(folder)}`);
    return children;
  }
}

/** @throws RowFault where there is a row without a leaf, or a leaf without a row */
function requirePresence(path: string, digest: Buffer | null, value: Uint8Array | null): void {
  if (digest === null && value !== null) throw new RowFault('unknown', path, value);
  if (digest !== null && value === null) throw new RowFault('removed', path, null);
}
