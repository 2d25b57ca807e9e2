import { describe, expect, it } from 'vitest';
import { firstDigits } from '../../../src/tree/digits.ts';
import { MARK } from '../../../src/tree/keys.ts';
import { type Entry, LEAF_ENTRIES, LeafBytes } from '../../../src/tree/leaf.ts';
import { commonDigits, inner } from '../../../src/tree/node.ts';
import { nodePath } from '../../../src/tree/paths.ts';

/** @param folder of 256, so that few make a leaf of few groups */
function entry(folder: number, name: number): Entry {
  const key = Buffer.alloc(16, 0x80);
  key.writeUInt8(folder, 7);
  key.writeUInt16BE(name, 14);
  return { key: key.toString('latin1'), digest: Buffer.alloc(16, (folder ^ name) | 1) };
}

function inOrder(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What is larger in one order than in another: by folders alone, by names alone, and by both. */
const KINDS: readonly (readonly [string, (at: number) => Entry])[] = [
  ['of one folder', (at) => entry(7, 65_535 - at * 251)],
  ['of many folders', (at) => entry((at * 37) % 256, 3)],
  ['of some folders', (at) => entry((at * 3) % 5, (at * 511) % 97)],
  ['and marks of one folder', (at) => ({ ...entry(7, 65_535 - at * 251), ...(at % 3 === 0 ? { digest: MARK } : {}) })],
  [
    'and marks of some folders',
    (at) => ({ ...entry((at * 3) % 5, (at * 511) % 97), ...(at % 5 < 3 ? { digest: MARK } : {}) }),
  ],
];

describe('the bytes of a leaf', () => {
  it.each(KINDS)('are the same in whatever order entries %s come', (_, kind) => {
    const entries = Array.from({ length: LEAF_ENTRIES + 1 }, (_, at) => kind(at));
    const grown = new LeafBytes(LeafBytes.of([]).bytes());
    for (const [at, each] of entries.entries()) {
      expect(grown.put(each)).toBe(true);
      expect(grown.count).toBe(at + 1);
    }
    expect(grown.bytes()).toEqual(LeafBytes.of(inOrder(entries)).bytes());
    expect(grown.entries()).toEqual(inOrder(entries));
  });

  it.each(KINDS)('say each entry %s, and no other', (_, kind) => {
    const entries = Array.from({ length: LEAF_ENTRIES }, (_, at) => kind(2 * at));
    const leaf = LeafBytes.of(inOrder(entries));
    for (const { key, digest } of entries) expect(leaf.digest(key)).toEqual(digest);
    const known = new Set(entries.map(({ key }) => key));
    const others = Array.from({ length: LEAF_ENTRIES }, (_, at) => kind(2 * at + 1).key).filter(
      (key) => !known.has(key),
    );
    for (const key of [...others, '\0'.repeat(16), '\xff'.repeat(16)]) expect(leaf.digest(key)).toBeNull();
  });

  it('take another digest for a key that is there, and lose one that is deleted', () => {
    const leaf = LeafBytes.of([entry(1, 1), entry(1, 2), entry(2, 1)]);
    expect(leaf.put({ ...entry(1, 2), digest: Buffer.alloc(16, 0xee) })).toBe(false);
    expect(leaf.digest(entry(1, 2).key)).toEqual(Buffer.alloc(16, 0xee));
    expect(leaf.delete(entry(1, 3).key)).toBe(false);
    expect(leaf.delete(entry(2, 1).key)).toBe(true);
    expect(leaf.entries().map(({ key }) => key)).toEqual([entry(1, 1).key, entry(1, 2).key]);
    leaf.put({ ...entry(1, 0), digest: MARK });
    expect(leaf.delete(entry(1, 1).key)).toBe(true);
    expect(leaf.delete(entry(1, 0).key)).toBe(true);
    expect(leaf.entries().map(({ key }) => key)).toEqual([entry(1, 2).key]);
  });

  it('fit where SQLite keeps a row, whatever the entries are', () => {
    const entries = Array.from({ length: LEAF_ENTRIES }, (_, at) => entry(at, at));
    const longestPath = nodePath('0'.repeat(63)).length;
    // 1002 bytes of a page of 4096 (SQLite file format, section 1.6), five of which say how long path and value are.
    expect(LeafBytes.of(inOrder(entries)).bytes().length + longestPath).toBeLessThanOrEqual(1002 - 5);
  });

  it('are not changed where somebody else has them', () => {
    const stored = LeafBytes.of([entry(1, 1)]).bytes();
    const before = Buffer.from(stored);
    const leaf = new LeafBytes(stored);
    leaf.put({ ...entry(1, 1), digest: Buffer.alloc(16, 0xee) });
    leaf.put(entry(0, 9));
    expect(stored).toEqual(before);
    const given = leaf.bytes();
    const then = Buffer.from(given);
    leaf.put({ ...entry(1, 1), digest: Buffer.alloc(16, 0xdd) });
    expect(given).toEqual(then);
  });
});

describe('the prefix of a node', () => {
  it('is compared with a key digit by digit', () => {
    const { key } = entry(0xe4, 1);
    const digits = firstDigits(key, 64);
    for (let length = 0; length < 40; length++) {
      const prefix = digits.slice(0, length);
      for (let known = 0; known <= length; known++)
        expect(commonDigits(inner(prefix, 33, []), key, known)).toBe(length);
      for (let at = 0; at < length; at++) {
        const other = `${prefix.slice(0, at)}${(Number(prefix[at]) + 1) % 4}${prefix.slice(at + 1)}`;
        expect(commonDigits(inner(other, 33, []), key, 0)).toBe(at);
      }
    }
  });
});
