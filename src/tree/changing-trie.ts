import { digitAt, firstDigits } from './digits.ts';
import type { TreeKeys } from './keys.ts';
import { type Entry, LEAF_ENTRIES } from './leaf.ts';
import { commonDigits, encodeNode, FANOUT, type Inner, inner, leaf, type Node, type Slot } from './node.ts';
import { isEmpty, type NodeStore, Trie } from './trie.ts';

/** A trie that changes in memory, until `flush` writes every changed node once. */
export class ChangingTrie extends Trie {
  readonly #nodes: NodeStore;
  readonly #keys: TreeKeys;
  /** Addresses under which nodes lie that moved or are gone. */
  readonly #freed = new Set<string>();
  #count: number;

  /** @param root the digest of the root node, 16 bytes, or null for no entries @param count entries */
  constructor(nodes: NodeStore, keys: TreeKeys, root: Buffer | null, count: number) {
    super(nodes, keys, root);
    this.#nodes = nodes;
    this.#keys = keys;
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  /** @returns whether the key is new @throws IntegrityError `tree_altered` */
  async put(key: string, digest: Buffer): Promise<boolean> {
    let isNew = this.#put(this.root, 0, { key, digest });
    if (isNew === null) {
      await this.leafFor(key);
      isNew = this.#put(this.root, 0, { key, digest });
    }
    if (isNew === true) this.#count++;
    return isNew === true;
  }

  /**
   * @param depth of the slot's address, which is the beginning of the key
   * @returns whether the key is new; null, with nothing changed, where a node on the way is not in memory
   */
  #put(slot: Slot, depth: number, entry: Entry): boolean | null {
    const { node } = slot;
    if (node === null) {
      if (!isEmpty(slot)) return null;
      slot.node = leaf([entry]);
      return true;
    }
    if (node.kind === 'leaf') {
      const isNew = node.entries.put(entry);
      node.dirty = true;
      if (node.entries.count > LEAF_ENTRIES) {
        this.#free(node);
        slot.node = built(node.entries.entries(), depth);
      }
      return isNew;
    }
    const common = commonDigits(node, entry.key, depth);
    if (common < node.prefix.length) {
      slot.node = this.#split(slot, node, common, entry);
      return true;
    }
    const child = (node.slots[digitAt(entry.key, common)] ??= { digest: null, node: null });
    const isNew = this.#put(child, common + 1, entry);
    if (isNew === null) return null;
    node.dirty = true;
    if (isNew) node.count++;
    return isNew;
  }

  /** A node above one whose prefix the entry does not share. The old one moves to another address; what is below it stays. */
  #split(slot: Slot, node: Inner, common: number, entry: Entry): Inner {
    this.#free(node);
    node.storedAt = null;
    node.dirty = true;
    const slots = new Array<Slot | undefined>(FANOUT).fill(undefined);
    slots[Number(node.prefix[common])] = { digest: slot.digest, node };
    slots[digitAt(entry.key, common)] = { digest: null, node: leaf([entry]) };
    return inner(node.prefix.slice(0, common), node.count + 1, slots);
  }

  /** @returns whether the key was there @throws IntegrityError `tree_altered` */
  async delete(key: string): Promise<boolean> {
    const had = await this.#delete(this.root, 0, key);
    if (had) this.#count--;
    return had;
  }

  async #delete(slot: Slot, depth: number, key: string): Promise<boolean> {
    if (isEmpty(slot)) return false;
    const node = slot.node ?? (await this.read(slot, firstDigits(key, depth)));
    if (node.kind === 'leaf') {
      if (!node.entries.delete(key)) return false;
      node.dirty = true;
      if (node.entries.count === 0) this.#clear(slot, node);
      return true;
    }
    const { length } = node.prefix;
    if (commonDigits(node, key, depth) < length) return false;
    const digit = digitAt(key, length);
    const child = node.slots[digit];
    if (child === undefined || !(await this.#delete(child, length + 1, key))) return false;
    node.count--;
    node.dirty = true;
    if (isEmpty(child)) node.slots[digit] = undefined;
    await this.#shrink(slot, node);
    return true;
  }

  /** Few enough entries become one leaf, and a node with a single child gives its place to it. */
  async #shrink(slot: Slot, node: Inner): Promise<void> {
    if (node.count <= LEAF_ENTRIES) {
      const entries: Entry[] = [];
      await this.#gather(slot, node.storedAt ?? '', entries);
      slot.node = leaf(entries);
      return;
    }
    const children = [...node.slots.entries()].filter(([, child]) => child !== undefined);
    const [only, ...others] = children;
    if (only?.[1] === undefined || others.length > 0) return;
    const [digit, child] = only;
    const below = child.node ?? (await this.read(child, node.prefix + String(digit)));
    this.#free(node);
    this.#free(below);
    below.storedAt = null;
    below.dirty = true;
    slot.node = below;
  }

  /** Every entry of a subtree, whose nodes are freed. */
  async #gather(slot: Slot, address: string, entries: Entry[]): Promise<void> {
    const node = slot.node ?? (await this.read(slot, address));
    this.#free(node);
    if (node.kind === 'leaf') {
      entries.push(...node.entries.entries());
      return;
    }
    for (const [digit, child] of node.slots.entries()) {
      if (child !== undefined) await this.#gather(child, node.prefix + String(digit), entries);
    }
  }

  /** Writes every changed node once, and removes those that are gone. @returns the root's digest; null without entries */
  async flush(): Promise<Buffer | null> {
    await this.#write(this.root, '');
    for (const address of this.#freed) await this.#nodes.delete(address);
    this.#freed.clear();
    return this.root.digest;
  }

  async #write(slot: Slot, address: string): Promise<void> {
    const { node } = slot;
    if (node?.dirty !== true) return;
    if (node.kind === 'inner') {
      for (const [digit, child] of node.slots.entries()) {
        if (child !== undefined) await this.#write(child, node.prefix + String(digit));
      }
    }
    const bytes = encodeNode(node);
    slot.digest = this.#keys.nodeDigest(bytes);
    await this.#nodes.put(address, bytes);
    this.#freed.delete(address);
    node.storedAt = address;
    node.dirty = false;
  }

  #clear(slot: Slot, node: Node): void {
    this.#free(node);
    slot.node = null;
    slot.digest = null;
  }

  #free({ storedAt }: Node): void {
    if (storedAt !== null) this.#freed.add(storedAt);
  }
}

/** The shape that follows from the entries: a leaf where it holds them all. @param depth digits that all keys share already */
function built(entries: readonly Entry[], depth: number): Node {
  if (entries.length <= LEAF_ENTRIES) return leaf(entries);
  const [first, last] = [entries[0]?.key ?? '', entries.at(-1)?.key ?? ''];
  let common = depth;
  while (digitAt(first, common) === digitAt(last, common)) common++;
  const slots = new Array<Slot | undefined>(FANOUT).fill(undefined);
  for (let from = 0; from < entries.length;) {
    const digit = digitAt(entries[from]?.key ?? '', common);
    let to = from;
    while (to < entries.length && digitAt(entries[to]?.key ?? '', common) === digit) to++;
    slots[digit] = { digest: null, node: built(entries.slice(from, to), common + 1) };
    from = to;
  }
  return inner(firstDigits(first, common), entries.length, slots);
}
