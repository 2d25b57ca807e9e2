import { describe, expect, it } from 'vitest';
import { CofferError } from '../../../src/errors.ts';
import { CheckedRows, TreeKeys } from '../../../src/tree/index.ts';
import { MemoryRows } from '../../support/memory-rows.ts';

const KEYS = new TreeKeys(new Uint8Array(32).fill(7), new Uint8Array(32).fill(9));
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

type Map_ = Map<string, Uint8Array>;

/** A store in its present state, and as it was some transactions ago. */
interface Stand {
  readonly now: ReadonlyMap<string, Uint8Array>;
  readonly earlier: ReadonlyMap<string, Uint8Array>;
}

async function stand(): Promise<Stand> {
  const stored = new MemoryRows();
  const made = CheckedRows.create(stored, KEYS);
  await made.put('core/record', text('record'));
  await made.put('core/mounts', text('mounts 1'));
  for (let at = 0; at < 120; at++) await made.put(`data/m/s${at}`, text(`value ${at} 1`));
  await made.put('data/m/gone/x', text('x'));
  await made.put('data/m/deep/er/y', text('y 1'));
  await made.finish();
  const earlier = new Map(stored.map);
  const changed = await CheckedRows.open(stored, KEYS);
  await changed.put('core/mounts', text('mounts 2'));
  await changed.put('data/m/s5', text('value 5 2'));
  await changed.put('data/m/deep/er/y', text('y 2'));
  await changed.delete('data/m/s7');
  await changed.delete('data/m/gone/x');
  await changed.put('data/m/fresh', text('new'));
  await changed.finish();
  return { now: new Map(stored.map), earlier };
}

const answers: readonly (readonly [string, (rows: CheckedRows) => Promise<unknown>])[] = [
  ['mounts', (rows) => rows.get('core/mounts')],
  ...[5, 7, 8, 90].map((at) => [`s${at}`, (rows: CheckedRows) => rows.get(`data/m/s${at}`)] as const),
  ['fresh', (rows) => rows.get('data/m/fresh')],
  ['y', (rows) => rows.get('data/m/deep/er/y')],
  ['x', (rows) => rows.get('data/m/gone/x')],
  ['never', (rows) => rows.get('data/m/never')],
  ['has s5', (rows) => rows.has('data/m/s5')],
  ['has s7', (rows) => rows.has('data/m/s7')],
  ['below gone', (rows) => rows.hasBelow('data/m/gone')],
  ['below deep', (rows) => rows.hasBelow('data/m/deep')],
  ['list m', (rows) => rows.list('data/m')],
  ['list er', (rows) => rows.list('data/m/deep/er')],
  ['list gone', (rows) => rows.list('data/m/gone')],
  ['list data', (rows) => rows.list('data')],
  ['walk', (rows) => rows.next('data', 'data/m/s99')],
];

async function answerOf(map: ReadonlyMap<string, Uint8Array>, at: number): Promise<unknown> {
  try {
    return await answers[at]?.[1](await CheckedRows.open(new MemoryRows(map), KEYS));
  } catch (error) {
    if (error instanceof CofferError && error.exitStatus === 4) return error.code;
    throw error;
  }
}

/** Every answer is the right one, or an error of exit status 4. @returns how many errors */
async function tried(right: readonly unknown[], map: ReadonlyMap<string, Uint8Array>): Promise<number> {
  let refused = 0;
  for (const [at, [name]] of answers.entries()) {
    const answer = await answerOf(map, at);
    if (typeof answer === 'string') refused++;
    else expect(answer, name).toEqual(right[at]);
  }
  return refused;
}

const { now, earlier } = await stand();
const right = await Promise.all(answers.map((_, at) => answerOf(now, at)));
const paths = [...new Set([...now.keys(), ...earlier.keys()])];
const changedPaths = paths.filter(
  (path) => Buffer.compare(now.get(path) ?? text(''), earlier.get(path) ?? text('')) !== 0,
);

function changed(change: (map: Map_) => void): Map_ {
  const map = new Map(now);
  change(map);
  return map;
}

function putBack(map: Map_, path: string): void {
  const old = earlier.get(path);
  if (old === undefined) map.delete(path);
  else map.set(path, old);
}

describe('somebody who can write the rows without a key', () => {
  it('gets no wrong answer from a row that was removed', async () => {
    for (const path of now.keys())
      await tried(
        right,
        changed((map) => void map.delete(path)),
      );
  });

  it('gets no wrong answer from a bit that was changed in any row', async () => {
    for (const [path, value] of now) {
      for (const bit of [3, value.length * 4, value.length * 8 - 1]) {
        const bytes = new Uint8Array(value);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await tried(
          right,
          changed((map) => void map.set(path, bytes)),
        );
      }
    }
  });

  it('gets no wrong answer from a row that was cut or emptied', async () => {
    for (const [path, value] of now) {
      await tried(
        right,
        changed((map) => void map.set(path, value.subarray(0, value.length >> 1))),
      );
      await tried(
        right,
        changed((map) => void map.set(path, new Uint8Array(0))),
      );
    }
  });

  it('gets no wrong answer from an older row, nor from any two', async () => {
    expect(changedPaths.length).toBeGreaterThan(8);
    let refused = 0;
    for (const path of changedPaths)
      refused += await tried(
        right,
        changed((map) => putBack(map, path)),
      );
    expect(refused).toBeGreaterThan(20);
    for (const [at, one] of changedPaths.entries())
      for (const other of changedPaths.slice(at + 1))
        await tried(
          right,
          changed((map) => [one, other].forEach((path) => putBack(map, path))),
        );
  });

  it('gets no wrong answer from older rows of a mount with their nodes, without the root', async () => {
    const all = changedPaths.filter((path) => path !== 'core/tree');
    expect(
      await tried(
        right,
        changed((map) => all.forEach((path) => putBack(map, path))),
      ),
    ).toBe(answers.length);
    const rows = all.filter((path) => path.startsWith('data/'));
    expect(
      await tried(
        right,
        changed((map) => rows.forEach((path) => putBack(map, path))),
      ),
    ).toBeGreaterThan(4);
  });

  it("gets no wrong answer from rows in one another's place, nor from nodes", async () => {
    const some = [...now.keys()].filter((_, at) => at % 7 === 0);
    for (const one of some)
      for (const other of some)
        if (one !== other)
          await tried(
            right,
            changed((map) => {
              map.set(one, now.get(other) ?? text(''));
              map.set(other, now.get(one) ?? text(''));
            }),
          );
  });

  it('gets no wrong answer from rows that coffer did not write', async () => {
    for (const path of ['data/m/never', 'data/m/s7', 'data/m/gone/x', 'data/m/other/z', 'data/n/z', 'core/usage', 'a'])
      await tried(
        right,
        changed((map) => void map.set(path, text('planted'))),
      );
  });

  it('is not believed for a root of another store', async () => {
    const other = new MemoryRows();
    const made = CheckedRows.create(other, new TreeKeys(new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)));
    await made.put('data/m/s5', text('value 5 3'));
    await made.finish();
    expect(
      await tried(
        right,
        changed((map) => other.map.forEach((value, path) => map.set(path, value))),
      ),
    ).toBe(answers.length);
  });

  it('cannot have a write go on over a row that is gone, or that came from elsewhere', async () => {
    const gone = await CheckedRows.open(new MemoryRows(changed((map) => void map.delete('data/m/s5'))), KEYS);
    await expect(gone.put('data/m/s5', text('anew'))).rejects.toMatchObject({ code: 'row_removed' });
    await expect(gone.delete('data/m/s5')).rejects.toMatchObject({ code: 'row_removed' });
    const planted = await CheckedRows.open(
      new MemoryRows(changed((map) => void map.set('data/m/s7', text('!')))),
      KEYS,
    );
    await expect(planted.put('data/m/s7', text('anew'))).rejects.toMatchObject({ code: 'row_unknown' });
    await expect(planted.delete('data/m/s7')).rejects.toMatchObject({ code: 'row_unknown' });
  });
});

describe('a change that ends half way', () => {
  it('is not committed by a later step of the transaction', async () => {
    let halfDone = 0;
    for (const node of [...now.keys()].filter((path) => path.startsWith('tree/'))) {
      const stored = new MemoryRows(changed((map) => void map.delete(node)));
      const rows = await CheckedRows.open(stored, KEYS);
      const outcome = await rows.put('data/new/row', text('!')).catch((error: unknown) => error);
      if (outcome === undefined || !stored.map.has('data/new/row')) continue;
      halfDone++;
      expect(outcome).toMatchObject({ code: 'tree_altered' });
      await expect(rows.finish()).rejects.toMatchObject({ code: 'tree_altered' });
    }
    expect(halfDone).toBeGreaterThan(0);
  });
});
