import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOfTree } from '../../src/tree/index.ts';
import {
  CRASHES,
  HANGS,
  HARMLESS,
  PTHREAD_EXIT,
  runMisbehaving,
  sideBySide,
  type Misdeed,
} from '../support/misdeeds.ts';
import {
  copyStore,
  makeStand,
  OWN_ROWS,
  ownToken,
  readRows,
  type Outcome,
  type Row,
  type Stand,
} from '../support/store.ts';

/**
 * A module that misbehaves at each of its calls in turn. Whatever it does, a command either did its work and says so, exit 0
 * with its whole result, or did not and says that, exit 3 with the function's name and no result: never something in between,
 * and never the one with the words of the other.
 *
 * `npm run campaign:module` tries every misdeed at every call; here a few are drawn, by COFFER_CAMPAIGN_SEED.
 */
const everything = process.env['COFFER_CAMPAIGN'] === '1';
const seed = Number(process.env['COFFER_CAMPAIGN_SEED'] ?? '1');
const DRAWN = 10;

const KINDS = [
  ...Object.keys(CRASHES),
  'pthread_exit',
  'hang',
  'hang-blocked',
  ...['segv', 'abort', 'exit-0', '_exit'].map((kind) => `thread-${kind}`),
  ...['segv', 'exit-0'].map((kind) => `later-${kind}`),
  ...HARMLESS,
];

interface Command {
  readonly name: string;
  readonly args: readonly string[];
  /** What stdout holds when all of it is there. */
  readonly whole: RegExp;
  /** Which of the stand's stores it begins with; null for none. */
  readonly store: 'sealed' | 'unsealed' | null;
  readonly env?: Readonly<Record<string, string>>;
}

const COMMANDS: readonly Command[] = [
  {
    name: 'init',
    args: ['init', '-recovery-shares=2', '-recovery-threshold=2'],
    whole: /^Recovery Key 1: \S+\nRecovery Key 2: \S+\n[^]*are shown only now\.\n$/,
    store: null,
  },
  { name: 'unseal', args: ['unseal'], whole: /^Success! The store is unsealed\n$/, store: 'sealed' },
  { name: 'kv get', args: ['kv', 'get', '-field=v', 'secret/app'], whole: /^before$/, store: 'unsealed' },
  {
    name: 'kv put',
    args: ['kv', 'put', 'secret/app', 'v=after'],
    whole: /^Success! Data written to: secret\/app\n$/,
    store: 'unsealed',
  },
  {
    name: 'rewrap',
    args: ['sealwrap', 'rewrap'],
    whole: /^Success! Rewrapped 3\n[^]*\nAltered +0\n$/,
    store: 'unsealed',
    env: { COFFER_HSM_KEY_LABEL: 'hsm_new', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' },
  },
];

let stand: Stand;
const stores = { sealed: '', unsealed: '' };
beforeAll(() => {
  stand = makeStand({ shim: true });
  stand.ok('init', '-recovery-shares=0', '-recovery-threshold=0');
  stores.sealed = copyStore(stand.path, join(stand.dir, 'sealed'));
  stand.ok('unseal');
  stand.ok('secrets', 'enable', '-path=secret', '-seal-wrap', 'kv');
  stand.ok('kv', 'put', 'secret/app', 'v=before');
  stand.ok('kv', 'put', 'secret/other', 'v=other');
  stand.ok('hsm', 'keygen', '-label=hsm_new');
  stores.unsealed = copyStore(stand.path, join(stand.dir, 'unsealed'));
});
afterAll(() => stand.remove());

/** Draws without order or repetition (mulberry32, so that a seed gives the same on every machine). */
function draw<T>(from: readonly T[], count: number): T[] {
  let state = seed;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const left = [...from];
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(Math.floor(random() * left.length), 1),
  ).flat();
}

let copies = 0;

/** A store of its own for one try, without the copy of any other; where there is none, a path. */
function freshStore({ store }: Command): string {
  const folder = join(stand.dir, `store-${copies++}`);
  if (store !== null) return copyStore(stores[store], folder);
  mkdirSync(folder, { mode: 0o700 });
  return join(folder, 'coffer.db');
}

/** None where there is no file, or one that was never committed to. */
function rowsOf(path: string): Row[] {
  try {
    return existsSync(path) ? readRows(path) : [];
  } catch (error) {
    if (error instanceof Error && error.message === 'no such table: entries') return [];
    throw error;
  }
}

interface Call {
  readonly place: string;
  /** Which of that name. */
  readonly call: number;
}

/** Every call that the command makes of the module, each with which of its name it is. */
function callsOf(command: Command): Call[] {
  stand.shim?.clear();
  const path = freshStore(command);
  const { status, stdout, stderr } = stand.run(command.args, {
    env: { ...command.env, ...ownToken(stand, 'unhindered'), COFFER_STORAGE_PATH: path },
  });
  expect({ status, stderr: stderr.replace(/^note: (created|nothing in the store needs) .*\n/gm, '') }).toEqual({
    status: 0,
    stderr: '',
  });
  expect(stdout).toMatch(command.whole);
  const seen = new Map<string, number>();
  return (stand.shim?.calls() ?? []).map((place) => {
    const call = (seen.get(place) ?? 0) + 1;
    seen.set(place, call);
    return { place, call };
  });
}

interface Try extends Misdeed {
  readonly outcome: Outcome;
  readonly path: string;
  readonly before: readonly Row[];
  readonly after: readonly Row[];
}

async function attempt(command: Command, misdeed: Misdeed): Promise<Try> {
  const path = freshStore(command);
  const before = rowsOf(path);
  const outcome = await runMisbehaving(stand, command.args, misdeed, {
    env: { ...command.env, COFFER_STORAGE_PATH: path },
  });
  return { ...misdeed, outcome, path, before, after: rowsOf(path) };
}

/** Rows that are new or hold something else. */
function changed({ before, after }: Try): string[] {
  return after
    .filter(({ path, value }) => before.find((row) => row.path === path)?.value.equals(value) !== true)
    .map(({ path }) => path);
}

/** The same without the tree, which changes with whatever does. */
function changedValues(done: Try): string[] {
  return changed(done).filter((path) => !isOfTree(path));
}

/** Whether the command's work is in the store, as the store itself shows it to a command that nothing hinders. */
function isDone({ name }: Command, done: Try): boolean {
  switch (name) {
    case 'init':
      return done.after.some(({ path }) => path === 'core/record');
    case 'unseal':
      return done.after.some(({ path }) => path === OWN_ROWS.lease);
    case 'kv get':
      return true;
    case 'kv put':
      return (
        stand.run(['kv', 'get', '-field=v', 'secret/app'], { env: { COFFER_STORAGE_PATH: done.path } }).stdout ===
        'after'
      );
    default:
      return changedValues(done).length === 3;
  }
}

/** Whether the store opens, and holds what it held. */
function expectWhole({ name, env }: Command, { path, kind, place, call }: Try): void {
  if (name === 'init' && rowsOf(path).length === 0) return;
  const run = (...args: string[]): Outcome => stand.run(args, { env: { ...env, COFFER_STORAGE_PATH: path } });
  const about = `${name}: ${kind} in ${place} ${call ?? ''}`;
  if (name === 'init' || name === 'unseal') {
    // A token of the try's own made the keys of this store, if it is new: the lease alone tells of it then.
    if (name === 'unseal') expect(run('unseal').status, about).toBe(0);
    return;
  }
  expect(run('kv', 'get', '-field=v', 'secret/other').stdout, about).toBe('other');
  expect(['before', 'after'], about).toContain(run('kv', 'get', '-field=v', 'secret/app').stdout);
}

type Told = 'error' | 'warning' | 'nothing';

/** What the command said, after everything about it was checked. */
function check(command: Command, done: Try, calls: readonly Call[]): Told {
  const { outcome, kind, place } = done;
  const { status, signal, stdout, stderr } = outcome;
  const about = `${command.name}: ${kind} in ${place} ${done.call ?? ''}\n${stderr}`;
  expect(signal, about).toBeNull();
  expect([0, 3], about).toContain(status);
  const moved = changedValues(done);
  if (status === 0) {
    expect(stdout, about).toMatch(command.whole);
    expect(isDone(command, done), about).toBe(true);
  } else {
    expect(stdout, about).toBe('');
    expect(stderr, about).toMatch(
      /^error: the PKCS#11 module \S+ .* (in C_\w+|in a thread of its own, after C_\w+)\nhint: /m,
    );
    if (command.name === 'rewrap' && moved.length > 0)
      expect(stderr, about).toContain(`it stopped after ${moved.length} of 3, which stay as they are now`);
    else {
      expect(stderr, about).toContain('nothing in the store was changed');
      expect(changed(done), about).toEqual([]);
    }
  }
  const isHarmless = HARMLESS.some((harmless) => harmless === kind);
  // `init` also ends the module half way, to see whether another process made the same keys.
  const isEnd = place === 'C_Finalize' && done.call === calls.filter((one) => one.place === place).length;
  const isLate = kind.startsWith('later-');
  if (!isHarmless && !isLate) {
    expect(status, about).toBe(isEnd ? 0 : 3);
    expect(stderr, about).toContain(` in ${place}`);
    if (kind === 'pthread_exit') expect(stderr, about).toMatch(PTHREAD_EXIT);
  }
  if (isHarmless) expect(status, about).toBe(0);
  if (status === 3) return 'error';
  return stderr.includes('warning: the PKCS#11 module') ? 'warning' : 'nothing';
}

describe('a module that misbehaves at any of its calls', () => {
  /** One line of the campaign's table, as soon as it is known. */
  const tell = (...cells: readonly (string | number)[]): void => {
    if (everything) console.log(`| ${cells.join(' | ')} |`);
  };
  beforeAll(() =>
    tell('command', 'calls', 'tries', 'error, exit 3', 'done, exit 0, with a warning', 'done, exit 0', 'wrong'),
  );

  it.each(COMMANDS)('leaves $name done and said to be done, or neither', { timeout: 7_200_000 }, async (command) => {
    const calls = callsOf(command);
    const all = calls.flatMap((call) => KINDS.map((kind) => ({ ...call, kind })));
    const misdeeds = everything ? all : draw(all, DRAWN);
    const told = await sideBySide(
      misdeeds.map((misdeed) => async () => {
        const done = await attempt(command, misdeed);
        const said = check(command, done, calls);
        if (!everything || done.outcome.status === 3) expectWhole(command, done);
        rmSync(dirname(done.path), { recursive: true, force: true });
        return said;
      }),
    );
    const count = (said: Told): number => told.filter((one) => one === said).length;
    tell(command.name, calls.length, misdeeds.length, count('error'), count('warning'), count('nothing'), 0);
    expect(told).toHaveLength(misdeeds.length);
  });
});

it('every hang is tried somewhere', () => {
  expect(HANGS.filter((kind) => KINDS.includes(kind))).toEqual(['hang', 'hang-blocked']);
});
