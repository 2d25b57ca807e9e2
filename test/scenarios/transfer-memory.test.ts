import { appendFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { peakOf } from '../support/peak.ts';
import { BUNDLE, IS_BUNDLE } from '../support/program.ts';
import { makeStand, type Stand } from '../support/store.ts';

const campaign = process.env['COFFER_CAMPAIGN'] === '1';

const MIB = 1 << 20;
/** Node.js with so many MiB for objects that the secrets of the test do not fit in; it ends with an error where that is not enough. */
function narrow(room: number): readonly string[] {
  return [BUNDLE[0], `--max-old-space-size=${room}`, '--max-semi-space-size=4', ...BUNDLE.slice(1)];
}

interface Case {
  readonly what: string;
  readonly secrets: number;
  /** With how many it is compared. */
  readonly few: number;
  /** Characters of a value. */
  readonly size: number;
  /** In MiB: less than what holding on to all of it would take. Runtimes collect garbage when it suits them. */
  readonly margin: number;
  readonly program?: readonly string[];
}

const CASES: readonly Case[] = [
  // Node.js collects garbage later where it has the room for that.
  {
    what: 'secrets of 32 kB',
    secrets: 4500,
    few: 450,
    size: 24_000,
    margin: 75,
    ...(IS_BUNDLE ? { program: narrow(64) } : {}),
  },
  { what: 'secrets of 8 MiB', secrets: 18, few: 1, size: 8 * MIB, margin: 110, program: narrow(112) },
  // `npm run campaign:memory`: a secret and its row of the tree take about 1 kB where they are held.
  ...(campaign ? [{ what: 'small secrets', secrets: 200_000, few: 20_000, size: 20, margin: 128 }] : []),
];

describe.each(CASES)('$secrets $what take no more memory than $few', ({ secrets, few, size, margin, program }) => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    for (const version of [1, 2])
      for (const count of [few, secrets])
        for (const from of ['file', 'pipe'])
          stand.ok('secrets', 'enable', `-path=${from}${version}-${count}`, `-version=${version}`, 'kv');
    for (const count of [few, secrets]) {
      const file = stand.write(`${count}.ndjson`, '');
      let text = '';
      for (let at = 0; at < count; at++) {
        text += `{"path":"f${at % 97}/s${at}","data":{"v":"${String(at).repeat(size).slice(0, size)}"}}\n`;
        if (text.length < MIB && at < count - 1) continue;
        appendFileSync(file, text);
        text = '';
      }
    }
    // What would be held is more than what is allowed.
    if (size > 1000) expect(statSync(join(stand.dir, `${secrets}.ndjson`)).size / MIB).toBeGreaterThan(80);
  }, 600_000);
  afterAll(() => stand.remove());

  const COMMANDS: readonly [name: string, args: (count: number) => readonly string[], isPipe?: boolean][] = [
    ['kv import of a file', (count) => ['kv', 'import', `-mount=file1-${count}`, `${count}.ndjson`]],
    ['kv import of a file, once more', (count) => ['kv', 'import', `-mount=file1-${count}`, `${count}.ndjson`]],
    ['kv import of a pipe into version 2', (count) => ['kv', 'import', `-mount=pipe2-${count}`, '-'], true],
    ['kv export to a file', (count) => ['kv', 'export', '-versions', '-force', `-mount=file1-${count}`, 'out.ndjson']],
    ['kv export to a pipe, all versions', (count) => ['kv', 'export', '-versions', `-mount=pipe2-${count}`, '-']],
  ];

  it.each(COMMANDS)('%s', { timeout: 1_800_000 }, async (name, args, isPipe = false) => {
    const peaks: number[] = [];
    for (const count of [few, secrets])
      peaks.push(await peakOf(stand, args(count), isPipe ? join(stand.dir, `${count}.ndjson`) : null, program));
    rmSync(join(stand.dir, 'out.ndjson'), { force: true });
    const [less = 0, more = Infinity] = peaks;
    if (campaign) process.stdout.write(`${name}: ${less.toFixed(0)} MiB, ${more.toFixed(0)} MiB\n`);
    expect(less).toBeGreaterThan(20);
    expect(more).toBeLessThan(less + margin);
  });
});
