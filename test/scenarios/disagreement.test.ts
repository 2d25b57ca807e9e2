import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goldenStand } from '../support/golden.ts';
import { makeStand, OWN_ROWS, readRows, writeRows, type Outcome, type Stand } from '../support/store.ts';

/*
 * Each of the store's own rows is authentic by itself, whenever it was written. What somebody without a key can do is
 * to put older ones back.
 */

let stand: Stand;
afterEach(() => stand.remove());

/** The rows of these names as they are now. */
function kept(...names: string[]): Record<string, Uint8Array> {
  const wanted = readRows(stand.path).filter(({ path }) => names.includes(path));
  expect(wanted.map(({ path }) => path)).toEqual([...names].sort());
  return Object.fromEntries(wanted.map(({ path, value }) => [path, value]));
}

/** As `kept`, and what else the tree and the store's own part are made of, without what machines write for themselves. */
function keptCore(): Record<string, Uint8Array> {
  const core = readRows(stand.path).filter(
    ({ path }) => !path.startsWith('data/') && path !== OWN_ROWS.lease && path !== OWN_ROWS.sealedByOperator,
  );
  return Object.fromEntries(core.map(({ path, value }) => [path, value]));
}

/** A user of this machine whose memory of the store is gone. */
function forgetful(...args: string[]): Outcome {
  return stand.run(args, { env: { XDG_STATE_HOME: `${stand.dir}/state-${String(states++)}` } });
}
let states = 0;

function code({ stderr }: Outcome): string {
  return (JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { code: string }).code;
}

function expectFault(args: readonly string[], codes: string): void {
  const outcome = stand.run([...args, '-format=json']);
  expect(outcome, args.join(' ')).toMatchObject({ status: 4, stdout: '' });
  expect(code(outcome), args.join(' ')).toBe(codes);
}

describe('rows of the store from different times', () => {
  beforeEach(() => {
    stand = makeStand({ top: 'auto_unseal = true' });
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=c');
  });

  it.each([
    ['core/record', 'row_outdated'],
    ['core/mounts', 'row_outdated'],
    ['core/tree', 'tree_altered'],
    ['tree', 'tree_altered'],
  ])('are told apart when %s is older than a rotation: %s', (name, code) => {
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
      ['sealwrap', 'rewrap'],
    ])
      expectFault(args, code);
    // As coffer-security(7) says: it does not read the mount table.
    if (name === 'core/mounts') stand.ok('operator', 'key-status');
    else expectFault(['operator', 'key-status'], code);
    expect(stand.run(['diagnose']).status).toBe(4);
    expect(stand.run(['operator', 'verify']).status).toBe(4);
    expect(readRows(stand.path)).toEqual(before);
  });

  it('are told apart when both the record and the mount table are older than a rotation', () => {
    const older = kept('core/record', 'core/mounts');
    stand.ok('operator', 'rotate');
    writeRows(stand.path, older);
    for (const args of [['kv', 'get', 'kv/a'], ['operator', 'rotate'], ['unseal']]) expectFault(args, 'row_outdated');
  });

  it('are an older copy of the store when all of it but the values is older', () => {
    const older = keptCore();
    stand.ok('operator', 'rotate');
    writeRows(stand.path, older);
    const before = readRows(stand.path);
    for (const args of [['kv', 'get', 'kv/a'], ['kv', 'put', 'kv/a', 'b=d'], ['operator', 'rotate'], ['unseal']])
      expectFault(args, 'store_rolled_back');
    expect(readRows(stand.path)).toEqual(before);
  });

  it('do not let what was written since be read or overwritten, although nobody remembers it', () => {
    const older = keptCore();
    stand.ok('operator', 'rotate');
    stand.ok('kv', 'put', 'kv/later', 'b=c');
    writeRows(stand.path, older);
    const before = readRows(stand.path);
    expect(forgetful('kv', 'get', '-field=b', 'kv/a'), 'what was true then is consistent').toMatchObject({
      status: 0,
      stdout: 'c',
    });
    for (const args of [
      ['kv', 'get', 'kv/later'],
      ['kv', 'list', 'kv'],
      ['kv', 'put', 'kv/later', 'b=d'],
    ])
      expect(forgetful(...args), args.join(' ')).toMatchObject({ status: 4, stdout: '' });
    expect(forgetful('operator', 'verify').status).toBe(4);
    expect(readRows(stand.path)).toEqual(before);
  });

  it('are none after any number of rotations', () => {
    for (let term = 2; term < 5; term++) {
      expect(stand.ok('operator', 'rotate', '-field=term')).toBe(String(term));
      stand.ok('kv', 'put', `kv/${term}`, 'b=c');
    }
    stand.ok('secrets', 'enable', '-path=more', 'kv');
    expect(stand.run(['diagnose']).status).toBe(0);
    expect(stand.run(['operator', 'verify']).status).toBe(0);
  });
});

describe('rows from different times of a store without a tree', () => {
  beforeEach(() => {
    ({ stand } = goldenStand('v1', { top: 'auto_unseal = true' }));
    stand.ok('unseal');
  });

  function expectDisagreement(outcome: Outcome): void {
    expect(outcome).toMatchObject({ status: 4, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^(note: .*\n)?error: parts of the store are from different times: .*term \d.*term \d/,
    );
  }

  it.each(['core/record', 'core/usage', 'core/mounts'])('are told apart when %s is older than a rotation', (name) => {
    const older = kept(name);
    stand.ok('operator', 'rotate');
    stand.ok('kv', 'put', 'one/later', 'b=c');
    writeRows(stand.path, older);
    const before = readRows(stand.path);
    for (const args of [
      ['kv', 'get', 'one/app'],
      ['kv', 'put', 'one/app', 'b=d'],
      ['secrets', 'list'],
      ['operator', 'rotate'],
      ['operator', 'upgrade'],
      ['unseal'],
    ])
      expectDisagreement(stand.run(args));
    // As coffer-security(7) says: it does not read the mount table.
    if (name === 'core/mounts') stand.ok('operator', 'key-status');
    else expectDisagreement(stand.run(['operator', 'key-status']));
    expectDisagreement(stand.run(['sealwrap', 'rewrap']));
    expect(stand.run(['diagnose']).status).toBe(4);
    expect(stand.run(['operator', 'verify']).status).toBe(4);
    expect(readRows(stand.path)).toEqual(before);
  });

  it('do not make a second term of a number that was used before', () => {
    const older = kept('core/record', 'core/usage', 'core/mounts');
    stand.ok('operator', 'rotate');
    stand.ok('kv', 'put', 'one/later', 'b=c');
    writeRows(stand.path, older);
    expect(
      stand.ok('kv', 'get', '-field=user', 'one/app'),
      'without a tree an old copy of all three is not told from the truth',
    ).toBe('ada');
    expect(stand.run(['kv', 'get', 'one/later'])).toMatchObject({ status: 4, stdout: '' });
    expectDisagreement(stand.run(['operator', 'rotate']));
    expectDisagreement(stand.run(['operator', 'upgrade']));
    expect(kept('core/record')).toEqual({ 'core/record': older['core/record'] });
  });
});

describe("a lease beside the operator's seal", () => {
  it.each([
    ['a new store', OWN_ROWS.lease],
    ['a store without a tree', 'core/lease'],
  ])('counts as sealed, and auto_unseal does not change that: in %s', (_, row) => {
    if (row === 'core/lease') ({ stand } = goldenStand('v1', { top: 'auto_unseal = true' }));
    else stand = makeStand({ top: 'auto_unseal = true' });
    if (row !== 'core/lease') stand.ok('init', '-recovery-shares=0', '-recovery-threshold=0');
    stand.ok('unseal');
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=c');
    const lease = kept(row);
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
    const warnings = checks.filter(({ status }) => status === 'warning').map(({ name }) => name);
    const ofOldStores = ['tree', 'seal wrap'];
    expect(warnings.filter((name) => !ofOldStores.includes(name))).toEqual(['lease']);
    expect(stand.ok('seal')).toContain('already');
    stand.ok('unseal');
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
  });
});
