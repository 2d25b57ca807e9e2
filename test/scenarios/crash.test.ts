import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseJson, stringifyJson } from '../../src/json.ts';
import { withStore } from '../../src/core/index.ts';
import { contextOf, inDatabase, makeStand, type Stand } from '../support/store.ts';
import { destroyKeys } from '../support/softhsm.ts';

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
    return withStore(await contextOf(stand), 'read', async (store) => {
      const answer = await store.request({ operation: 'read', path: 'secret/data/app', data: {} });
      if (answer === null) return { version: 0, value: '' };
      const { data, metadata } = JSON.parse(stringifyJson(answer.data)) as { data: { v: string }; metadata: { version: number } };
      return { version: metadata.version, value: data.v };
    });
  }

  it('leaves the old state or the new one, whenever SIGKILL comes', { timeout: 600_000 }, async () => {
    let before = await newest();
    const seen = { old: 0, new: 0 };
    const rounds = campaign ? 1000 : 40;
    for (let round = 0; round < rounds; round++) {
      const value = String.fromCharCode(97 + (round % 26)).repeat(200_000);
      const running = stand.start(['kv', 'put', 'secret/app', '-'], { input: `{"v":"${value}"}` });
      const patience = (round / rounds) * 130;
      const timer = setTimeout(() => running.kill('SIGKILL'), patience);
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
    expect(inDatabase(stand.path, (database) => database.pragma('integrity_check', { simple: true }))).toBe('ok');
  });

  it('leaves nothing that the next init minds', async () => {
    const fresh = makeStand();
    try {
      for (const patience of [40, 60, 80, 100, 120]) {
        const running = fresh.start(['init', '-recovery-shares=0', '-recovery-threshold=0']);
        const timer = setTimeout(() => running.kill('SIGKILL'), patience);
        await running.outcome;
        clearTimeout(timer);
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

describe('commands at the same time', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
  });
  afterEach(() => {
    expect(inDatabase(stand.path, (database) => database.pragma('integrity_check', { simple: true }))).toBe('ok');
  });
  afterAll(() => stand.remove());

  it('init: exactly one wins, the others say that it is done', async () => {
    const attempts = Array.from({ length: 6 }, () => stand.start(['init', '-recovery-shares=1', '-recovery-threshold=1', '-format=json']));
    const outcomes = await Promise.all(attempts.map(({ outcome }) => outcome));
    expect(outcomes.map(({ status }) => status).sort(), outcomes.map(({ stderr }) => stderr).join('')).toEqual([0, 2, 2, 2, 2, 2]);
    for (const { status, stdout, stderr } of outcomes) {
      if (status === 0) expect(JSON.parse(stdout)).toMatchObject({ recovery_keys_shares: 1 });
      else expect({ stdout, code: (JSON.parse(stderr) as { code: string }).code }).toEqual({ stdout: '', code: 'already_initialized' });
    }
    stand.ok('unseal');
    stand.ok('secrets', 'enable', '-path=plain', 'kv');
    stand.ok('secrets', 'enable', '-path=versions', '-version=2', 'kv');
  });

  it('kv put to eight paths: all are there', async () => {
    const attempts = Array.from({ length: 8 }, (_, n) => stand.start(['kv', 'put', `plain/s${n}`, `n=${n}`]));
    for (const { outcome } of attempts) expect(await outcome).toMatchObject({ status: 0 });
    expect(JSON.parse(stand.ok('kv', 'list', '-format=json', 'plain'))).toEqual(['s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7']);
    for (let n = 0; n < 8; n++) expect(stand.ok('kv', 'get', '-field=n', `plain/s${n}`)).toBe(String(n));
  });

  it('kv put to one path of version 2: every write has a version of its own', async () => {
    const attempts = Array.from({ length: 8 }, (_, n) => stand.start(['kv', 'put', '-format=json', 'versions/app', `n=${n}`]));
    const outcomes = await Promise.all(attempts.map(({ outcome }) => outcome));
    expect(outcomes.map(({ status }) => status), outcomes.map(({ stderr }) => stderr).join('')).toEqual(Array<number>(8).fill(0));
    const told = outcomes.map(({ stdout }) => (JSON.parse(stdout) as { data: { version: number } }).data.version);
    expect([...told].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [n, version] of told.entries()) expect(stand.ok('kv', 'get', '-field=n', `-version=${version}`, 'versions/app')).toBe(String(n));
  });

  it('kv put -cas=0 to one path: exactly one wins', async () => {
    const attempts = Array.from({ length: 6 }, (_, n) => stand.start(['kv', 'put', '-cas=0', '-format=json', 'versions/once', `n=${n}`]));
    const outcomes = await Promise.all(attempts.map(({ outcome }) => outcome));
    expect(outcomes.map(({ status }) => status).sort()).toEqual([0, 2, 2, 2, 2, 2]);
  });

  it('secrets enable at one path: exactly one wins; at several: all are there', async () => {
    const same = Array.from({ length: 4 }, () => stand.start(['secrets', 'enable', '-path=same', 'kv']));
    const different = Array.from({ length: 4 }, (_, n) => stand.start(['secrets', 'enable', `-path=m${n}`, 'kv']));
    const statuses = async (attempts: typeof same): Promise<(number | null)[]> => (await Promise.all(attempts.map(({ outcome }) => outcome))).map(({ status }) => status);
    expect((await statuses(same)).sort()).toEqual([0, 2, 2, 2]);
    expect(await statuses(different)).toEqual([0, 0, 0, 0]);
    const mounts = parseJson(stand.ok('secrets', 'list', '-format=json'));
    expect(Object.keys(mounts as object)).toEqual(['m0/', 'm1/', 'm2/', 'm3/', 'plain/', 'same/', 'versions/']);
  });

  it('readers do not wait for a writer, and see the state before it', async () => {
    await inDatabase(stand.path, async (writer) => {
      writer.exec('BEGIN IMMEDIATE');
      const { status, stdout } = await stand.start(['kv', 'get', '-field=n', 'plain/s0']).outcome;
      writer.exec('ROLLBACK');
      expect({ status, stdout }).toEqual({ status: 0, stdout: '0' });
    });
  });

  it('the HSM got one key of each label', () => {
    expect(destroyKeys(stand.hsm, 'hsm_demo')).toBe(1);
    expect(destroyKeys(stand.hsm, 'hsm_hmac_demo')).toBe(1);
  });
});
