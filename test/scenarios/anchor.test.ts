import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Mounts, withMountsSession } from '../../src/core/index.ts';
import { goldenStand } from '../support/golden.ts';
import { hold } from '../support/hold.ts';
import {
  contextOf,
  copyStore,
  inDatabase,
  makeStand,
  type Outcome,
  readRows,
  type Row,
  type Stand,
  writeRows,
} from '../support/store.ts';

let stand: Stand;
afterEach(() => stand.remove());

function openStand(anchor: string): void {
  stand = makeStand({ shim: true, seal: `anchor = "${anchor}"` });
  stand.open();
  stand.ok('secrets', 'enable', '-path=kv', 'kv');
}

function codeOf({ status, stdout, stderr }: Outcome): string {
  expect({ status, stdout }, stderr).toMatchObject({ stdout: '' });
  return (JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { code: string }).code;
}

const withFaults = (...faults: readonly string[]): { readonly env: Record<string, string> } => ({
  env: { COFFER_SHIM_FAULT: faults.join(',') },
});

/** What the store's file holds, without its schema. */
function replaceRows(by: readonly Row[], path = stand.path): void {
  writeRows(path, {
    ...Object.fromEntries(readRows(path).map((row) => [row.path, null])),
    ...Object.fromEntries(by.map((row) => [row.path, row.value])),
  });
}

const anchorOf = (): unknown =>
  (JSON.parse(stand.ok('operator', 'verify', '-format=json')) as { anchor: unknown }).anchor;
const counterOf = (): unknown =>
  (JSON.parse(stand.ok('operator', 'verify', '-format=json')) as { counter: unknown }).counter;

describe('a token that takes no data objects', () => {
  it.each(['0x54', '0x13', '0xd1', '0x1b', '0x7', '0xb5', '0xe2'])(
    'is told apart, and nothing is written without an anchor: %s',
    (rv) => {
      openStand('off');
      const refusing = withFaults(`fail:C_CreateObject:${rv}`);
      const env = { ...refusing.env, COFFER_HSM_ANCHOR: 'write' };
      const put = stand.run(['kv', 'put', '-format=json', 'kv/a', 'v=1'], { env });
      expect(put.status).toBe(3);
      expect(codeOf(put)).toBe('anchor_refused');
      expect(put.stderr).toContain('anchor = \\"off\\"');
      expect(stand.run(['kv', 'get', 'kv/a']).status).toBe(2);
      const test = stand.run(['hsm', 'test'], { env });
      expect(test.status).toBe(3);
      expect(test.stderr).toContain('this token keeps no data objects');
    },
  );

  it('is told apart where it allows no read-write session', () => {
    openStand('off');
    const env = { ...withFaults('rw-forbidden').env, COFFER_HSM_ANCHOR: 'write' };
    expect(codeOf(stand.run(['kv', 'put', '-format=json', 'kv/a', 'v=1'], { env }))).toBe('anchor_refused');
    const test = stand.run(['hsm', 'test'], { env });
    expect(test.status).toBe(3);
    expect(test.stderr).toContain('this token keeps no data objects');
  });
});

describe('a token that makes every data object a public one', () => {
  it('is told apart, and keeps none', () => {
    openStand('off');
    const env = { ...withFaults('data-public').env, COFFER_HSM_ANCHOR: 'write' };
    expect(codeOf(stand.run(['kv', 'put', '-format=json', 'kv/a', 'v=1'], { env }))).toBe('anchor_refused');
    const test = stand.run(['hsm', 'test'], { env });
    expect(test.status).toBe(3);
    expect(test.stdout + test.stderr).toContain('a public one');
  });
});

describe('a token that does not let data objects be changed', () => {
  it.each(['0x10', '0x12', '0x13', '0x1b', '0x54', '0x7', '0xd1'])('gets new ones: %s', (rv) => {
    openStand('write');
    const refusing = withFaults(`fail:C_SetAttributeValue:${rv}`);
    for (const value of ['1', '2', '3'])
      expect(stand.run(['kv', 'put', 'kv/a', `v=${value}`], refusing)).toMatchObject({ status: 0, stderr: '' });
    expect(anchorOf()).toBe(counterOf());
    const test = stand.run(['hsm', 'test'], refusing);
    expect(test.status).toBe(0);
    expect(test.stderr).toContain('does not let data objects be changed');
  });

  it('nor removed, is told apart, in hsm test too', () => {
    openStand('write');
    stand.ok('kv', 'put', 'kv/a', 'v=1');
    const refusing = withFaults('fail:C_SetAttributeValue:0x1b', 'fail:C_DestroyObject:0x1b');
    const put = stand.run(['kv', 'put', 'kv/a', 'v=2'], refusing);
    expect(put.status).toBe(0); // it was committed
    expect(put.stderr).toContain('neither changed nor removed');
    expect(stand.run(['kv', 'get', '-field=v', 'kv/a'])).toMatchObject({ status: 0, stdout: '2' });
    const test = stand.run(['hsm', 'test'], refusing);
    expect(test.status).toBe(3);
    expect(test.stderr).toContain('neither changed nor removed');
  });
});

describe('coffer operator verify -accept', () => {
  it.each(['off', 'write'])('makes the copy newer than all that was seen, with anchor = "%s"', (anchor) => {
    openStand(anchor);
    stand.ok('kv', 'put', 'kv/a', 'v=1');
    const old = copyStore(stand.path, `${stand.dir}/old`);
    for (const value of ['2', '3', '4']) stand.ok('kv', 'put', 'kv/a', `v=${value}`);
    const lost = copyStore(stand.path, `${stand.dir}/lost`);
    const elsewhere = { env: { XDG_STATE_HOME: `${stand.dir}/state-elsewhere` } };
    expect(stand.run(['kv', 'get', 'kv/a'], elsewhere).status).toBe(0);
    copyStore(old, dirname(stand.path));
    expect(codeOf(stand.run(['kv', 'get', '-format=json', 'kv/a']))).toBe('store_rolled_back');
    expect(stand.run(['operator', 'verify', '-accept', '-force'])).toMatchObject({ status: 0 });
    expect(stand.ok('kv', 'get', '-field=v', 'kv/a')).toBe('1');
    // Who saw the lost one sees one that is newer.
    expect(stand.run(['kv', 'get', '-field=v', 'kv/a'], elsewhere)).toMatchObject({ status: 0, stdout: '1' });
    stand.ok('kv', 'put', 'kv/a', 'v=new');
    copyStore(lost, dirname(stand.path));
    for (const args of [
      ['kv', 'get', 'kv/a'],
      ['kv', 'put', 'kv/a', 'v=5'],
    ])
      expect(codeOf(stand.run([...args, '-format=json'])), args.join(' ')).toBe('store_rolled_back');
  });

  it.each(['off', 'write'])('accepts a store from before it had a tree, with anchor = "%s"', (anchor) => {
    const made = goldenStand('v1', { shim: true, seal: `anchor = "${anchor}"` });
    ({ stand } = made);
    stand.ok('unseal');
    const old = copyStore(stand.path, `${stand.dir}/old`);
    stand.ok('operator', 'upgrade');
    copyStore(old, dirname(stand.path));
    const get = ['kv', 'get', '-format=json', 'one/app'];
    expect(codeOf(stand.run(get))).toBe('store_rolled_back');
    const input = `${made.golden.recoveryShares.slice(0, 2).join('\n')}\n`;
    expect(stand.run(['operator', 'verify', '-accept'], { input })).toMatchObject({ status: 0 });
    expect(stand.run(get).status).toBe(0);
    stand.ok('operator', 'upgrade');
    expect(stand.run(get)).toMatchObject({ status: 0, stderr: '' });
  });

  it('wants the shares of the store that it accepts, whichever was there when it began', async () => {
    const made = goldenStand('v2', { shim: true });
    ({ stand } = made);
    stand.ok('unseal');
    const target = readRows(stand.path);
    const other = `${stand.dir}/other/coffer.db`;
    stand.write('other/note', '');
    const init = ['init', '-recovery-shares=0', '-recovery-threshold=0'];
    expect(stand.run(init, { env: { COFFER_STORAGE_PATH: other } }).status).toBe(0);
    replaceRows(readRows(other));
    const held = await hold(stand, ['operator', 'verify', '-accept', '-force', '-format=json'], ['C_Decrypt:1']);
    replaceRows(target);
    const outcome = await held.end();
    expect(outcome.status).toBe(4);
    expect(codeOf(outcome)).toBe('recovery_shares_wrong');
  });
});

describe('somebody who exchanges the store while a command runs', () => {
  it.each([['kv', 'get', 'kv/a'], ['kv', 'put', 'kv/a', 'v=3'], ['unseal'], ['operator', 'verify']])(
    'does not have an older one looked up under the id of another: %s %s',
    async (...args) => {
      openStand('off');
      stand.ok('kv', 'put', 'kv/a', 'v=1');
      const old = readRows(stand.path);
      stand.ok('kv', 'put', 'kv/a', 'v=2');
      const other = `${stand.dir}/other/coffer.db`;
      stand.write('other/note', '');
      const env = { COFFER_STORAGE_PATH: other };
      expect(stand.run(['init', '-recovery-shares=0', '-recovery-threshold=0'], { env }).status).toBe(0);
      expect(stand.run(['unseal'], { env }).status).toBe(0);
      replaceRows(readRows(other));
      const held = await hold(stand, [...args, '-format=json'], ['C_Login:1']);
      expect(held.isOver).toBe(false);
      replaceRows(old);
      const outcome = await held.end();
      expect(outcome.status, outcome.stdout + outcome.stderr).toBe(4);
      expect(outcome.stderr + outcome.stdout).toContain('store_replaced');
    },
  );

  it.each(['off', 'unseal'])(
    'between two transactions of one command is found by what the command itself did, with anchor = "%s"',
    async (anchor) => {
      openStand(anchor);
      const context = await contextOf(stand); // it has no folder to remember anything in
      const write = (value: string) => (mounts: Mounts) =>
        mounts.request({ operation: 'write', path: 'kv/a', data: { v: value } });
      const old = readRows(stand.path);
      const command = withMountsSession(context, async (transaction) => {
        await transaction('write', write('1'));
        replaceRows(old);
        await transaction('write', write('2'));
      });
      await expect(command).rejects.toMatchObject({ code: 'store_rolled_back' });
    },
  );
});

describe('coffer operator verify', () => {
  it('tells the counter and the age of a root that was put back alone, though nothing fits it', () => {
    openStand('write');
    stand.ok('kv', 'put', 'kv/a', 'v=1');
    const counter = counterOf();
    const [root] = readRows(stand.path).filter(({ path }) => path === 'core/tree');
    stand.ok('kv', 'put', 'kv/a', 'v=2');
    writeRows(stand.path, { 'core/tree': root?.value ?? null });
    const { status, stdout } = stand.run(['operator', 'verify', '-format=json']);
    const found = JSON.parse(stdout) as { counter: unknown; faults: readonly { code: string }[] };
    expect({ status, counter: found.counter }).toEqual({ status: 4, counter });
    const codes = found.faults.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['store_rolled_back', 'tree_altered']));
  });
});

describe('a command that runs while others write', () => {
  it.each([
    ['operator', 'diagnose'],
    ['operator', 'diagnose', '-deep'],
    ['operator', 'verify'],
  ])('takes none of it for an attack: %s %s %s', async (...args) => {
    openStand('write');
    const held = await hold(stand, args, ['C_Login:1']);
    stand.ok('operator', 'rotate');
    stand.ok('kv', 'put', 'kv/a', 'v=1');
    const outcome = await held.end();
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0);
  });
});

describe('coffer seal', () => {
  it('does not obey a file that says that it is of another layout', () => {
    openStand('off');
    const setLayout = (layout: number): void =>
      inDatabase(stand.path, (database) => void database.exec(`PRAGMA user_version = ${layout}`));
    const before = readRows(stand.path);
    setLayout(1);
    const outcome = stand.run(['seal', '-format=json']);
    expect(outcome.status).toBe(4);
    expect(codeOf(outcome)).toBe('tree_altered');
    expect(readRows(stand.path)).toEqual(before);
  });
});
