import { describe, expect, it } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import { IntegrityError } from '../../../src/errors.ts';
import { machineRows } from '../../../src/core/row-paths.ts';
import { CheckedRows, TreeKeys, verifyTree, writeTree } from '../../../src/tree/index.ts';
import { MARK } from '../../../src/tree/keys.ts';
import type { Entry } from '../../../src/tree/leaf.ts';
import { decodeNode, encodeNode, FANOUT, inner, leaf, type Slot } from '../../../src/tree/node.ts';
import { folderOf, isCovered, LeafKeys } from '../../../src/tree/paths.ts';
import { counterOf, decodeRoot, encodeRoot } from '../../../src/tree/root.ts';
import { MemoryRows } from '../../support/memory-rows.ts';
import { bytes, the, thrown, withOneBitChanged, withOtherLength } from '../../support/vectors.ts';
import { readTree, type StoreVector } from './vectors.ts';

/** The vectors of fixtures/formats, which a second implementation made from coffer-format(7). */
const vectors = readTree();
const keys = new TreeKeys(bytes(vectors.tree_key), bytes(vectors.root_key));
const leaves = new LeafKeys(keys);

function rowsOf(record: Readonly<Record<string, string>>): [string, Uint8Array][] {
  return Object.entries(record).map(([path, value]) => [path, bytes(value)]);
}

/** A key as coffer has it in memory. @param key hexadecimal */
function keyOf(key: string): string {
  return Buffer.from(key, 'hex').toString('latin1');
}

function hexOf(rows: MemoryRows): Record<string, string> {
  return Object.fromEntries([...rows.map].map(([path, value]) => [path, hex(value)]));
}

/** The rows and the tree of a vector, as they lie in a file. */
function stored({ rows, tree }: StoreVector): MemoryRows {
  return new MemoryRows([...rowsOf(rows), ...rowsOf(tree)]);
}

/** A store that is made with these rows, in this order. */
async function made(
  { encryptions, anchored }: StoreVector,
  rows: readonly [string, Uint8Array][],
): Promise<MemoryRows> {
  const memory = new MemoryRows();
  const checked = CheckedRows.create(memory, keys);
  for (const [path, value] of rows) await checked.put(path, value);
  checked.countEncryptions(encryptions);
  if (anchored) checked.markAnchored();
  await checked.finish();
  return memory;
}

describe('the entry of a leaf', () => {
  it.each(vectors.rows)('is as in the vector: the row $path', ({ path, value, key, digest }) => {
    expect(leaves.row(path)).toBe(keyOf(key));
    expect(hex(keys.rowDigest(path, bytes(value)))).toBe(digest);
  });

  it.each(vectors.marks)('is as in the vector: the mark of $folder', ({ folder, key }) => {
    expect(leaves.mark(folder)).toBe(keyOf(key));
  });
});

describe('a node', () => {
  it.each(vectors.leaves)('is as in the vector: $name', (vector) => {
    const entries = vector.entries.map(({ key, digest }): Entry => ({
      key: keyOf(key),
      digest: digest === '' ? MARK : Buffer.from(digest, 'hex'),
    }));
    const encoded = encodeNode(leaf(entries));
    expect(hex(encoded)).toBe(vector.bytes);
    expect(hex(keys.nodeDigest(encoded))).toBe(vector.digest);
    const decoded = decodeNode(bytes(vector.bytes), 'ab');
    expect(decoded).toMatchObject({ kind: 'leaf', storedAt: 'ab', dirty: false });
    expect(decoded.kind === 'leaf' && decoded.entries.entries()).toEqual(entries);
  });

  it.each(vectors.inners)('is as in the vector: $name', (vector) => {
    const slots = new Array<Slot | undefined>(FANOUT).fill(undefined);
    for (const { digit, digest } of vector.children) slots[digit] = { digest: Buffer.from(digest, 'hex'), node: null };
    const node = inner(vector.prefix, vector.count, slots);
    const encoded = encodeNode(node);
    expect(hex(encoded)).toBe(vector.bytes);
    expect(hex(keys.nodeDigest(encoded))).toBe(vector.digest);
    expect(decodeNode(bytes(vector.bytes), 'ab')).toEqual({ ...node, storedAt: 'ab', dirty: false });
  });
});

describe('the root', () => {
  it.each(vectors.roots)(
    'is as in the vector: $name',
    ({ bytes: whole, counter, entries, encryptions, anchored, digest }) => {
      const root = {
        counter,
        entries,
        encryptions,
        anchored,
        digest: entries === 0 ? null : Buffer.from(digest, 'hex'),
      };
      expect(hex(encodeRoot(root, keys))).toBe(whole);
      expect(decodeRoot(bytes(whole), keys)).toEqual(root);
      expect(counterOf(bytes(whole))).toBe(counter);
    },
  );

  it('is refused with any bit changed, with another length and under another root key', () => {
    const whole = bytes(the(vectors.roots[1]).bytes);
    const others = new TreeKeys(bytes(vectors.tree_key), new Uint8Array(32));
    for (const other of [...withOneBitChanged(whole), ...withOtherLength(whole)])
      expect(thrown(() => decodeRoot(other, keys))).toMatchObject({ code: 'tree_altered' });
    expect(thrown(() => decodeRoot(whole, others))).toBeInstanceOf(IntegrityError);
    expect(thrown(() => decodeRoot(null, keys))).toMatchObject({ code: 'tree_altered' });
  });
});

describe.each(vectors.stores)('a store: $name', (vector) => {
  const rows = rowsOf(vector.rows);

  it('has the tree of the vector, in whatever order its rows are written', async () => {
    for (const order of [rows, [...rows].reverse()])
      expect(hexOf(await made(vector, order))).toEqual({ ...vector.rows, ...vector.tree });
  });

  it('has the nodes of the vector after other rows came and went', async () => {
    const memory = await made(vector, rows);
    const others = Array.from({ length: 300 }, (_, at) => `data/${at % 3 === 0 ? 'small' : 'large'}/other${at}`);
    const change = async (use: (checked: CheckedRows) => Promise<void>): Promise<void> => {
      const checked = await CheckedRows.open(memory, keys);
      await use(checked);
      await checked.finish();
    };
    await change(async (checked) => {
      for (const path of others) await checked.put(path, Uint8Array.of(1));
    });
    await change(async (checked) => {
      for (const path of others) await checked.delete(path);
    });
    expect({ ...hexOf(memory), 'core/tree': null }).toEqual({ ...vector.rows, ...vector.tree, 'core/tree': null });
    expect(counterOf(the(memory.map.get('core/tree')))).toBe(3);
  });

  it('gets the same nodes when its tree is built from its rows', async () => {
    const memory = new MemoryRows(rows);
    await writeTree(memory, keys, vector.encryptions, () => undefined);
    expect({ ...hexOf(memory), 'core/tree': null }).toEqual({ ...vector.rows, ...vector.tree, 'core/tree': null });
  });

  it('is read and found whole', async () => {
    const memory = stored(vector);
    const checked = await CheckedRows.open(memory, keys);
    for (const [path, value] of rows) expect(await checked.get(path)).toEqual(value);
    expect(checked.root).toMatchObject({ counter: 1, encryptions: vector.encryptions, anchored: vector.anchored });
    const report = await verifyTree(memory, keys, () => undefined);
    const count = rows.filter(([path]) => isCovered(path)).length;
    expect(report).toEqual({ rows: count, wrong: new Map(), removed: [], faults: [] });
  });

  it('is refused with a byte of any node changed, and with any node gone', async () => {
    for (const path of Object.keys(vector.tree)) {
      for (const change of [changed, removed]) {
        const memory = stored(vector);
        change(memory.map, path);
        await expect(readAll(memory, rows), path).rejects.toMatchObject({ code: 'tree_altered' });
      }
    }
  });
});

function changed(map: Map<string, Uint8Array>, path: string): void {
  const value = the(map.get(path)).slice();
  const last = value.length - 1;
  value[last] = the(value[last]) ^ 1;
  map.set(path, value);
}

function removed(map: Map<string, Uint8Array>, path: string): void {
  map.delete(path);
}

async function readAll(memory: MemoryRows, rows: readonly [string, Uint8Array][]): Promise<void> {
  const checked = await CheckedRows.open(memory, keys);
  for (const [path] of rows) {
    await checked.get(path);
    for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) await checked.list(folder);
  }
  await checked.list('');
}

describe("a machine's rows", () => {
  it.each(vectors.machines)('are as in the vector: $id', ({ id, lease, sealed }) => {
    expect(machineRows(2, id)).toEqual({ lease, sealedByOperator: sealed });
    expect([lease, sealed].map(isCovered)).toEqual([false, false]);
  });
});
