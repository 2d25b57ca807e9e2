import { beforeAll, describe, expect, it } from 'vitest';
import { CheckedRows, decodeRoot, ROOT, TreeKeys } from '../../../src/tree/index.ts';
import { LeafKeys, nodePath } from '../../../src/tree/paths.ts';
import { Trie } from '../../../src/tree/trie.ts';
import { MemoryRows } from '../../support/memory-rows.ts';

const KEYS = new TreeKeys(new Uint8Array(32).fill(7), new Uint8Array(32).fill(9));
const ROWS = 3000;

describe('a trie that keeps few of its nodes', () => {
  const stored = new MemoryRows();
  const pathOf = (at: number): string => `data/m/f${at % 7}/s${at}`;
  beforeAll(async () => {
    const rows = CheckedRows.create(stored, KEYS);
    for (let at = 0; at < ROWS; at++) await rows.put(pathOf(at), new Uint8Array([at % 256]));
    await rows.finish();
  });

  /** Looks for every row, twice, and for as many that are not there. @returns how many nodes were read, and how many there are */
  async function reads(most: number | null): Promise<{ read: number; nodes: number }> {
    let read = 0;
    const seen = new Set<string>();
    const get = async (address: string): Promise<Uint8Array | null> => {
      read++;
      seen.add(address);
      return stored.get(nodePath(address));
    };
    const trie = new Trie({ get }, KEYS, decodeRoot(await stored.get(ROOT), KEYS).digest);
    if (most !== null) trie.keepFew(most);
    const leaves = new LeafKeys(KEYS);
    for (let time = 0; time < 2; time++) {
      for (let at = 0; at < ROWS; at++) {
        const found = await trie.find(leaves.row(pathOf(at)));
        expect(found?.equals(KEYS.rowDigest(pathOf(at), new Uint8Array([at % 256])))).toBe(true);
        expect(await trie.find(leaves.row(`${pathOf(at)}-none`))).toBeNull();
      }
    }
    expect((await trie.secondHalves(leaves.folder('data/m/f3'))).size).toBe(Math.ceil((ROWS - 3) / 7));
    return { read, nodes: seen.size };
  }

  it('finds what one that keeps them all finds, and reads what it let go of again', async () => {
    const all = await reads(null);
    expect(all.read).toBe(all.nodes);
    const few = await reads(20);
    expect(few.nodes).toBe(all.nodes);
    expect(few.read).toBeGreaterThan(10 * all.nodes);
    const half = await reads(Math.ceil(all.nodes / 2));
    expect(half.read).toBeLessThan(few.read);
    expect(half.read).toBeGreaterThan(all.read);
  });
});
