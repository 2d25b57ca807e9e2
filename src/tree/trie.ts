import { MalformedBytes } from '../bytes.ts';
import { IntegrityError } from '../errors.ts';
import { treeAltered } from './faults.ts';
import type { TreeKeys } from './keys.ts';
import { digitAt, firstDigits } from './digits.ts';
import type { Entry } from './leaf.ts';
import { commonDigits, decodeNode, type Leaf, type Node, type Slot } from './node.ts';

/** Where the bytes of nodes are kept, by address: the digits on the way to a node; "" is the root. */
export interface NodeStore {
  get(address: string): Promise<Uint8Array | null>;
  put(address: string, bytes: Uint8Array): Promise<void>;
  delete(address: string): Promise<void>;
}

/** Nodes that a trie which nobody changes has in memory, about: the leaves among them stand for a hundred thousand entries. */
const MOST_KEPT = 5000;

/**
 * The trie over all entries: four ways, leaves of at most 28 entries, a prefix in one node. Each node is checked against what its
 * parent says of it before a byte of it is used. What was read is kept; so a trie serves one transaction.
 */
export class Trie {
  protected readonly root: Slot;
  readonly #nodes: Pick<NodeStore, 'get'>;
  readonly #keys: TreeKeys;
  #most = Infinity;
  #kept = 0;

  /** @param root the digest of the root node, 16 bytes, or null for no entries */
  constructor(nodes: Pick<NodeStore, 'get'>, keys: TreeKeys, root: Buffer | null) {
    this.#nodes = nodes;
    this.#keys = keys;
    this.root = { digest: root, node: null };
  }

  /**
   * Has it let go of what it read where that becomes much, since a whole store does not fit in memory. For a trie that nobody changes: who is
   * on the way to a node, and would change it, must not lose what is above it.
   */
  keepFew(most = MOST_KEPT): void {
    this.#most = most;
  }

  /** The digest under a key; null where there is none. @throws IntegrityError `tree_altered` */
  async find(key: string): Promise<Buffer | null> {
    const leaf = await this.leafFor(key);
    return leaf === null ? null : leaf.entries.digest(key);
  }

  /** The leaf that a key is in if it is anywhere, every node on the way to which is then in memory. */
  protected async leafFor(key: string): Promise<Leaf | null> {
    if (this.#kept >= this.#most) {
      this.root.node = null;
      this.#kept = 0;
    }
    let slot: Slot | undefined = this.root;
    for (let depth = 0; slot !== undefined && !isEmpty(slot);) {
      const node: Node = slot.node ?? (await this.read(slot, firstDigits(key, depth)));
      if (node.kind === 'leaf') return node;
      const length: number = node.prefix.length;
      if (commonDigits(node, key, depth) < length) return null;
      slot = node.slots[digitAt(key, length)];
      depth = length + 1;
    }
    return null;
  }

  /** The second halves of all keys with this first half. @throws IntegrityError `tree_altered` */
  async secondHalves(first: string): Promise<Set<string>> {
    const halves = new Set<string>();
    for await (const { entries } of this.#leavesBelow(this.root, '', firstDigits(first, 4 * first.length)))
      for (const half of entries.secondHalves(first)) halves.add(half);
    return halves;
  }

  /** Every entry in order; a node that cannot be used is told with its address, and what is below it is left out. */
  async *everything(): AsyncGenerator<Entry | { readonly fault: IntegrityError; readonly address: string }> {
    yield* this.#everything(this.root, '');
  }

  async *#everything(slot: Slot, address: string): ReturnType<Trie['everything']> {
    if (isEmpty(slot)) return;
    let node: Node;
    try {
      node = slot.node ?? (await this.read(slot, address));
    } catch (fault) {
      if (!(fault instanceof IntegrityError)) throw fault;
      yield { fault, address };
      return;
    }
    slot.node = null;
    if (node.kind === 'leaf') {
      yield* node.entries.entries();
      return;
    }
    for (const [digit, child] of node.slots.entries()) {
      if (child !== undefined) yield* this.#everything(child, node.prefix + String(digit));
    }
  }

  /** Whether there is a key with this first half. @throws IntegrityError `tree_altered` */
  async hasBelow(first: string): Promise<boolean> {
    for await (const { entries } of this.#leavesBelow(this.root, '', firstDigits(first, 4 * first.length)))
      if (entries.secondHalves(first).length > 0) return true;
    return false;
  }

  /** @param start digits */
  async *#leavesBelow(slot: Slot | undefined, address: string, start: string): AsyncGenerator<Leaf> {
    if (slot === undefined || isEmpty(slot)) return;
    const node = slot.node ?? (await this.read(slot, address));
    if (node.kind === 'leaf') {
      yield node;
      return;
    }
    const { prefix, slots } = node;
    if (prefix.length >= start.length) {
      if (!prefix.startsWith(start)) return;
      for (const [digit, child] of slots.entries()) yield* this.#leavesBelow(child, prefix + String(digit), start);
    } else if (start.startsWith(prefix)) {
      const next = start.slice(0, prefix.length + 1);
      yield* this.#leavesBelow(slots[Number(start[prefix.length])], next, start);
    }
  }

  protected async read(slot: Slot, address: string): Promise<Node> {
    const bytes = await this.#nodes.get(address);
    if (bytes === null) throw treeAltered('a node of it was removed');
    if (slot.digest === null || !this.#keys.nodeDigest(bytes).equals(slot.digest))
      throw treeAltered('a node of it is not the one that belongs there');
    try {
      slot.node = decodeNode(bytes, address);
    } catch (error) {
      if (error instanceof MalformedBytes) throw treeAltered(error.message);
      throw error;
    }
    this.#kept++;
    return slot.node;
  }
}

export function isEmpty({ digest, node }: Slot): boolean {
  return digest === null && node === null;
}
