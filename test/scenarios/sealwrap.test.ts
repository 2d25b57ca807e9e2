import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { withMounts } from '../../src/core/index.ts';
import { readRecord } from '../../src/seal/index.ts';
import { goldenStand } from '../support/golden.ts';
import { hold } from '../support/hold.ts';
import { atTerminal, plain } from '../support/pty.ts';
import { destroyKeys } from '../support/softhsm.ts';
import {
  configuration,
  contextOf,
  inDatabase,
  makeStand,
  OWN_ROWS,
  ownToken,
  readRows,
  writeRows,
  type Outcome,
  type Row,
  type Stand,
  type StandOptions,
} from '../support/store.ts';

const NEXT = {
  COFFER_HSM_KEY_LABEL: 'hsm_next',
  COFFER_HSM_HMAC_KEY_LABEL: 'hsm_hmac_next',
  COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo,short_lived',
  COFFER_HSM_PREVIOUS_HMAC_KEY_LABEL: 'hsm_hmac_demo',
} as const;
/** Commands with the old configuration run beside it, too. */
const BESIDE = 'previous_key_label = "hsm_next"\n  previous_hmac_key_label = "hsm_hmac_next"';
const OLD_KEYS = ['hsm_demo', 'hsm_hmac_demo'] as const;
const RECORD = 'core/record';

const stands: Stand[] = [];
afterEach(() => {
  for (const stand of stands.splice(0)) stand.remove();
});

/** A store with `count` values and more under the old keys, and the new keys in the token. */
async function filled(count: number, options: StandOptions = {}): Promise<Stand> {
  const stand = makeStand({ ...options, seal: `${BESIDE}\n  ${options.seal ?? ''}` });
  stands.push(stand);
  stand.open();
  stand.ok('secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv');
  stand.ok('secrets', 'enable', '-path=versions', '-version=2', '-seal-wrap', 'kv');
  stand.ok('secrets', 'enable', '-path=plain', 'kv');
  stand.ok('kv', 'put', 'versions/app', 'v=of-versions');
  stand.ok('kv', 'put', 'plain/app', 'v=of-plain');
  await withMounts(await contextOf(stand), 'write', async (mounts) => {
    for (let n = 0; n < count; n++)
      await mounts.request({ operation: 'write', path: `wrapped/folder/v${n}`, data: { v: `value-${n}` } });
  });
  stand.ok('hsm', 'keygen', '-type=aes', '-label=hsm_next');
  stand.ok('hsm', 'keygen', '-type=hmac', '-label=hsm_hmac_next');
  return stand;
}

/** Runs a command with the new keys configured. */
function next(stand: Stand, ...args: string[]): Outcome {
  return stand.run(args, { env: NEXT });
}

interface Counts {
  readonly current: number;
  readonly old: number;
  readonly altered: number;
}

function counts(stand: Stand): Counts {
  const { stdout } = next(stand, 'sealwrap', 'status', '-format=json');
  const { current, old, altered } = JSON.parse(stdout) as Counts;
  return { current, old, altered };
}

/** The stored path of a row that `write` adds. */
function added(stand: Stand, write: () => void): string {
  const before = new Set(readRows(stand.path).map(({ path }) => path));
  write();
  const path = readRows(stand.path).find((row) => !before.has(row.path))?.path;
  if (path === undefined) throw new Error('no row was added');
  return path;
}

function value(stand: Stand, path: string): Buffer {
  const row = readRows(stand.path).find((each) => each.path === path);
  if (row === undefined) throw new Error(`no row ${path}`);
  return row.value;
}

/** Every value of `filled`, read in one go with the configuration of `stand`. */
async function expectReadable(
  stand: Stand,
  count: number,
  env: Readonly<Record<string, string>> = NEXT,
): Promise<void> {
  const context = await contextOf({ ...stand, env: { ...stand.env, ...env } });
  await withMounts(context, 'read', async (mounts) => {
    for (let n = 0; n < count; n++) {
      const answer = await mounts.request({ operation: 'read', path: `wrapped/folder/v${n}`, data: {} });
      expect(answer?.data).toEqual({ v: `value-${n}` });
    }
  });
  expect(stand.run(['kv', 'get', '-field=v', 'versions/app'], { env })).toMatchObject({
    status: 0,
    stdout: 'of-versions',
  });
  expect(stand.run(['kv', 'get', '-field=v', 'plain/app'], { env })).toMatchObject({ status: 0, stdout: 'of-plain' });
}

/** The rows that are wrapped-key records, and the labels of the keys that made each. */
function madeBy(stand: Stand): ReadonlyMap<string, readonly [string | undefined, string | undefined]> {
  const records = readRows(stand.path).filter((row) => row.value.subarray(0, 4).toString() === 'COFR');
  return new Map(
    records.map((row) => {
      const { wraps, macStanza } = readRecord(row.value, 'it');
      return [row.path, [wraps[0]?.keyLabel, macStanza?.keyLabel]];
    }),
  );
}

/** Waits until a value is under the new key. */
async function hasMoved(stand: Stand): Promise<void> {
  const moved = (): boolean => [...madeBy(stand)].some(([path, [label]]) => path !== RECORD && label === 'hsm_next');
  while (!moved()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('sealwrap rewrap', () => {
  it('moves everything, so that the old keys may be destroyed', async () => {
    const stand = await filled(150);
    const untouched = readRows(stand.path).filter(({ path }) => path === OWN_ROWS.lease || path === 'core/mounts');
    expect(untouched).toHaveLength(2);
    const term = stand.ok('key-status', '-format=json');
    const total = madeBy(stand).size;
    expect(counts(stand)).toEqual({ current: 0, old: total, altered: 0 });
    const { status, stdout, stderr } = next(stand, 'sealwrap', 'rewrap', '-format=json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      rewrapped: total,
      failed: 0,
      failures: [],
      current: total,
      old: 0,
      altered: 0,
    });
    expect([...new Set([...madeBy(stand).values()].map(String))]).toEqual(['hsm_next,hsm_hmac_next']);
    for (const { path, value: bytes } of untouched)
      expect(value(stand, path), `the barrier has nothing to do with ${path}`).toEqual(bytes);
    expect(stand.ok('key-status', '-format=json'), 'nor was anything encrypted by it').toBe(term);
    expect(next(stand, 'operator', 'verify')).toMatchObject({ status: 0 });
    for (const label of OLD_KEYS) expect(destroyKeys(stand.hsm, label)).toBe(1);
    await expectReadable(stand, 150);
    expect(next(stand, 'kv', 'put', 'wrapped/folder/new', 'v=w')).toMatchObject({ status: 0 });
    expect(
      stand.run(['kv', 'get', 'plain/app']).status,
      'the configuration still names the old keys, which reading needs not',
    ).toBe(0);
  });

  it('moves what only another mechanism or only another HMAC key made', async () => {
    const stand = await filled(3);
    const total = madeBy(stand).size;
    for (const env of [
      { COFFER_HSM_MECHANISM: 'CKM_AES_CBC' },
      { COFFER_HSM_HMAC_KEY_LABEL: 'hsm_hmac_next', COFFER_HSM_PREVIOUS_HMAC_KEY_LABEL: 'hsm_hmac_demo' },
    ]) {
      const told = JSON.parse(stand.run(['sealwrap', 'rewrap', '-format=json'], { env }).stdout) as unknown;
      expect(told).toMatchObject({ rewrapped: total, current: total, old: 0 });
      await expectReadable(stand, 3, env);
    }
  });

  it('can be killed at any moment, and goes on where it was', { timeout: 300_000 }, async () => {
    const stand = await filled(150, { shim: true });
    const total = madeBy(stand).size;
    const left = [total];
    // A batch has up to 64 values: each stands still in its first or in a later one.
    for (const call of [
      'C_Encrypt:1',
      'C_Encrypt:20',
      'C_Encrypt:80',
      'C_Decrypt:30',
      'C_Encrypt:70',
      'C_Sign:10',
      'C_Finalize:1',
    ]) {
      const victim = await hold(stand, ['sealwrap', 'rewrap'], [call], {
        env: { ...NEXT, ...ownToken(stand, 'victim') },
      });
      expect(victim.isOver, call).toBe(false);
      victim.kill('SIGKILL');
      expect((await victim.outcome).signal).toBe('SIGKILL');
      const { current, old, altered } = counts(stand);
      expect({ call, sum: current + old, altered }).toEqual({ call, sum: total, altered: 0 });
      left.push(old);
    }
    expect(left, 'nothing goes back').toEqual([...left].sort((a, b) => b - a));
    const partly = new Set(left.filter((old) => old > 0 && old < total));
    expect(partly.size, `left to do after each kill: ${left.join(', ')}`).toBeGreaterThan(2);
    expect(next(stand, 'sealwrap', 'rewrap')).toMatchObject({ status: 0 });
    expect(counts(stand)).toEqual({ current: total, old: 0, altered: 0 });
    expect(inDatabase(stand.path, (database) => database.prepare('PRAGMA integrity_check').pluck().get())).toBe('ok');
    for (const label of OLD_KEYS) destroyKeys(stand.hsm, label);
    await expectReadable(stand, 150);
  });

  it('lets other writers in between, and keeps what they write', { timeout: 60_000 }, async () => {
    const stand = await filled(600);
    const running = stand.start(['sealwrap', 'rewrap', '-format=json'], {
      env: { ...NEXT, ...ownToken(stand, 'rewrapping') },
    });
    const token = ownToken(stand, 'writing');
    const writers: Outcome[] = [];
    for (let n = 590; n < 600; n++)
      writers.push(await stand.start(['kv', 'put', `wrapped/folder/v${n}`, `v=changed-${n}`], { env: token }).outcome);
    writers.push(await stand.start(['kv', 'delete', 'wrapped/folder/v589'], { env: token }).outcome);
    for (const { status, stderr } of writers) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect((await running.outcome).status).toBe(0);
    expect(next(stand, 'sealwrap', 'rewrap')).toMatchObject({ status: 0 });
    expect(counts(stand)).toMatchObject({ old: 0, altered: 0 });
    await expectReadable(stand, 589);
    for (let n = 590; n < 600; n++)
      expect(next(stand, 'kv', 'get', '-field=v', `wrapped/folder/v${n}`).stdout).toBe(`changed-${n}`);
    expect(next(stand, 'kv', 'get', 'wrapped/folder/v589').status).toBe(2);
  });

  it('keeps no writer out for long, however slow the HSM is', { timeout: 60_000 }, async () => {
    const stand = await filled(64, { shim: true });
    const slow = { COFFER_SHIM_FAULT: 'hang:C_Encrypt:150,hang:C_Decrypt:150' }; // some twenty seconds for 64 values
    const running = stand.start(['sealwrap', 'rewrap'], {
      env: { ...NEXT, ...slow, ...ownToken(stand, 'rewrapping') },
    });
    await hasMoved(stand);
    const { status, stderr } = await stand.start(['kv', 'put', 'plain/between', 'v=w'], {
      env: ownToken(stand, 'writing'),
    }).outcome;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    running.kill('SIGTERM');
    expect((await running.outcome).signal, 'it was not done yet').toBe('SIGTERM');
    const left = counts(stand).old;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(64);
    expect(next(stand, 'sealwrap', 'rewrap').status).toBe(0);
    await expectReadable(stand, 64);
  });

  it('stops when another process seals the store, and goes on after unseal', { timeout: 60_000 }, async () => {
    const stand = await filled(200, { shim: true });
    const slow = { COFFER_SHIM_FAULT: 'hang:C_Encrypt:30' }; // some two seconds a batch, which the seal below cannot miss
    const running = stand.start(['sealwrap', 'rewrap'], { env: { ...NEXT, ...slow } });
    await hasMoved(stand);
    stand.ok('seal');
    const { status, stderr } = await running.outcome;
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('error: the store is sealed') as unknown,
    });
    expect(next(stand, 'unseal').status).toBe(0);
    expect(next(stand, 'sealwrap', 'rewrap').status).toBe(0);
    expect(counts(stand).old).toBe(0);
    await expectReadable(stand, 200);
  });

  it('works beside operator rotate', { timeout: 60_000 }, async () => {
    const stand = await filled(300);
    const running = stand.start(['sealwrap', 'rewrap'], { env: { ...NEXT, ...ownToken(stand, 'rewrapping') } });
    for (let n = 0; n < 3; n++)
      expect(
        (await stand.start(['operator', 'rotate'], { env: { ...NEXT, ...ownToken(stand, 'rotating') } }).outcome)
          .status,
      ).toBe(0);
    expect((await running.outcome).status).toBe(0);
    expect(next(stand, 'key-status', '-field=term').stdout).toBe('4');
    expect(next(stand, 'sealwrap', 'rewrap').status).toBe(0);
    expect(counts(stand).old).toBe(0);
    await expectReadable(stand, 300);
  });

  it('names a value whose key is gone, exit 3, and moves the others', async () => {
    const stand = await filled(100);
    const other = { COFFER_HSM_KEY_LABEL: 'short_lived', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' };
    stand.ok('hsm', 'keygen', '-type=aes', '-label=short_lived');
    const path = added(stand, () => stand.run(['kv', 'put', 'wrapped/lost', 'v=w'], { env: other }));
    const before = value(stand, path);
    expect(destroyKeys(stand.hsm, 'short_lived')).toBe(1);
    const total = madeBy(stand).size;
    const { status, stdout, stderr } = next(stand, 'sealwrap', 'rewrap');
    expect(status, stderr).toBe(3);
    expect(stderr).toMatch(/^error: wrapped\/lost cannot be opened: .*"short_lived"/);
    expect(stdout).toContain('1 could not be opened');
    expect(value(stand, path)).toEqual(before);
    for (const args of [
      ['operator', 'verify'],
      ['operator', 'diagnose', '-deep'],
    ]) {
      const found = next(stand, ...args);
      expect(found.status, args.join(' ')).toBe(3);
      expect(found.stdout + found.stderr).toMatch(/wrapped\/lost cannot be opened: .*"short_lived"/);
    }
    expect(counts(stand)).toEqual({ current: total - 1, old: 1, altered: 0 });
    await expectReadable(stand, 100);
  });

  describe('where the HSM does not open more values than are named', () => {
    async function lost(): Promise<Stand> {
      const stand = await filled(1);
      const env = { COFFER_HSM_KEY_LABEL: 'short_lived', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' };
      stand.ok('hsm', 'keygen', '-type=aes', '-label=short_lived');
      const records = Array.from({ length: 30 }, (_, at) => ({ path: `wrapped/lost-${at}`, data: { v: 'w' } }));
      const input = records.map((record) => JSON.stringify(record)).join('\n');
      expect(stand.run(['kv', 'import', '-'], { env, input })).toMatchObject({ status: 0 });
      expect(destroyKeys(stand.hsm, 'short_lived')).toBe(1);
      return stand;
    }

    it('ends with the exit status of those', async () => {
      const { status, stdout } = next(await lost(), 'operator', 'diagnose', '-deep');
      expect(stdout).toContain('[FAIL] values: and 5 more faults like these');
      expect(status).toBe(3);
    });

    it('names an altered one first', async () => {
      const stand = await lost();
      const path = added(stand, () => stand.run(['kv', 'put', 'wrapped/altered', 'v=w']));
      writeRows(stand.path, { [path]: value(stand, path).map((byte, at) => (at === 90 ? byte ^ 1 : byte)) });
      const diagnosed = next(stand, 'operator', 'diagnose', '-deep');
      expect(diagnosed.status).toBe(4);
      expect(diagnosed.stdout).toMatch(/^\[FAIL\] values: wrapped\/altered /m);
      expect(diagnosed.stdout).toMatch(/^\[FAIL\] values: and \d+ more faults like these/m);
      const rewrapped = next(stand, 'sealwrap', 'rewrap');
      expect(rewrapped.status).toBe(4);
      expect(rewrapped.stderr).toMatch(/^error: wrapped\/altered [^]*^note: and 21 more/m);
    });
  });

  it('names a value that was altered, exit 4, leaves it as it is and moves the others', async () => {
    const stand = await filled(5);
    const flipped = added(stand, () => stand.ok('kv', 'put', 'wrapped/flipped', 'v=plaintext-f'));
    const broken = added(stand, () => stand.ok('kv', 'put', 'wrapped/broken', 'v=plaintext-b'));
    const bytes = value(stand, flipped);
    bytes[bytes.length - 60] = (bytes[bytes.length - 60] ?? 0) ^ 1;
    writeRows(stand.path, { [flipped]: bytes, [broken]: Buffer.from('no record') });

    const total = madeBy(stand).size;
    const before = next(stand, 'sealwrap', 'status');
    expect(before.status).toBe(4);
    expect(before.stdout).toMatch(new RegExp(`Old +${total - 1}\nAltered +2`));
    for (const name of ['wrapped/flipped', 'wrapped/broken'])
      expect(before.stderr).toContain(`error: ${name} was altered`);

    const { status, stdout, stderr } = next(stand, 'sealwrap', 'rewrap', '-format=json');
    expect(status).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      rewrapped: total - 1,
      failed: 2,
      old: 0,
      altered: 2,
      altered_values: expect.toSatisfy(
        (names: string[]) => names.toSorted().join() === 'wrapped/broken,wrapped/flipped',
      ) as unknown,
    });
    for (const name of ['wrapped/flipped', 'wrapped/broken']) expect(stderr).toContain(`${name} was altered`);
    expect(stderr).toContain('"code":"row_altered"');
    expect(stdout + stderr).not.toContain('plaintext');
    expect(value(stand, flipped)).toEqual(bytes);
    expect(value(stand, broken).toString()).toBe('no record');
    await expectReadable(stand, 5);
  });

  it('changes nothing when the HSM fails within the first batch', async () => {
    const stand = await filled(10, { shim: true });
    const values = (): Row[] => readRows(stand.path).filter(({ path }) => path.startsWith('data/'));
    const before = values();
    const { status, stderr } = stand.run(['sealwrap', 'rewrap'], {
      env: { ...NEXT, COFFER_SHIM_FAULT: 'fail:C_Encrypt:0x30:6' },
    });
    expect(status, stderr).toBe(3);
    expect(stderr).toContain('CKR_DEVICE_ERROR');
    expect(values()).toEqual(before);
    expect(next(stand, 'operator', 'verify'), 'with the record, which came first').toMatchObject({ status: 0 });
    expect(next(stand, 'sealwrap', 'rewrap')).toMatchObject({ status: 0 });
    await expectReadable(stand, 10);
  });

  it('names a value at which the HSM failed, exit 3, where it does its work otherwise, and moves the others', async () => {
    const stand = await filled(10, { shim: true });
    const total = madeBy(stand).size;
    const env = { ...NEXT, COFFER_SHIM_FAULT: 'fail:C_Decrypt:0x30:8' };
    const { status, stdout, stderr } = stand.run(['sealwrap', 'rewrap', '-format=json'], { env });
    expect(status, stderr).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      rewrapped: total - 1,
      old: 1,
      failures: [{ name: expect.stringMatching(/^(wrapped|versions)\//) as string, code: 'ckr_device_error' }],
    });
    expect(next(stand, 'sealwrap', 'rewrap')).toMatchObject({ status: 0 });
    expect(counts(stand)).toEqual({ current: total, old: 0, altered: 0 });
    await expectReadable(stand, 10);
  });

  it('stops where the HSM does its work no more', async () => {
    const stand = await filled(40, { shim: true });
    const go = join(stand.dir, 'go');
    const faults = stand.write('faults', `hold:C_Decrypt:15:${go}`);
    const running = stand.start(['sealwrap', 'rewrap'], { env: { ...NEXT, COFFER_SHIM_FAULT: `@${faults}` } });
    const isHeld = (): boolean => existsSync(`${go}.held`);
    while (!isHeld()) await new Promise((resolve) => setTimeout(resolve, 20));
    stand.write('faults', 'fail:C_Decrypt:0x30,fail:C_Verify:0x30,fail:C_Sign:0x30');
    stand.write('go', '');
    const { status, stdout, stderr } = await running.outcome;
    expect({ status, stdout }, stderr).toEqual({ status: 3, stdout: '' });
    expect(stderr).toMatch(/^error: C_(Sign|Verify|Decrypt) .*CKR_DEVICE_ERROR/m);
    expect(stderr).not.toContain('cannot be opened');
  });

  it('asks the HSM for nothing but the opening of the store to count', async () => {
    const stand = await filled(50, { shim: true });
    const calls = (): string[] =>
      stand.shim?.calls().filter((call) => /^C_(Decrypt|Encrypt|Sign|Verify)(Init)?$/.test(call)) ?? [];
    stand.shim?.clear();
    next(stand, 'sealwrap', 'status');
    const few = calls();
    expect(few.filter((call) => call === 'C_Decrypt')).toHaveLength(1);
    expect(few.filter((call) => call === 'C_Encrypt')).toHaveLength(0);
  });

  it('takes as many sessions as max_parallel says', async () => {
    const stand = await filled(100, { shim: true, seal: 'max_parallel = 4' });
    const total = madeBy(stand).size;
    stand.shim?.clear();
    expect(next(stand, 'sealwrap', 'rewrap')).toMatchObject({ status: 0 });
    expect(stand.shim?.calls().filter((call) => call === 'C_OpenSession')).toHaveLength(1 + 4);
    expect(counts(stand)).toEqual({ current: total, old: 0, altered: 0 });
    await expectReadable(stand, 100);
  });

  it('speaks of a value whose name was altered by its mount', async () => {
    const stand = await filled(1);
    const path = added(stand, () => stand.ok('kv', 'put', 'wrapped/renamed', 'v=w'));
    const moved = `${path.slice(0, path.lastIndexOf('/'))}/${'A'.repeat(40)}`;
    writeRows(stand.path, { [path]: null, [moved]: value(stand, path) });
    const { status, stderr } = next(stand, 'sealwrap', 'rewrap');
    expect(status).toBe(4);
    expect(stderr).toMatch(/^error: a (value|row) of wrapped\/ whose name was altered/);
    await expectReadable(stand, 1);
  });

  it('is a first command after init where auto_unseal is set', () => {
    for (const command of [['sealwrap', 'rewrap'], ['sealwrap', 'status'], ['rotate'], ['key-status']]) {
      const stand = makeStand({ top: 'auto_unseal = true' });
      stands.push(stand);
      stand.ok('init', '-recovery-shares=0', '-recovery-threshold=0');
      expect(stand.run(command), command.join(' ')).toMatchObject({ status: 0 });
      expect(stand.run(['status', '-field=sealed']).stdout).toBe('false');
    }
  });

  it('shows a progress bar on a terminal, and takes it away', async () => {
    const stand = await filled(100);
    const typist = atTerminal(stand, 'coffer sealwrap rewrap > out', NEXT);
    await typist.ends;
    expect(typist.screen()).toMatch(/rewrapping \[-{30}\] 0% 0 of 10\d/);
    expect(typist.screen()).toMatch(/rewrapping \[#{30}\] 100% (10\d) of \1/);
    expect(plain(typist.screen())).toMatch(
      /\rnote: nothing in the store needs previous_key_label "hsm_demo" any more[^%]*$/,
    );
  });

  it('shows none with -format=json', async () => {
    const stand = await filled(3);
    const typist = atTerminal(stand, 'coffer sealwrap rewrap -format=json > out', NEXT);
    expect(await typist.ends).toBe(0);
    expect(typist.screen()).toBe('');
  });
});

describe('operator rotate', () => {
  it('encrypts under the new term, opens the old, and keeps the wraps of the record', async () => {
    const stand = await filled(3);
    const term = (path: string): number => value(stand, path).readUInt32BE(1);
    const old = added(stand, () => stand.ok('kv', 'put', 'plain/old', 'v=o'));
    stand.ok('operator', 'rotate');
    const fresh = added(stand, () => stand.ok('kv', 'put', 'plain/new', 'v=n'));
    expect([term(old), term(fresh)]).toEqual([1, 2]);
    expect(madeBy(stand).get(RECORD)).toEqual(['hsm_demo', 'hsm_hmac_demo']);
    expect(next(stand, 'operator', 'rotate').status).toBe(0);
    expect(madeBy(stand).get(RECORD), 'only rewrap changes the wraps; the HMAC is new with the record').toEqual([
      'hsm_demo',
      'hsm_hmac_next',
    ]);
    expect(stand.ok('kv', 'get', '-field=v', 'plain/old')).toBe('o');
    expect(stand.ok('kv', 'get', '-field=v', 'plain/new')).toBe('n');
    await expectReadable(stand, 3, {});
  });

  it.each(['core/tree', 'tree'])('says that the tree was altered rather than begin a new one: %s', async (path) => {
    const stand = await filled(0);
    const bytes = value(stand, path);
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    writeRows(stand.path, { [path]: bytes });
    const before = readRows(stand.path);
    for (const command of ['rotate', 'key-status']) {
      const { status, stdout, stderr } = stand.run([command, '-format=json']);
      expect({ status, stdout }, stderr).toEqual({ status: 4, stdout: '' });
      expect(JSON.parse(stderr)).toMatchObject({ code: 'tree_altered' });
    }
    expect(readRows(stand.path)).toEqual(before);
  });

  it('says of a store without a tree that the count was altered rather than begin a new one', () => {
    const { stand } = goldenStand('v1');
    stands.push(stand);
    stand.ok('unseal');
    const usage = value(stand, 'core/usage');
    usage[10] = (usage[10] ?? 0) ^ 1;
    writeRows(stand.path, { 'core/usage': usage });
    for (const command of ['rotate', 'key-status'])
      expect(stand.run([command])).toMatchObject({ status: 4, stdout: '' });
    expect(madeBy(stand).size).toBeGreaterThan(0);
    expect(value(stand, 'core/usage')).toEqual(usage);
  });
});

describe('sealwrap rewrap of a store without a tree', () => {
  it('moves everything, and names a value that was altered', () => {
    const { stand, golden } = goldenStand('v1', { seal: BESIDE });
    stands.push(stand);
    stand.ok('unseal');
    const lost = added(stand, () => stand.ok('kv', 'put', 'team/wrapped-one/lost', 'v=plaintext-l'));
    stand.ok('hsm', 'keygen', '-type=aes', '-label=hsm_next');
    stand.ok('hsm', 'keygen', '-type=hmac', '-label=hsm_hmac_next');
    const bytes = value(stand, lost);
    bytes[bytes.length - 60] = (bytes[bytes.length - 60] ?? 0) ^ 1;
    writeRows(stand.path, { [lost]: bytes });
    const total = madeBy(stand).size;
    const { status, stdout, stderr } = next(stand, 'sealwrap', 'rewrap', '-format=json');
    expect(status, stderr).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ rewrapped: total - 1, failed: 1, old: 1 });
    expect(stderr).toContain('team/wrapped-one/lost was tampered with');
    expect(value(stand, lost)).toEqual(bytes);
    stand.ok('kv', 'delete', 'team/wrapped-one/lost');
    const alone = { COFFER_HSM_KEY_LABEL: 'hsm_next', COFFER_HSM_HMAC_KEY_LABEL: 'hsm_hmac_next' };
    stand.write('coffer.hcl', configuration(stand)); // no former keys in it
    for (const { get, data, version } of golden.secrets) {
      const read = stand.run(['kv', 'get', '-format=json', ...get], { env: alone });
      expect(read.status, read.stderr).toBe(0);
      const envelope = JSON.parse(read.stdout) as { data: unknown };
      if (version === null) expect(envelope.data).toEqual(data);
      else expect(envelope.data).toMatchObject({ data, metadata: { version } });
    }
  });
});
