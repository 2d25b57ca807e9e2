import { DIGEST_BYTES, HALF_BYTES } from './keys.ts';

/** A subtree of at most so many entries is one leaf, so that its shape follows from the entries alone. */
export const LEAF_ENTRIES = 32;
/** The first byte of a leaf; the second is the number of its groups. */
export const LEAF = 1;
const HEAD_BYTES = 2;
/** Of a group, which has the entries of one folder: the half that they share, and how many there are. */
const GROUP_HEAD_BYTES = HALF_BYTES + 2;
/** Of an entry: the other half of its key, and its digest. */
const ENTRY_BYTES = HALF_BYTES + DIGEST_BYTES;
/** Of a leaf with one entry more than it may have, each in a group of its own. */
const MOST_BYTES = HEAD_BYTES + (LEAF_ENTRIES + 1) * (GROUP_HEAD_BYTES + ENTRY_BYTES);

/** Enough for most leaves: what has more than 1000 bytes takes runtimes longer to allocate. */
const FEW_GROUPS_BYTES = 992;

/** One row, or the mark of a folder. */
export interface Entry {
  /** 16 characters, one for each byte: the half of the folder, then that of the path. */
  readonly key: string;
  /** 16 bytes. */
  readonly digest: Buffer;
}

/**
 * Entries in the order of their keys, in the bytes in which they are stored. A digest that it gives is a part of them: it is right until
 * the next `put`. Byte layout: coffer-format(7), "Tree".
 */
export class LeafBytes {
  #bytes: Buffer;
  #length: number;
  /** Whether nobody else has the bytes. */
  #isOwn: boolean;

  /** @param bytes of a leaf, which are not changed */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#length = bytes.length;
    this.#isOwn = false;
  }

  /** @param entries in order */
  static of(entries: readonly Entry[]): LeafBytes {
    return new LeafBytes(encoded(entries));
  }

  /** How many entries there are. */
  get count(): number {
    return (this.#length - HEAD_BYTES - GROUP_HEAD_BYTES * (this.#bytes[1] ?? 0)) / ENTRY_BYTES;
  }

  /** They stay as they are, whatever is put later. */
  bytes(): Buffer {
    this.#isOwn = false;
    return this.#bytes.subarray(0, this.#length);
  }

  entries(): Entry[] {
    const bytes = this.#bytes;
    const entries: Entry[] = [];
    for (let group = HEAD_BYTES; group < this.#length; group = this.#groupEnd(group)) {
      const folder = bytes.toString('latin1', group, group + HALF_BYTES);
      for (let at = group + GROUP_HEAD_BYTES; at < this.#groupEnd(group); at += ENTRY_BYTES)
        entries.push({ key: folder + bytes.toString('latin1', at, at + HALF_BYTES), digest: this.#digestAt(at) });
    }
    return entries;
  }

  /** The digest under a key; null where there is none. */
  digest(key: string): Buffer | null {
    const group = this.#group(key);
    if (!this.#isAt(group, key, 0)) return null;
    const at = this.#place(group, key);
    return at < this.#groupEnd(group) && this.#isAt(at, key, HALF_BYTES) ? this.#digestAt(at) : null;
  }

  /** @returns whether the key is new */
  put({ key, digest }: Entry): boolean {
    this.#own();
    const group = this.#group(key);
    if (!this.#isAt(group, key, 0)) {
      this.#open(group, GROUP_HEAD_BYTES);
      this.#bytes.write(key, group, HALF_BYTES, 'latin1');
      this.#bytes.writeUInt16BE(0, group + HALF_BYTES);
      this.#bytes.writeUInt8((this.#bytes[1] ?? 0) + 1, 1);
    }
    const at = this.#place(group, key);
    const isNew = at === this.#groupEnd(group) || !this.#isAt(at, key, HALF_BYTES);
    if (isNew) {
      this.#open(at, ENTRY_BYTES);
      this.#bytes.writeUInt16BE(this.#bytes.readUInt16BE(group + HALF_BYTES) + 1, group + HALF_BYTES);
      this.#bytes.write(key.slice(HALF_BYTES), at, 'latin1');
    }
    digest.copy(this.#bytes, at + HALF_BYTES);
    return isNew;
  }

  /** @returns whether the key was there */
  delete(key: string): boolean {
    const entries = this.entries();
    const left = entries.filter((entry) => entry.key !== key);
    if (left.length === entries.length) return false;
    const without = LeafBytes.of(left);
    [this.#bytes, this.#length, this.#isOwn] = [without.#bytes, without.#length, false];
    return true;
  }

  /** Where the group of a key's folder begins, or would begin. */
  #group(key: string): number {
    let at = HEAD_BYTES;
    while (at < this.#length && this.#order(at, key, 0) < 0) at = this.#groupEnd(at);
    return at;
  }

  #groupEnd(group: number): number {
    return group + GROUP_HEAD_BYTES + ENTRY_BYTES * this.#bytes.readUInt16BE(group + HALF_BYTES);
  }

  /** Where an entry begins, or would begin, in the group of its folder. */
  #place(group: number, key: string): number {
    const start = group + GROUP_HEAD_BYTES;
    let [low, high] = [0, (this.#groupEnd(group) - start) / ENTRY_BYTES];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#order(start + middle * ENTRY_BYTES, key, HALF_BYTES) < 0) low = middle + 1;
      else high = middle;
    }
    return start + low * ENTRY_BYTES;
  }

  #isAt(at: number, key: string, half: number): boolean {
    return at < this.#length && this.#order(at, key, half) === 0;
  }

  /** Compares the half of a key that is stored here with one of `key`. */
  #order(at: number, key: string, half: number): number {
    for (let place = 0; place < HALF_BYTES; place++) {
      const difference = (this.#bytes[at + place] ?? 0) - key.charCodeAt(half + place);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #digestAt(entry: number): Buffer {
    return this.#bytes.subarray(entry + HALF_BYTES, entry + ENTRY_BYTES);
  }

  /** Makes room. */
  #open(at: number, length: number): void {
    this.#bytes.copyWithin(at + length, at, this.#length);
    this.#length += length;
  }

  /** Before the bytes are changed, and at most one entry and its group come to them. */
  #own(): void {
    const wanted = this.#length + GROUP_HEAD_BYTES + ENTRY_BYTES;
    if (this.#isOwn && wanted <= this.#bytes.length) return;
    const own = Buffer.allocUnsafeSlow(wanted <= FEW_GROUPS_BYTES ? FEW_GROUPS_BYTES : MOST_BYTES);
    this.#bytes.copy(own, 0, 0, this.#length);
    this.#bytes = own;
    this.#isOwn = true;
  }
}

function encoded(entries: readonly Entry[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + entries.length * (GROUP_HEAD_BYTES + ENTRY_BYTES));
  let [at, group, groups, folder] = [HEAD_BYTES, HEAD_BYTES, 0, ''];
  for (const { key, digest } of entries) {
    if (groups === 0 || !key.startsWith(folder)) {
      folder = key.slice(0, HALF_BYTES);
      group = at + bytes.write(folder, at, 'latin1');
      at = bytes.writeUInt16BE(0, group);
      groups++;
    }
    bytes.writeUInt16BE(bytes.readUInt16BE(group) + 1, group);
    at += bytes.write(key.slice(HALF_BYTES), at, 'latin1');
    at += digest.copy(bytes, at);
  }
  bytes.writeUInt8(groups, bytes.writeUInt8(LEAF, 0));
  return bytes.subarray(0, at);
}
