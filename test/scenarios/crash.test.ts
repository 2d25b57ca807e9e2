import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseJson, stringifyJson } from '../../src/json.ts';
import { withMounts } from '../../src/core/index.ts';
import {
  contextOf,
  inDatabase,
  makeStand,
  openDatabase,
  ownToken,
  readRows,
  type Outcome,
  type Stand,
} from '../support/store.ts';
import { destroyKeys } from '../support/softhsm.ts';
import { hold } from '../support/hold.ts';

const campaign = process.env['COFFER_CAMPAIGN'] === '1';

describe('a command that is killed', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', '-path=secret', '-version=2', '-seal-wrap', 'kv');
  });
  afterAll(() => stand.remove());

  /** The newest version and its value, read whole; 0 before there is one. */
  async function newest(): Promise<{ version: number; value: string }> {
    return withMounts(await contextOf(stand), 'read', async (mounts) => {
      const answer = await mounts.request({ operation: 'read', path: 'secret/data/app', data: {} });
      if (answer === null) return { version: 0, value: '' };
      const { data, metadata } = JSON.parse(stringifyJson(answer.data)) as {
        data: { v: string };
        metadata: { version: number };
      };
      return { version: metadata.version, value: data.v };
    });
  }

  it('leaves the old state or the new one, whenever SIGKILL comes', { timeout: 600_000 }, async () => {
    let before = await newest();
    const seen = { old: 0, new: 0 };
    const rounds = campaign ? 1000 : 40;
    const started = Date.now();
    stand.ok('kv', 'put', 'secret/unhindered', 'v=w');
    const usual = Date.now() - started;
    for (let round = 0; round < rounds; round++) {
      const value = String.fromCharCode(97 + (round % 26)).repeat(200_000);
      const running = stand.start(['kv', 'put', 'secret/app', '-'], {
        input: `{"v":"${value}"}`,
        env: ownToken(stand, 'victim'),
      });
      const patience = (round / rounds) * 1.6 * usual;
      const timer = round === rounds - 1 ? undefined : setTimeout(() => running.kill('SIGKILL'), patience);
      const { status } = await running.outcome;
      clearTimeout(timer);
      const after = await newest();
      if (after.version === before.version) {
        expect(after.value === before.value, `round ${round}`).toBe(true);
        expect(status, 'it said that it had written').not.toBe(0);
        seen.old++;
      } else {
        expect(after.version).toBe(before.version + 1);
        expect(after.value === value, `round ${round}`).toBe(true);
        seen.new++;
      }
      before = after;
    }
    expect(seen.old, 'kills that came before the commit').toBeGreaterThan(0);
    expect(seen.new, 'kills that came too late').toBeGreaterThan(0);
    expect(inDatabase(stand.path, (database) => database.prepare('PRAGMA integrity_check').pluck().get())).toBe('ok');
  });

  it('leaves every row as it was when the HSM fails half way', () => {
    const faulty = makeStand({ shim: true });
    try {
      faulty.open();
      faulty.ok('secrets', 'enable', '-path=secret', '-version=2', '-seal-wrap', 'kv');
      faulty.ok('kv', 'put', 'secret/app', 'v=before');
      const before = readRows(faulty.path);
      // The data of the new version is written by then, its metadata are not.
      for (const fault of ['fail:C_Encrypt:0x30:2', 'fail:C_Sign:0x30:2']) {
        expect(faulty.run(['kv', 'put', 'secret/app', 'v=after'], { env: { COFFER_SHIM_FAULT: fault } })).toMatchObject(
          { status: 3, stdout: '' },
        );
        expect(readRows(faulty.path)).toEqual(before);
      }
    } finally {
      faulty.remove();
    }
  });

  it('leaves nothing that the next init minds', async () => {
    const fresh = makeStand({ shim: true });
    try {
      // With the keys in the HSM from the start, so that each copy of the token has the same.
      fresh.run(['init'], { env: { COFFER_STORAGE_PATH: join(fresh.dir, 'other', 'coffer.db') } });
      for (const call of [
        'C_Initialize:1',
        'C_Login:1',
        'C_GenerateRandom:1',
        'C_Encrypt:1',
        'C_Sign:1',
        'C_Decrypt:2',
        'C_Finalize:1',
      ]) {
        const victim = await hold(fresh, ['init', '-recovery-shares=0', '-recovery-threshold=0'], [call], {
          env: ownToken(fresh, 'victim'),
        });
        expect(victim.isOver, call).toBe(false);
        victim.kill('SIGKILL');
        await victim.outcome;
      }
      const last = fresh.run(['init', '-recovery-shares=0', '-recovery-threshold=0']);
      expect([0, 2], last.stderr).toContain(last.status);
      fresh.ok('unseal');
      fresh.ok('secrets', 'list');
    } finally {
      fresh.remove();
    }
  });
});

describe('a disk that is full', () => {
  const stand = makeStand();
  afterAll(() => stand.remove());

  it('keeps what was there, and says so', async () => {
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=old');
    stand.write('large', 'x'.repeat(40_000));
    // A limit on the size of files is the nearest to it that needs no file system of its own.
    const { status, stderr } = await stand.shell('ulimit -f 16; exec coffer kv put kv/a b=@large');
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('hint: is the disk full?') as unknown,
    });
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('old');
  });
});

describe('commands at the same time', () => {
  let stand: Stand;
  let tokens: readonly { readonly SOFTHSM2_CONF: string }[];
  beforeAll(() => {
    stand = makeStand();
    stand.run(['init'], { env: { COFFER_STORAGE_PATH: join(stand.dir, 'other', 'coffer.db') } }); // makes the keys
    tokens = Array.from({ length: 8 }, (_, n) => ownToken(stand, String(n)));
  });
  afterEach(() => {
    expect(inDatabase(stand.path, (database) => database.prepare('PRAGMA integrity_check').pluck().get())).toBe('ok');
  });
  afterAll(() => stand.remove());

  /** Starts `count` commands at once, each with a token of its own. */
  function together(count: number, command: (n: number) => readonly string[]): Promise<Outcome[]> {
    const attempts = Array.from({ length: count }, (_, n) => stand.start(command(n), { env: { ...tokens[n] } }));
    return Promise.all(attempts.map(({ outcome }) => outcome));
  }

  function expectStatuses(outcomes: readonly Outcome[], expected: readonly number[]): void {
    const said = outcomes.map(({ stderr }) => stderr).join('');
    expect(outcomes.map(({ status }) => status).sort(), said).toEqual(expected);
  }

  it('init: exactly one wins, the others say that it is done', async () => {
    const outcomes = await together(6, () => ['init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json']);
    expectStatuses(outcomes, [0, 2, 2, 2, 2, 2]);
    for (const { status, stdout, stderr } of outcomes) {
      if (status === 0) expect(JSON.parse(stdout)).toMatchObject({ recovery_keys_shares: 1 });
      else
        expect({ stdout, code: (JSON.parse(stderr) as { code: string }).code }).toEqual({
          stdout: '',
          code: 'already_initialized',
        });
    }
    stand.ok('unseal');
    stand.ok('secrets', 'enable', '-path=plain', 'kv');
    stand.ok('secrets', 'enable', '-path=versions', '-version=2', 'kv');
  });

  it('kv put to eight paths: all are there', async () => {
    expectStatuses(await together(8, (n) => ['kv', 'put', `plain/s${n}`, `n=${n}`]), [0, 0, 0, 0, 0, 0, 0, 0]);
    expect(JSON.parse(stand.ok('kv', 'list', '-format=json', 'plain'))).toEqual([
      's0',
      's1',
      's2',
      's3',
      's4',
      's5',
      's6',
      's7',
    ]);
    for (let n = 0; n < 8; n++) expect(stand.ok('kv', 'get', '-field=n', `plain/s${n}`)).toBe(String(n));
  });

  it('kv put to one path of version 2: every write has a version of its own', async () => {
    const outcomes = await together(8, (n) => ['kv', 'put', '-format=json', 'versions/app', `n=${n}`]);
    expectStatuses(outcomes, [0, 0, 0, 0, 0, 0, 0, 0]);
    const told = outcomes.map(({ stdout }) => (JSON.parse(stdout) as { data: { version: number } }).data.version);
    expect([...told].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [n, version] of told.entries())
      expect(stand.ok('kv', 'get', '-field=n', `-version=${version}`, 'versions/app')).toBe(String(n));
  });

  it('kv put -cas=0 to one path: exactly one wins', async () => {
    expectStatuses(await together(6, (n) => ['kv', 'put', '-cas=0', 'versions/once', `n=${n}`]), [0, 2, 2, 2, 2, 2]);
  });

  it('secrets enable at one path: exactly one wins; at several: all are there', async () => {
    expectStatuses(await together(4, () => ['secrets', 'enable', '-path=same', 'kv']), [0, 2, 2, 2]);
    expectStatuses(await together(4, (n) => ['secrets', 'enable', `-path=m${n}`, 'kv']), [0, 0, 0, 0]);
    const mounts = parseJson(stand.ok('secrets', 'list', '-format=json'));
    expect(Object.keys(mounts as object)).toEqual(['m0/', 'm1/', 'm2/', 'm3/', 'plain/', 'same/', 'versions/']);
  });

  it('a seal in between leaves every write whole or refused', async () => {
    const outcomes = await together(8, (n) => (n === 4 ? ['seal'] : ['kv', 'put', `plain/sealed${n}`, 'v=w']));
    for (const { status, stderr } of outcomes) expect([0, 2], stderr).toContain(status);
    expect(stand.run(['status', '-field=sealed'])).toMatchObject({ status: 2, stdout: 'true' });
    stand.ok('unseal');
    for (const [n, { status }] of outcomes.entries()) {
      if (n !== 4) expect(stand.run(['kv', 'get', `plain/sealed${n}`]).status).toBe(status);
    }
  });

  it('readers do not wait for a writer, and see the state before it', async () => {
    const writer = openDatabase(stand.path);
    try {
      writer.exec("BEGIN IMMEDIATE; DELETE FROM entries WHERE path LIKE 'data/%'");
      const { status, stdout } = await stand.start(['kv', 'get', '-field=n', 'plain/s0']).outcome;
      expect({ status, stdout }).toEqual({ status: 0, stdout: '0' });
    } finally {
      writer.exec('ROLLBACK');
      writer.close();
    }
  });

  it('with one token, too: never two stores, and never two keys of a label', async () => {
    const shared = makeStand();
    try {
      const attempts = Array.from({ length: 4 }, () =>
        shared.start(['init', '-recovery-shares=0', '-recovery-threshold=0']),
      );
      const outcomes = await Promise.all(attempts.map(({ outcome }) => outcome));
      // One may not find the token while another logs in: see `ownToken`.
      for (const { status, stderr } of outcomes) expect([0, 2, 3], stderr).toContain(status);
      expect(outcomes.filter(({ status }) => status === 0).length).toBeLessThanOrEqual(1);
      shared.run(['init', '-recovery-shares=0', '-recovery-threshold=0']);
      shared.ok('unseal');
      expect(destroyKeys(shared.hsm, 'hsm_demo')).toBe(1);
      expect(destroyKeys(shared.hsm, 'hsm_hmac_demo')).toBe(1);
    } finally {
      shared.remove();
    }
  });
});
