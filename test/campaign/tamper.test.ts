import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Context,
  type Mounts,
  type MountsTransaction,
  thisMachine,
  verifyStore,
  withMountsSession,
} from '../../src/core/index.ts';
import { CofferError } from '../../src/errors.ts';
import { type JsonObject, stringifyJson } from '../../src/json.ts';
import { contextOf, copyStore, makeStand, openDatabase, ownToken, readRows, type Stand } from '../support/store.ts';

/**
 * Somebody who can write the store's file changes it in every way that needs no key. Whatever they do, each answer is the right one or an
 * error of exit status 4, and `operator verify` finds the change.
 *
 * `npm run campaign:tamper` tries everything but for bits, of which it draws one in sixteen, by COFFER_CAMPAIGN_SEED, unless COFFER_CAMPAIGN_BITS
 * is "all"; here a part of everything is drawn.
 */
const everything = process.env['COFFER_CAMPAIGN'] === '1';
const seed = Number(process.env['COFFER_CAMPAIGN_SEED'] ?? '1');
const BITS_LEFT_OUT = 16;

type RowMap = ReadonlyMap<string, Buffer>;
/** Rows that are put, and null for those that are removed. */
type Change = Readonly<Record<string, Uint8Array | null>>;

interface Question {
  readonly name: string;
  ask(mounts: Mounts): Promise<unknown>;
}

const read = (path: string, data: JsonObject = {}): Question => ({
  name: `read ${path}`,
  ask: (mounts) => mounts.request({ operation: 'read', path, data }),
});
const list = (path: string): Question => ({
  name: `list ${path}`,
  ask: (mounts) => mounts.request({ operation: 'list', path, data: {} }),
});
const write = (path: string, data: JsonObject): Question => ({
  name: `write ${path}`,
  ask: (mounts) => mounts.request({ operation: 'write', path, data }),
});

let ciphertext = '';
const reads = (): readonly Question[] => [
  { name: 'mounts', ask: async (mounts) => mounts.table },
  read('plain/app/a'),
  read('plain/app/never'),
  read('plain/gone'),
  list('plain'),
  list('plain/app'),
  list('plain/empty'),
  read('wrapped/app/a'),
  read('wrapped/b'),
  list('wrapped'),
  read('two/data/s'),
  read('two/data/s', { version: 1 }),
  read('two/metadata/s'),
  list('two/metadata'),
  read('two/config'),
  read('twow/data/s'),
  list('twow/metadata'),
  read('transit/keys/k'),
  list('transit/keys'),
  write('transit/decrypt/k', { ciphertext }),
];

/** What changes something is done and undone: what it would say is the answer. */
const writes: readonly Question[] = [
  write('two/data/s', { data: { v: 'next' }, options: { cas: 3 } }),
  write('two/data/new', { data: { v: 'next' }, options: { cas: 0 } }),
  write('plain/app/new', { v: 'new' }),
  write('transit/keys/k/rotate', {}),
];

class Undone extends Error {
  readonly answer: unknown;

  constructor(answer: unknown) {
    super('undone');
    this.answer = answer;
  }
}

/** What is no part of an answer's meaning. */
function shape(answer: unknown): string {
  return stringifyJson(JSON.parse(stringifyJson((answer ?? null) as JsonObject)) as JsonObject).replace(
    /"(?:created_time|updated_time)":"[^"]*"|"latest_version_time":[^,}]*/g,
    '"time"',
  );
}

async function answerOf(ask: () => Promise<unknown>): Promise<string> {
  try {
    return shape(await ask());
  } catch (error) {
    if (error instanceof Undone) return shape(error.answer);
    if (error instanceof CofferError && error.exitStatus === 4) return `exit 4: ${error.code}`;
    throw error;
  }
}

interface Count {
  tries: number;
  /** Changes that no answer depends on, and those that an answer would depend on. */
  refused: number;
  harmless: number;
  verified: number;
}

let stand: Stand;
let context: Context;
let now: RowMap;
let earlier: RowMap;
let foreign: RowMap;
let right: { readonly reads: readonly string[]; readonly writes: readonly string[] } | null = null;
const counts = new Map<string, Count>();

const rowsOf = (path: string): RowMap =>
  new Map(readRows(path).map(({ path: row, value }) => [row, Buffer.from(value)]));

beforeAll(async () => {
  stand = makeStand();
  stand.open();
  for (const [path, ...flags] of [
    ['plain', 'kv'],
    ['wrapped', '-seal-wrap', 'kv'],
    ['two', 'kv-v2'],
    ['twow', '-seal-wrap', 'kv-v2'],
    ['transit', 'transit'],
  ])
    stand.ok('secrets', 'enable', `-path=${path ?? ''}`, ...flags);
  for (const name of ['app/a', 'app/b', 'gone', 'empty/x']) stand.ok('kv', 'put', `plain/${name}`, 'v=1');
  for (let at = 0; at < 40; at++) stand.ok('kv', 'put', `plain/many/${at}`, 'v=1');
  stand.ok('kv', 'put', 'wrapped/app/a', 'v=1');
  stand.ok('kv', 'put', 'wrapped/b', 'v=1');
  stand.ok('kv', 'put', 'two/s', 'v=1');
  stand.ok('kv', 'put', 'two/s', 'v=2');
  stand.ok('write', 'two/config', 'max_versions=5');
  stand.ok('kv', 'put', 'twow/s', 'v=1');
  stand.ok('write', '-f', 'transit/keys/k');
  ciphertext = stand.ok('write', '-field=ciphertext', 'transit/encrypt/k', 'plaintext=c2VjcmV0').trim();
  earlier = rowsOf(stand.path);
  stand.ok('kv', 'put', 'plain/app/a', 'v=2');
  stand.ok('kv', 'delete', 'plain/gone');
  stand.ok('kv', 'delete', 'plain/empty/x');
  stand.ok('kv', 'put', 'wrapped/app/a', 'v=2');
  stand.ok('kv', 'put', 'two/s', 'v=3');
  stand.ok('write', 'two/config', 'max_versions=6');
  stand.ok('kv', 'put', 'twow/s', 'v=2');
  stand.ok('write', '-f', 'transit/keys/k/rotate');
  stand.ok('operator', 'rotate');
  now = rowsOf(stand.path);
  const started = thisMachine();
  context = { ...(await contextOf(stand)), machine: () => started }; // so that times are the same in every answer
  foreign = await rowsOfAnother();
});
afterAll(() => {
  stand.remove();
  process.stdout.write(report());
});

/** A store with the same keys of the HSM and the same contents. */
async function rowsOfAnother(): Promise<RowMap> {
  const env = { COFFER_STORAGE_PATH: join(stand.dir, 'other', 'coffer.db'), COFFER_HSM_GENERATE_KEY: 'false' };
  for (const args of [
    ['init', '-recovery-shares=0', '-recovery-threshold=0'],
    ['unseal'],
    ['secrets', 'enable', '-path=plain', 'kv'],
    ['kv', 'put', 'plain/app/a', 'v=2'],
  ])
    expect(stand.run(args, { env }).status).toBe(0);
  return rowsOf(env.COFFER_STORAGE_PATH);
}

/** One line for each kind. */
function report(): string {
  const lines = [...counts].map(
    ([kind, { tries, refused, harmless, verified }]) =>
      `${kind.padEnd(44)} ${[tries, refused, harmless, verified].map((count) => String(count).padStart(8)).join('')}       0`,
  );
  return ['', `${''.padEnd(44)}    tries exit 4  not met verified  wrong`, ...lines, ''].join('\n');
}

async function answers(transaction: MountsTransaction): Promise<{ reads: string[]; writes: string[] }> {
  const asked: { reads: string[]; writes: string[] } = { reads: [], writes: [] };
  const whole = await answerOf(() =>
    transaction('read', async (mounts) => {
      for (const question of reads()) asked.reads.push(await answerOf(() => question.ask(mounts)));
      return null;
    }),
  );
  if (whole !== 'null') asked.reads = reads().map(() => whole);
  for (const question of writes) {
    asked.writes.push(
      await answerOf(() =>
        transaction('write', async (mounts) => {
          throw new Undone(await question.ask(mounts));
        }),
      ),
    );
  }
  return asked;
}

/** Makes each change in turn, asks, and takes it back. @param verifyEvery 1 to have every change looked for by `operator verify` */
async function campaign(kind: string, changes: readonly Change[], verifyEvery = 1): Promise<void> {
  const count: Count = { tries: 0, refused: 0, harmless: 0, verified: 0 };
  counts.set(kind, count);
  const database = openDatabase(stand.path);
  database.exec('PRAGMA synchronous = OFF');
  const put = database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM entries WHERE path = ?');
  const apply = database.transaction((change: Change) => {
    for (const [path, value] of Object.entries(change)) {
      if (value === null) remove.run(path);
      else put.run(path, value);
    }
  });
  const undo = (change: Change): Change =>
    Object.fromEntries(Object.keys(change).map((path) => [path, now.get(path) ?? null]));
  try {
    await withMountsSession(context, async (transaction) => {
      right ??= await answers(transaction);
      for (const change of changes) {
        apply(change);
        const got = await answers(transaction);
        count.tries++;
        const all = [...right.reads, ...right.writes];
        const given = [...got.reads, ...got.writes];
        const isWrong = given.findIndex((answer, at) => answer !== all[at] && !answer.startsWith('exit 4'));
        const what = Object.keys(change).slice(0, 4).join(', ');
        if (isWrong >= 0) expect(given[isWrong], `${kind}: ${what}`).toBe(all[isWrong]);
        if (given.some((answer) => answer.startsWith('exit 4'))) count.refused++;
        else count.harmless++;
        apply(undo(change));
      }
    });
    for (const change of changes.filter((_, at) => at % verifyEvery === 0)) {
      apply(change);
      expect(await faults(), `${kind}: verify, ${Object.keys(change).slice(0, 4).join(', ')}`).toBeGreaterThan(0);
      count.verified++;
      apply(undo(change));
    }
  } finally {
    apply(Object.fromEntries(readRows(stand.path).flatMap(({ path }) => (now.has(path) ? [] : [[path, null]]))));
    apply(Object.fromEntries(now));
    database.close();
  }
}

async function faults(): Promise<number> {
  try {
    return (await verifyStore(context, () => undefined)).faults.length;
  } catch (error) {
    if (error instanceof CofferError && error.exitStatus === 4) return 1;
    throw error;
  }
}

/** A seeded choice of so many; all of them in a campaign. */
function drawn<T>(all: readonly T[], most: number): readonly T[] {
  if (everything || all.length <= most) return all;
  const step = all.length / most;
  return Array.from({ length: most }, (_, at) => all[Math.floor(at * step + ((seed * 7919) % step))]).filter(
    (one): one is T => one !== undefined,
  );
}

/** Rows that the tree answers for, itself among them: not the lease. */
const guarded = (): string[] =>
  [...now.keys()].filter((path) => !path.startsWith('core/lease') && !path.startsWith('core/sealed'));
const at = (path: string): Buffer => now.get(path) ?? Buffer.alloc(0);
const pairs = <T>(all: readonly T[]): (readonly [T, T])[] =>
  all.flatMap((one, place) => all.slice(place + 1).map((other) => [one, other] as const));
const changedRows = (): string[] =>
  [...new Set([...earlier.keys(), ...now.keys()])].filter(
    (path) => !path.startsWith('core/lease') && !(earlier.get(path)?.equals(at(path)) ?? false),
  );
const putBack = (paths: readonly string[]): Change =>
  Object.fromEntries(paths.map((path) => [path, earlier.get(path) ?? null]));

describe('somebody who can write the file without a key', { timeout: 3_600_000 }, () => {
  it('changes a bit', async () => {
    const bits = guarded().flatMap((path) => Array.from({ length: 8 * at(path).length }, (_, bit) => ({ path, bit })));
    const every = process.env['COFFER_CAMPAIGN_BITS'] === 'all' ? 1 : BITS_LEFT_OUT;
    const some = everything ? bits.filter((_, place) => place % every === seed % every) : drawn(bits, 60);
    const chosen = some.map(({ path, bit }) => {
      const bytes = Buffer.from(at(path));
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return { [path]: bytes };
    });
    await campaign('a bit', chosen, everything ? 16 : 4);
  });

  it('cuts or extends a row', async () => {
    const cuts = guarded().flatMap((path) => {
      const { length } = at(path);
      const shorter = [0, 1, 16, length >> 1, length - 1].filter((bytes) => bytes < length);
      return [
        ...shorter.map((bytes) => ({ [path]: at(path).subarray(0, bytes) })),
        { [path]: Buffer.concat([at(path), Buffer.from([0])]) },
      ];
    });
    await campaign('a row cut or extended', drawn(cuts, 20));
  });

  it('removes rows', async () => {
    await campaign(
      'a row removed',
      drawn(
        guarded().map((path) => ({ [path]: null })),
        12,
      ),
    );
    await campaign(
      'two rows removed',
      drawn(
        pairs(guarded()).map(([a, b]) => ({ [a]: null, [b]: null })),
        10,
      ),
      everything ? 8 : 1,
    );
  });

  it('exchanges rows', async () => {
    const exchanged = pairs(guarded()).filter(([a, b]) => !at(a).equals(at(b)));
    await campaign(
      "two rows in each other's place",
      drawn(
        exchanged.map(([a, b]) => ({ [a]: at(b), [b]: at(a) })),
        20,
      ),
      everything ? 8 : 1,
    );
  });

  it('puts back older rows', async () => {
    await campaign(
      'an older copy of a row',
      drawn(
        changedRows().map((path) => putBack([path])),
        30,
      ),
    );
    await campaign(
      'older copies of two rows',
      drawn(
        pairs(changedRows()).map((pair) => putBack(pair)),
        20,
      ),
      everything ? 8 : 1,
    );
    const data = changedRows().filter((path) => path.startsWith('data/'));
    const mounts = [...new Set(data.map((path) => path.split('/')[1] ?? ''))];
    const nodes = changedRows().filter((path) => path.startsWith('tree'));
    const ofMounts = mounts.map((mount) => data.filter((path) => path.startsWith(`data/${mount}/`)));
    await campaign('older copies of all rows of a mount', ofMounts.map(putBack));
    await campaign(
      'the same with older nodes of the tree',
      ofMounts.map((rows) => putBack([...rows, ...nodes])),
    );
    await campaign(
      'the same with older root',
      ofMounts.map((rows) => putBack([...rows, ...nodes, 'core/tree'])),
    );
    await campaign('all rows but the root', [putBack(changedRows().filter((path) => path !== 'core/tree'))]);
  });

  it('revives rows and plants others', async () => {
    const gone = [...earlier.keys()].filter((path) => !now.has(path) && !path.startsWith('core/'));
    await campaign(
      'a row that was deleted',
      gone.map((path) => putBack([path])),
    );
    const [folder = 'data'] = [...now.keys()].filter((path) => path.startsWith('data/'));
    const value = at(folder);
    await campaign('a row that coffer did not write', [
      { [`${folder}x`]: value },
      { [`${folder}/x`]: value },
      { 'data/x/y': value },
      { 'core/usage': value },
      { 'core/lease': value },
      { 'tree/0123': value },
      { x: value },
    ]);
    const others = [...foreign.keys()].filter((path) => now.has(path) && !path.startsWith('core/lease'));
    await campaign(
      'a row of another store',
      others.map((path) => ({ [path]: foreign.get(path) ?? null })),
    );
  });
});

describe('somebody who puts back the whole file', { timeout: 600_000 }, () => {
  const copies: string[] = [];

  function story(anchor: boolean): void {
    const env = { ...ownToken(stand, anchor ? 'anchored' : 'remembered'), COFFER_HSM_ANCHOR: anchor ? 'write' : 'off' };
    const ok = (...args: string[]): void => expect(stand.run(args, { env })).toMatchObject({ status: 0 });
    copies.length = 0;
    for (let change = 0; change < 6; change++) {
      ok('kv', 'put', 'plain/app/a', `v=${anchor}-${change}`);
      copies.push(copyStore(stand.path, join(stand.dir, `copy-${anchor}-${change}`)));
    }
    const count: Count = { tries: 0, refused: 0, harmless: 0, verified: 0 };
    counts.set(`the whole file, with ${anchor ? 'an anchor' : "the machine's memory"}`, count);
    const newest = copies.at(-1) ?? '';
    for (const copy of copies.slice(0, -1)) {
      copyStore(copy, dirname(stand.path));
      count.tries++;
      for (const args of [
        ['kv', 'get', 'plain/app/a'],
        ['kv', 'put', 'plain/app/a', 'v=!'],
        ['unseal'],
        ['operator', 'rotate'],
      ]) {
        const outcome = stand.run([...args, '-format=json'], { env });
        expect(outcome, args.join(' ')).toMatchObject({ status: 4, stdout: '' });
        expect(JSON.parse(outcome.stderr)).toMatchObject({ code: 'store_rolled_back' });
      }
      expect(stand.run(['operator', 'verify'], { env }).status).toBe(4);
      count.refused++;
      count.verified++;
    }
    copyStore(newest, dirname(stand.path));
    ok('kv', 'get', 'plain/app/a');
  }

  it('is found by what this machine remembers', () => story(false));
  it('is found by the anchor in the HSM', () => story(true));
});
