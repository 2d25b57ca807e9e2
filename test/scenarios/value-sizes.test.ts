import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { peakOf } from '../support/peak.ts';
import { makeStand, type Stand } from '../support/store.ts';

/** In bytes of the value; with the names around it, each of them is some fifty bytes longer in the store, and its record longer still. */
const SIZES = Array.from({ length: 5001 }, (_, bytes) => bytes);
const MEGABYTE = 2 ** 20;

/** What the YubiHSM 2 takes in a message, for one, lies between: sizes at which C_Sign took a record and C_Verify did not. */
describe('a seal-wrapped value of every size', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ faults: ['input-limit:64'] });
    stand.open();
    stand.ok('secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv');
  });
  afterAll(() => stand.remove());

  it('from 0 to 5,000 bytes is written and read, by a module that takes 64 bytes at once', { timeout: 300_000 }, () => {
    const text = randomBytes(SIZES.length)
      .toString('latin1')
      .replace(/[^a-z]/g, 'x');
    const values = new Map(SIZES.map((bytes) => [`s${bytes}`, text.slice(0, bytes)]));
    const lines = [...values].map(([path, v]) => JSON.stringify({ path, data: { v } }));
    const imported = stand.run(['kv', 'import', '-mount=wrapped', '-'], { input: `${lines.join('\n')}\n` });
    expect(imported, imported.stderr).toMatchObject({ status: 0 });
    stand.ok('kv', 'export', '-mount=wrapped', 'all.ndjson');
    const read = stand.ok('operator', 'verify', '-format=json');
    expect(JSON.parse(read)).toMatchObject({ values: SIZES.length, faults: [] });
    const found = new Map(linesOf(stand, 'all.ndjson').map(({ path, data }) => [path, data.v]));
    expect(found.size).toBe(values.size);
    for (const [path, v] of values) expect(found.get(path) === v, path).toBe(true);
  });

  it.each([0, 1, 2010, 2860, 2890, 2926, 4096, 5000, MEGABYTE])('%i bytes: put and get', (bytes) => {
    const value = 'v'.repeat(bytes);
    stand.write('value', value);
    stand.ok('kv', 'put', 'wrapped/one', 'v=@value');
    expect(stand.ok('kv', 'get', '-field=v', 'wrapped/one') === value).toBe(true);
  });
});

describe('a secret that has 85 MiB with its versions', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    for (const mount of ['two', 'back']) stand.ok('secrets', 'enable', `-path=${mount}`, 'kv-v2');
    stand.write('value', 'v'.repeat(17 * MEGABYTE));
    for (let version = 1; version <= 4; version++) stand.ok('kv', 'put', 'two/one', 'v=@value', `n=${version}`);
  }, 120_000);
  afterAll(() => stand.remove());

  it('is imported as it was exported, and takes less than 2 GiB of memory for it', { timeout: 300_000 }, async () => {
    stand.ok('kv', 'export', '-mount=two', '-versions', 'all.ndjson');
    // Runtimes collect garbage when it suits them. A parser that puts strings together of their characters took 7 GiB.
    expect(await peakOf(stand, ['kv', 'import', '-mount=back', 'all.ndjson'])).toBeLessThan(2000);
    stand.ok('kv', 'export', '-mount=back', '-versions', 'again.ndjson');
    const [all, again] = ['all.ndjson', 'again.ndjson'].map((name) => readFileSync(join(stand.dir, name)));
    expect(all?.length).toBeGreaterThan(85 * MEGABYTE);
    expect(all?.equals(again ?? Buffer.alloc(0))).toBe(true);
  });
});

interface Line {
  readonly path: string;
  readonly data: { readonly v: string };
}

function linesOf(stand: Stand, file: string): Line[] {
  const text = readFileSync(join(stand.dir, file), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}
