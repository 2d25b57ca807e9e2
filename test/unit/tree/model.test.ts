import { describe, expect, it } from 'vitest';
import type { Child } from '../../../src/storage/index.ts';
import { ChangingTrie } from '../../../src/tree/changing-trie.ts';
import { CheckedRows, TreeKeys } from '../../../src/tree/index.ts';
import type { NodeStore } from '../../../src/tree/trie.ts';
import { MemoryRows } from '../../support/memory-rows.ts';

const KEYS = new TreeKeys(new Uint8Array(32).fill(7), new Uint8Array(32).fill(9));
const OPERATIONS = 20_000;
/** Few names, so that folders fill and empty. */
const NAMES = ['a', 'b', 'c', 'dd', 'e-e', 'f_f'];

/** xorshift32: the same operations in every run. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  path(): string {
    const depth = 1 + this.below(4);
    const segments = Array.from({ length: depth }, () => NAMES[this.below(NAMES.length)] ?? 'a');
    // A crowded folder makes inner nodes below its own half.
    return this.below(3) === 0 ? `data/crowd/n${this.below(400)}` : `data/${segments.join('/')}`;
  }
}

function contents(rows: MemoryRows): string[] {
  return [...rows.map].map(([path, value]) => `${path}=${Buffer.from(value).toString('hex')}`).sort();
}

/** The same rows in a store of their own, put in order, so that its tree is built anew. */
async function builtAnew(model: ReadonlyMap<string, Uint8Array>): Promise<MemoryRows> {
  const stored = new MemoryRows();
  const checked = CheckedRows.create(stored, KEYS);
  for (const [path, value] of [...model].sort(([a], [b]) => (a < b ? -1 : 1))) await checked.put(path, value);
  await checked.finish();
  return stored;
}

function nodeStore(): NodeStore & { readonly nodes: ReadonlyMap<string, Uint8Array> } {
  const nodes = new Map<string, Uint8Array>();
  return {
    nodes,
    get: async (address) => nodes.get(address) ?? null,
    put: async (address, bytes) => void nodes.set(address, bytes),
    delete: async (address) => void nodes.delete(address),
  };
}

function isNode(line: string): boolean {
  return line.startsWith('tree');
}

describe('the tree', () => {
  it(`agrees with a plain map through ${OPERATIONS} operations, and is what it would be if it were built anew`, async () => {
    const dice = new Dice(20_261_127);
    let stored = new MemoryRows();
    await CheckedRows.create(stored, KEYS).finish();
    const first = CheckedRows.create(stored, KEYS);
    await first.put('core/record', new Uint8Array([1]));
    await first.finish();
    let model = new Map<string, Uint8Array>([['core/record', new Uint8Array([1])]]);
    for (let done = 0; done < OPERATIONS;) {
      const before = { stored: new MemoryRows(stored.map), model: new Map(model) };
      const checked = await CheckedRows.open(stored, KEYS);
      const reader = await CheckedRows.open(before.stored, KEYS);
      for (let left = 1 + dice.below(40); left > 0; left--, done++) {
        const path = dice.path();
        const what = dice.below(12);
        if (what < 2) {
          // What was asked before a write must not be believed after it.
          expect(await checked.hasBelow(folderOf(path))).toBe((await children(model, folderOf(path))).length > 0);
          expect(await checked.insert(path, new Uint8Array([what]))).toBe(!model.has(path));
          if (!model.has(path)) model.set(path, new Uint8Array([what]));
          for (let above = folderOf(path); above !== ''; above = folderOf(above))
            expect(await checked.hasBelow(above), above).toBe(true);
        } else if (what < 7) {
          const value = new Uint8Array(Array.from({ length: 1 + dice.below(6) }, () => dice.below(256)));
          await checked.put(path, value);
          model.set(path, value);
        } else if (what < 10) {
          await checked.delete(path);
          model.delete(path);
        } else {
          expect(await checked.get(path)).toEqual(model.get(path) ?? null);
          // Who reads at the same time sees the rows as they were before.
          expect(await reader.get(path)).toEqual(before.model.get(path) ?? null);
        }
      }
      for (const asked of [dice.path(), dice.path()]) {
        expect(await checked.has(asked)).toBe(model.has(asked));
        expect(await checked.hasBelow(asked)).toBe((await children(model, asked)).length > 0);
      }
      const folder = ['data', 'data/crowd', 'data/a', 'data/b/c', ''][dice.below(5)] ?? '';
      expect((await checked.list(folder)).filter(({ segment }) => segment !== 'tree')).toEqual(
        await children(model, folder),
      );
      if (dice.below(6) === 0) {
        ({ stored, model } = before); // rolled back
        continue;
      }
      await checked.finish();
    }
    const anew = await builtAnew(model);
    expect(contents(stored).filter(isNode)).toEqual(contents(anew).filter(isNode));
    expect(model.size).toBeGreaterThan(200);
  });

  it('is gone but for its root when the last row is', async () => {
    const dice = new Dice(3);
    const stored = new MemoryRows();
    const checked = CheckedRows.create(stored, KEYS);
    for (let left = 300; left > 0; left--) await checked.put(dice.path(), new Uint8Array([left % 256]));
    await checked.finish();
    const again = await CheckedRows.open(stored, KEYS);
    for (let path = await again.next('data', null); path !== null; path = await again.next('data', path))
      await again.delete(path);
    const root = await again.finish();
    expect([...stored.map.keys()]).toEqual(['core/tree']);
    expect(root).toMatchObject({ counter: 2, entries: 0, digest: null });
  });

  it('knows a folder again as empty, and as full, that it was both of within one transaction', async () => {
    const stored = new MemoryRows();
    const checked = CheckedRows.create(stored, KEYS);
    const rows = new Map(['data/other/x', 'data/a/b/c/row'].map((path) => [path, new Uint8Array([1])]));
    for (const [path, value] of rows) await checked.put(path, value);
    await checked.delete('data/a/b/c/row');
    for (const folder of ['data/a', 'data/a/b', 'data/a/b/c']) expect(await checked.hasBelow(folder)).toBe(false);
    await checked.put('data/a/b/c/row', new Uint8Array([1]));
    for (const folder of ['data/a', 'data/a/b', 'data/a/b/c']) expect(await checked.hasBelow(folder)).toBe(true);
    await checked.finish();
    expect(contents(stored).filter(isNode)).toEqual(contents(await builtAnew(rows)).filter(isNode));
  });

  it('takes an entry whose place nobody has looked for before', async () => {
    const entries = Array.from({ length: 500 }, (_, at) => ({
      key: KEYS.half(`folder ${at % 3}`) + KEYS.half(`row ${at}`),
      digest: Buffer.alloc(16, at),
    }));
    const together = nodeStore();
    const all = new ChangingTrie(together, KEYS, null, 0);
    for (const { key, digest } of entries) expect(await all.put(key, digest)).toBe(true);
    const apart = nodeStore();
    let [root, count]: [Buffer | null, number] = [null, 0];
    for (let from = 0; from < entries.length; from += 100) {
      const trie: ChangingTrie = new ChangingTrie(apart, KEYS, root, count);
      for (const { key, digest } of entries.slice(from, from + 100)) expect(await trie.put(key, digest)).toBe(true);
      for (const { key, digest } of entries.slice(0, from)) expect(await trie.put(key, digest)).toBe(false);
      root = await trie.flush();
      count = trie.count;
    }
    expect(root).toEqual(await all.flush());
    expect(count).toBe(entries.length);
    expect(apart.nodes).toEqual(together.nodes);
  });

  it('writes each node once, whatever number of rows a transaction has', async () => {
    const stored = new MemoryRows();
    let written: string[] = [];
    const put = stored.put.bind(stored);
    stored.put = async (path, value) => {
      written.push(path);
      await put(path, value);
    };
    const checked = CheckedRows.create(stored, KEYS);
    for (let at = 0; at < 2000; at++) await checked.put(`data/crowd/n${at}`, new Uint8Array([1]));
    written = [];
    await checked.finish();
    expect(written.length).toBeGreaterThan(60);
    expect(new Set(written).size).toBe(written.length);
  });
});

function folderOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

async function children(model: ReadonlyMap<string, Uint8Array>, folder: string): Promise<Child[]> {
  return new MemoryRows(model).list(folder);
}
