import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeStand, readRows, writeRows, type Outcome, type Stand } from '../support/store.ts';

/*
 * Each of the store's own rows is authentic by itself, whenever it was written. What somebody without a key can do is
 * to put older ones back.
 */

let stand: Stand;
beforeEach(() => {
  stand = makeStand({ top: 'auto_unseal = true' });
  stand.open();
  stand.ok('secrets', 'enable', 'kv');
  stand.ok('kv', 'put', 'kv/a', 'b=c');
});
afterEach(() => stand.remove());

/** The rows of these names as they are now. */
function kept(...names: string[]): Record<string, Uint8Array> {
  const wanted = readRows(stand.path).filter(({ path }) => names.includes(path));
  expect(wanted.map(({ path }) => path)).toEqual([...names].sort());
  return Object.fromEntries(wanted.map(({ path, value }) => [path, value]));
}

function expectDisagreement(outcome: Outcome): void {
  expect(outcome).toMatchObject({ status: 4, stdout: '' });
  expect(outcome.stderr).toMatch(/^error: parts of the store are from different times: .*term \d.*term \d/);
}

describe('rows of the store from different times', () => {
  it.each(['core/record', 'core/usage', 'core/mounts'])('are told apart when %s is older than a rotation', (name) => {
    const older = kept(name);
    stand.ok('operator', 'rotate');
    stand.ok('kv', 'put', 'kv/later', 'b=c');
    writeRows(stand.path, older);
    const before = readRows(stand.path);
    for (const args of [
      ['kv', 'get', 'kv/a'],
      ['kv', 'put', 'kv/a', 'b=d'],
      ['secrets', 'list'],
      ['operator', 'rotate'],
      ['unseal'],
    ])
      expectDisagreement(stand.run(args));
    // As coffer-security(7) says: it does not read the mount table.
    if (name === 'core/mounts') stand.ok('operator', 'key-status');
    else expectDisagreement(stand.run(['operator', 'key-status']));
    expectDisagreement(stand.run(['sealwrap', 'rewrap']));
    expect(stand.run(['diagnose']).status).toBe(4);
    expect(readRows(stand.path)).toEqual(before);
  });

  it('do not make a second term of a number that was used before', () => {
    const older = kept('core/record', 'core/usage', 'core/mounts');
    stand.ok('operator', 'rotate');
    stand.ok('kv', 'put', 'kv/later', 'b=c');
    writeRows(stand.path, older);
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a'), 'an old copy of all three is not told from the truth yet').toBe(
      'c',
    );
    expect(stand.run(['kv', 'get', 'kv/later'])).toMatchObject({ status: 4, stdout: '' });
    expectDisagreement(stand.run(['operator', 'rotate']));
    expect(kept('core/record')).toEqual({ 'core/record': older['core/record'] });
  });

  it('are none after any number of rotations', () => {
    for (let term = 2; term < 5; term++) {
      expect(stand.ok('operator', 'rotate', '-field=term')).toBe(String(term));
      stand.ok('kv', 'put', `kv/${term}`, 'b=c');
    }
    stand.ok('secrets', 'enable', '-path=more', 'kv');
    expect(stand.run(['diagnose']).status).toBe(0);
  });
});

describe("a lease beside the operator's seal", () => {
  it('counts as sealed, and auto_unseal does not change that', () => {
    const lease = kept('core/lease');
    stand.ok('seal');
    writeRows(stand.path, lease);
    for (const args of [
      ['kv', 'get', 'kv/a'],
      ['kv', 'put', 'kv/a', 'b=d'],
      ['secrets', 'list'],
    ]) {
      expect(stand.run(args)).toMatchObject({
        status: 2,
        stdout: '',
        stderr: expect.stringContaining('the store is sealed') as string,
      });
    }
    expect(stand.run(['seal-status', '-field=sealed'])).toMatchObject({ status: 2, stdout: 'true' });
    const { checks } = JSON.parse(stand.run(['diagnose', '-format=json']).stdout) as {
      checks: { name: string; status: string }[];
    };
    expect(checks.filter(({ status }) => status === 'warning').map(({ name }) => name)).toEqual(['lease']);
    expect(stand.ok('seal')).toContain('already');
    stand.ok('unseal');
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
  });
});
