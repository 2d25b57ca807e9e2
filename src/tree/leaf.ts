import { DIGEST_BYTES, HALF_BYTES, MARK } from './keys.ts';

/**
 * A subtree of at most so many entries is one leaf, so that its shape follows from the entries alone. With one more, a leaf could be
 * longer than what SQLite keeps of a row in its place (1002 bytes of a page of 4096, path and all), and would take a page of its own.
 */
export const LEAF_ENTRIES = 28;
/** The first byte of a leaf; the second is the number of its groups. */
export const LEAF = 1;
const HEAD_BYTES = 2;
/** Of a group, which has the entries of one folder: the half that they share, and how many rows and how many marks there are. */
const GROUP_HEAD_BYTES = HALF_BYTES + 2;
/** Of a row: the other half of its key, and its digest. */
const ROW_BYTES = HALF_BYTES + DIGEST_BYTES;
/** Of a mark: the other half of its key. */
const MARK_BYTES = HALF_BYTES;
/** Of a leaf with one entry more than it may have, each in a group of its own. */
const MOST_BYTES = HEAD_BYTES + (LEAF_ENTRIES + 1) * (GROUP_HEAD_BYTES + ROW_BYTES);

/** One row, or the mark of a folder. */
export interface Entry {
  /** 16 characters, one for each byte: the half of the folder, then that of the path. */
  readonly key: string;
  /** 16 bytes; of a mark those of MARK. */
  readonly digest: Buffer;
}

/** Where the rows of a group are, or its marks, all of which have one length. */
interface Run {
  readonly start: number;
  readonly end: number;
  /** Bytes of one of them. */
  readonly step: number;
}

/**
 * Entries in the order of their keys, in the bytes in which they are stored. A digest that it gives is a part of them: it is right until
 * the next `put`. Byte layout: coffer-format(7), "Tree".
 */
export class LeafBytes {
  #bytes: Buffer;
  #length: number;
  /** Whether nobody else has the bytes, which have room for one entry more than there may be. */
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
    let count = 0;
    for (let group = HEAD_BYTES; group < this.#length; group = this.#groupEnd(group))
      count += this.#rowsOf(group) + this.#marksOf(group);
    return count;
  }

  /** They stay as they are, whatever is put later. */
  bytes(): Buffer {
    this.#isOwn = false;
    return this.#bytes.subarray(0, this.#length);
  }

  entries(): Entry[] {
    const entries: Entry[] = [];
    for (let group = HEAD_BYTES; group < this.#length; group = this.#groupEnd(group)) {
      const folder = this.#bytes.toString('latin1', group, group + HALF_BYTES);
      const [rows, marks] = [this.#rows(group), this.#marks(group)];
      let mark = marks.start;
      for (let row = rows.start; row < rows.end || mark < marks.end;) {
        const isRow = mark === marks.end || (row < rows.end && this.#isBefore(row, mark));
        const at = isRow ? row : mark;
        const key = folder + this.#bytes.toString('latin1', at, at + HALF_BYTES);
        entries.push({ key, digest: isRow ? this.#digestAt(at) : MARK });
        if (isRow) row += ROW_BYTES;
        else mark += MARK_BYTES;
      }
    }
    return entries;
  }

  /** Of the keys with this first half. */
  secondHalves(first: string): string[] {
    const group = this.#group(first);
    if (!this.#isAt(group, this.#length, first, 0)) return [];
    const halves: string[] = [];
    for (const { start, end, step } of [this.#rows(group), this.#marks(group)])
      for (let at = start; at < end; at += step) halves.push(this.#bytes.toString('latin1', at, at + HALF_BYTES));
    return halves;
  }

  /** The digest under a key; null where there is none. */
  digest(key: string): Buffer | null {
    const group = this.#group(key);
    if (!this.#isAt(group, this.#length, key, 0)) return null;
    const rows = this.#rows(group);
    const row = this.#place(rows, key);
    if (this.#isAt(row, rows.end, key, HALF_BYTES)) return this.#digestAt(row);
    const marks = this.#marks(group);
    return this.#isAt(this.#place(marks, key), marks.end, key, HALF_BYTES) ? MARK : null;
  }

  /** @returns whether the key is new */
  put({ key, digest }: Entry): boolean {
    this.#own();
    const group = this.#group(key);
    if (!this.#isAt(group, this.#length, key, 0)) {
      this.#open(group, GROUP_HEAD_BYTES);
      this.#bytes.write(key, group, HALF_BYTES, 'latin1');
      this.#bytes.fill(0, group + HALF_BYTES, group + GROUP_HEAD_BYTES);
      this.#bytes.writeUInt8((this.#bytes[1] ?? 0) + 1, 1);
    }
    const isMark = digest.equals(MARK);
    const run = isMark ? this.#marks(group) : this.#rows(group);
    const at = this.#place(run, key);
    const isNew = !this.#isAt(at, run.end, key, HALF_BYTES);
    if (isNew) {
      this.#open(at, run.step);
      const count = group + HALF_BYTES + Number(isMark);
      this.#bytes.writeUInt8((this.#bytes[count] ?? 0) + 1, count);
      this.#bytes.write(key.slice(HALF_BYTES), at, 'latin1');
    }
    if (!isMark) digest.copy(this.#bytes, at + HALF_BYTES);
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
    return this.#marks(group).end;
  }

  #rowsOf(group: number): number {
    return this.#bytes[group + HALF_BYTES] ?? 0;
  }

  #marksOf(group: number): number {
    return this.#bytes[group + HALF_BYTES + 1] ?? 0;
  }

  #rows(group: number): Run {
    const start = group + GROUP_HEAD_BYTES;
    return { start, end: start + ROW_BYTES * this.#rowsOf(group), step: ROW_BYTES };
  }

  #marks(group: number): Run {
    const start = group + GROUP_HEAD_BYTES + ROW_BYTES * this.#rowsOf(group);
    return { start, end: start + MARK_BYTES * this.#marksOf(group), step: MARK_BYTES };
  }

  /** Where an entry begins, or would begin. */
  #place({ start, end, step }: Run, key: string): number {
    let [low, high] = [0, (end - start) / step];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#order(start + middle * step, key, HALF_BYTES) < 0) low = middle + 1;
      else high = middle;
    }
    return start + low * step;
  }

  #isAt(at: number, end: number, key: string, half: number): boolean {
    return at < end && this.#order(at, key, half) === 0;
  }

  #isBefore(a: number, b: number): boolean {
    return this.#bytes.compare(this.#bytes, b, b + HALF_BYTES, a, a + HALF_BYTES) < 0;
  }

  /** Compares the half of a key that is stored here with one of `key`. */
  #order(at: number, key: string, half: number): number {
    for (let place = 0; place < HALF_BYTES; place++) {
      const difference = (this.#bytes[at + place] ?? 0) - key.charCodeAt(half + place);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #digestAt(row: number): Buffer {
    return this.#bytes.subarray(row + HALF_BYTES, row + ROW_BYTES);
  }

  /** Makes room. */
  #open(at: number, length: number): void {
    this.#bytes.copyWithin(at + length, at, this.#length);
    this.#length += length;
  }

  /** Before the bytes are changed. */
  #own(): void {
    if (this.#isOwn) return;
    const own = Buffer.allocUnsafeSlow(MOST_BYTES);
    this.#bytes.copy(own, 0, 0, this.#length);
    this.#bytes = own;
    this.#isOwn = true;
  }
}

function encoded(entries: readonly Entry[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + entries.length * (GROUP_HEAD_BYTES + ROW_BYTES));
  let [at, groups] = [HEAD_BYTES, 0];
  for (let from = 0; from < entries.length; groups++) {
    const folder = entries[from]?.key.slice(0, HALF_BYTES) ?? '';
    let to = from;
    while (to < entries.length && entries[to]?.key.startsWith(folder) === true) to++;
    const group = entries.slice(from, to);
    const marks = group.filter(({ digest }) => digest.equals(MARK));
    at += bytes.write(folder, at, 'latin1');
    at = bytes.writeUInt8(marks.length, bytes.writeUInt8(group.length - marks.length, at));
    for (const { key, digest } of group) {
      if (digest.equals(MARK)) continue;
      at += bytes.write(key.slice(HALF_BYTES), at, 'latin1');
      at += digest.copy(bytes, at);
    }
    for (const { key } of marks) at += bytes.write(key.slice(HALF_BYTES), at, 'latin1');
    from = to;
  }
  bytes.writeUInt8(groups, bytes.writeUInt8(LEAF, 0));
  return bytes.subarray(0, at);
}
