import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Golden, goldenStand } from '../support/golden.ts';
import { hold } from '../support/hold.ts';
import { atTerminal, KEYS, plain } from '../support/pty.ts';
import {
  copyStore,
  inDatabase,
  OWN_ROWS,
  ownToken,
  readRows,
  writeRows,
  type Outcome,
  type Row,
  type Stand,
} from '../support/store.ts';

let stand: Stand;
let golden: Golden;
beforeEach(() => {
  ({ stand, golden } = goldenStand('v1', { shim: true }));
  stand.ok('unseal');
});
afterEach(() => stand.remove());

const NO_TREE = 'note: this store has no tree, so that rows that were removed or put back go unnoticed';

function row(name: string): Buffer {
  const found = readRows(stand.path).find(({ path }) => path === name);
  if (found === undefined) throw new Error(`no row ${name}`);
  return found.value;
}

const paths = (): string[] => readRows(stand.path).map(({ path }) => path);
const isOfTree = (path: string): boolean => path === 'core/tree' || path === 'tree' || path.startsWith('tree/');

function layout(path = stand.path): unknown {
  return inDatabase(path, (database) => database.prepare('PRAGMA user_version').pluck().get());
}

/** Every secret is there, as the golden store's coffer wrote it. */
function expectGolden(env: Readonly<Record<string, string>> = {}): void {
  for (const { get, data, version } of golden.secrets) {
    const { status, stdout, stderr } = stand.run(['kv', 'get', '-format=json', ...get], { env });
    expect(status, stderr).toBe(0);
    const envelope = JSON.parse(stdout) as { data: unknown };
    if (version === null) expect(envelope.data).toEqual(data);
    else expect(envelope.data).toMatchObject({ data, metadata: { version } });
  }
}

/** The code of a command that has to end with exit 4. */
function codeOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = stand.run([...args, '-format=json'], { env });
  expect({ status, stdout }, `${args.join(' ')}: ${stderr}`).toEqual({ status: 4, stdout: '' });
  return (JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { code: string }).code;
}

let states = 0;
/** A user of this machine who remembers nothing of the store. */
function forgetful(): Record<string, string> {
  return { XDG_STATE_HOME: `${stand.dir}/state-${String(states++)}` };
}

function replaceRows(by: readonly Row[], asLayout: number): void {
  writeRows(stand.path, {
    ...Object.fromEntries(paths().map((path) => [path, null])),
    ...Object.fromEntries(by.map(({ path, value }) => [path, value])),
  });
  inDatabase(stand.path, (database) => void database.exec(`PRAGMA user_version = ${String(asLayout)}`));
}

describe('a store of the first layout', () => {
  it('stays one while it is read and written, and is warned of', () => {
    for (const args of [
      ['kv', 'get', 'one/app'],
      ['kv', 'put', 'two/new', 'v=w'],
      ['secrets', 'enable', '-path=more', 'kv'],
      ['operator', 'rotate'],
      ['sealwrap', 'rewrap'],
    ]) {
      const { status, stderr } = stand.run(args);
      expect(status, stderr).toBe(0);
      expect(stderr.split(NO_TREE), args.join(' ')).toHaveLength(2);
      expect(stderr).toContain('coffer operator upgrade');
    }
    expect(layout()).toBe(1);
    expect(paths().filter(isOfTree)).toEqual([]);
    expect(paths()).toEqual(expect.arrayContaining(['core/lease', 'core/usage']));
    stand.ok('seal');
    expect(paths()).toContain('core/sealed');
    expect(paths()).not.toContain('core/lease');
    stand.ok('unseal');
    expectGolden();
  });

  it('has no counter', () => {
    expect(stand.ok('seal-status')).not.toContain('Counter');
    expect(JSON.parse(stand.ok('operator', 'verify', '-format=json'))).toMatchObject({ counter: null, faults: [] });
  });
});

describe('coffer operator upgrade', () => {
  it('gives it a tree, and keeps every value as it is', () => {
    const before = readRows(stand.path);
    const lease = row('core/lease');
    const term = Number(stand.ok('key-status', '-field=term'));
    const { status, stdout, stderr } = stand.run(['operator', 'upgrade', '-format=json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const told = JSON.parse(stdout) as { leaves: number };
    expect(told).toMatchObject({ upgraded: true, counter: 1 });
    expect(layout()).toBe(2);
    const after = readRows(stand.path);
    expect(after.map(({ path }) => path).filter((path) => !isOfTree(path))).toEqual(
      [
        ...before.map(({ path }) => path).filter((path) => path !== 'core/usage' && path !== 'core/lease'),
        OWN_ROWS.lease,
      ].sort(),
    );
    expect(row(OWN_ROWS.lease)).toEqual(lease);
    expect(paths()).toEqual(expect.arrayContaining(['core/tree', 'tree']));
    const values = (rows: readonly Row[]): Row[] => rows.filter(({ path }) => path.startsWith('data/'));
    expect(values(after)).toEqual(values(before));
    // A leaf for each row of a mount, for the record and for the mount table, and one more for each folder.
    expect(told.leaves).toBeGreaterThan(values(after).length + 2);
    expect(Number(stand.ok('key-status', '-field=term'))).toBe(term + 1);
    expectGolden();
    expect(stand.ok('seal-status')).toMatch(/^Counter +1$/m);
    for (const args of [
      ['operator', 'verify'],
      ['operator', 'diagnose', '-deep'],
      ['kv', 'put', 'two/new', 'v=w'],
      ['kv', 'get', 'two/new'],
      ['operator', 'verify'],
    ]) {
      const done = stand.run(args);
      expect({ status: done.status, stderr: done.stderr }, args.join(' ')).toEqual({ status: 0, stderr: '' });
    }
    stand.ok('seal');
    expect(stand.run(['kv', 'get', 'one/app']).status).toBe(2);
    stand.ok('unseal');
    expectGolden();
  });

  it('says so the second time, and changes nothing', () => {
    expect(stand.ok('operator', 'upgrade')).toMatch(/^Success! The store has a tree of \d+ leaves\n$/);
    const before = readRows(stand.path);
    expect(stand.ok('operator', 'upgrade')).toBe('The store has a tree already\n');
    expect(JSON.parse(stand.ok('operator', 'upgrade', '-format=json'))).toMatchObject({ upgraded: false, counter: 1 });
    expect(readRows(stand.path)).toEqual(before);
  });

  it('needs an unsealed store', () => {
    stand.ok('seal');
    const before = readRows(stand.path);
    expect(stand.run(['operator', 'upgrade'])).toMatchObject({ status: 2, stdout: '' });
    expect(readRows(stand.path)).toEqual(before);
    expect(layout()).toBe(1);
  });

  it('asks first on a terminal', async () => {
    const before = readRows(stand.path);
    const refused = atTerminal(stand, 'coffer operator upgrade');
    await refused.shows('diagnose -deep');
    refused.type(`n${KEYS.enter}`);
    expect(await refused.ends).toBe(2);
    expect(plain(refused.screen())).toContain('nothing was changed');
    expect(readRows(stand.path)).toEqual(before);
    const agreed = atTerminal(stand, 'coffer operator upgrade');
    await agreed.shows('diagnose -deep');
    agreed.type(`y${KEYS.enter}`);
    expect(await agreed.ends).toBe(0);
    expect(layout()).toBe(2);
  });

  it('leaves the store as it was, or upgraded, whenever it is killed', { timeout: 300_000 }, async () => {
    const before = readRows(stand.path);
    for (const call of ['C_Decrypt:1', 'C_GenerateRandom:1', 'C_GenerateRandom:2', 'C_Sign:1']) {
      const victim = await hold(stand, ['operator', 'upgrade'], [call], { env: ownToken(stand, 'victim') });
      expect(victim.isOver, call).toBe(false);
      victim.kill('SIGKILL');
      expect((await victim.outcome).signal).toBe('SIGKILL');
      expect(layout(), call).toBe(1);
      expect(readRows(stand.path), call).toEqual(before);
    }
    expectGolden();
    const late = await hold(stand, ['operator', 'upgrade'], ['C_Finalize:1'], { env: ownToken(stand, 'victim') });
    expect(late.isOver).toBe(false);
    late.kill('SIGKILL');
    await late.outcome;
    expect(layout()).toBe(2);
    expect(stand.run(['operator', 'verify']).status).toBe(0);
    expectGolden();
  });

  it('leaves the store as it was where the HSM fails', () => {
    const before = readRows(stand.path);
    for (const fault of ['fail:C_GenerateRandom:0x30:1', 'fail:C_GenerateRandom:0x30:2', 'fail:C_Sign:0x30:1']) {
      expect(stand.run(['operator', 'upgrade'], { env: { COFFER_SHIM_FAULT: fault } }), fault).toMatchObject({
        status: 3,
        stdout: '',
      });
      expect(layout()).toBe(1);
      expect(readRows(stand.path)).toEqual(before);
    }
    stand.ok('operator', 'upgrade');
    expectGolden();
  });

  it.each(['data/somebody/else', 'core/more', 'tree', 'tree/a', 'other', OWN_ROWS.sealedByOperator])(
    'does not vouch for a row that coffer did not write: %s',
    (path) => {
      writeRows(stand.path, { [path]: new Uint8Array(8) });
      const before = readRows(stand.path);
      const { status, stdout, stderr } = stand.run(['operator', 'upgrade']);
      expect({ status, stdout }, stderr).toEqual({ status: 4, stdout: '' });
      expect(stderr).toContain(`the row "${path}" belongs to no mount`);
      expect(codeOf(['operator', 'upgrade'])).toBe('store_altered');
      expect(readRows(stand.path)).toEqual(before);
      expect(layout()).toBe(1);
    },
  );
});

describe('somebody who can write to a store that was upgraded', () => {
  let old: readonly Row[];
  let upgraded: readonly Row[];
  const oldRow = (name: string): Record<string, Buffer> => {
    const found = old.find(({ path }) => path === name);
    if (found === undefined) throw new Error(`no row ${name}`);
    return { [name]: found.value };
  };

  beforeEach(() => {
    old = readRows(stand.path);
    stand.ok('operator', 'upgrade');
    stand.ok('kv', 'put', 'one/app', 'user=grace');
    upgraded = readRows(stand.path);
  });

  const COMMANDS = [
    ['kv', 'get', 'one/app'],
    ['kv', 'get', 'one/steps'],
    ['kv', 'put', 'one/app', 'v=w'],
    ['kv', 'list', 'one'],
    ['secrets', 'list'],
    ['operator', 'rotate'],
    ['operator', 'upgrade'],
    ['unseal'],
  ];

  it('cannot have it pass for one without a tree', () => {
    const lease = { 'core/lease': row(OWN_ROWS.lease) };
    inDatabase(stand.path, (database) => void database.exec('PRAGMA user_version = 1'));
    for (const args of COMMANDS) expect(codeOf(args, forgetful()), args.join(' ')).toBe('tree_altered');
    writeRows(stand.path, { ...lease, ...oldRow('core/usage') });
    for (const args of COMMANDS) expect(codeOf(args, forgetful()), args.join(' ')).toBe('tree_altered');
    const nothing = Object.fromEntries(
      paths()
        .filter(isOfTree)
        .map((path) => [path, null]),
    );
    writeRows(stand.path, nothing);
    for (const args of COMMANDS) expect(codeOf(args, forgetful()), args.join(' ')).toBe('store_altered');
    expect(stand.run(['operator', 'diagnose']).status).toBe(4);
    expect(stand.run(['operator', 'verify']).status).toBe(4);
  });

  it('cannot put the old record back', () => {
    writeRows(stand.path, oldRow('core/record'));
    for (const args of COMMANDS) expect(codeOf(args, forgetful()), args.join(' ')).toBe('store_altered');
    writeRows(stand.path, { ...oldRow('core/usage'), ...oldRow('core/mounts') });
    for (const args of COMMANDS) expect(codeOf(args, forgetful()), args.join(' ')).toBe('store_altered');
  });

  it('cannot put the old record back into what says that it is of the first layout', () => {
    replaceRows(upgraded, 1);
    writeRows(stand.path, { ...oldRow('core/record'), ...oldRow('core/lease') });
    for (const args of COMMANDS) expect(codeOf(args, forgetful()), args.join(' ')).toBe('tree_altered');
    writeRows(stand.path, { 'core/tree': null });
    for (const args of COMMANDS) expect(codeOf(args, forgetful()), args.join(' ')).toBe('usage_altered');
    writeRows(stand.path, oldRow('core/usage'));
    for (const args of COMMANDS) {
      expect(codeOf(args, forgetful()), args.join(' ')).toBe('core_disagrees');
      expect(codeOf(args), args.join(' ')).toBe('store_rolled_back');
    }
  });

  it('cannot have rows read that were written since, in the store as it was before', () => {
    const value = upgraded.filter(({ path, value: bytes }) =>
      old.every((row) => row.path !== path || !row.value.equals(bytes)),
    );
    const since = value.filter(({ path }) => path.startsWith('data/'));
    expect(since).toHaveLength(1);
    replaceRows(old, 1);
    writeRows(stand.path, Object.fromEntries(since.map(({ path, value: bytes }) => [path, bytes])));
    expect(codeOf(['kv', 'get', 'one/app'], forgetful())).toBe('value_altered');
    for (const args of COMMANDS) expect(codeOf(args), args.join(' ')).toBe('store_rolled_back');
  });

  it('can put the whole old file back, which this machine notices, and one that never saw the new one does not', () => {
    replaceRows(old, 1);
    for (const args of COMMANDS) expect(codeOf(args), args.join(' ')).toBe('store_rolled_back');
    expect(stand.run(['operator', 'diagnose']).status).toBe(4);
    expect(readRows(stand.path)).toEqual(old);
    const elsewhere: Outcome = stand.run(['kv', 'get', '-field=user', 'one/app'], { env: forgetful() });
    expect(elsewhere).toMatchObject({ status: 0, stdout: 'ada' });
    expect(elsewhere.stderr).toContain(NO_TREE);
  });

  it('is not suspected for a copy of the old file elsewhere', () => {
    const path = copyStore(stand.path, `${stand.dir}/elsewhere`);
    const env = { COFFER_STORAGE_PATH: path };
    expect(stand.run(['kv', 'get', '-field=user', 'one/app'], { env })).toMatchObject({ status: 0, stdout: 'grace' });
    expect(layout(path)).toBe(2);
  });
});
