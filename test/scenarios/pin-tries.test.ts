import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { makeStand, type Outcome, type Stand } from '../support/store.ts';

/** How each command that logs in is run here; the store has kv and kv2 mounts with a secret `app`. */
const LOGS_IN: Readonly<Record<string, readonly string[]>> = {
  unseal: [],
  rotate: [],
  'key-status': [],
  'sealwrap status': [],
  'sealwrap rewrap': [],
  'secrets enable': ['-path=new', 'kv'],
  'secrets disable': ['-force', 'kv'],
  'secrets list': [],
  'secrets move': ['kv', 'moved'],
  'secrets tune': ['-description=x', 'kv'],
  'kv put': ['kv/app', 'a=c'],
  'kv get': ['kv/app'],
  'kv patch': ['kv2/app', 'a=c'],
  'kv list': ['kv/'],
  'kv delete': ['kv/app'],
  'kv undelete': ['-versions=1', 'kv2/app'],
  'kv destroy': ['-versions=1', 'kv2/app'],
  'kv rollback': ['-version=1', 'kv2/app'],
  'kv metadata get': ['kv2/app'],
  'kv metadata put': ['-max-versions=3', 'kv2/app'],
  'kv metadata patch': ['-max-versions=3', 'kv2/app'],
  'kv metadata delete': ['kv2/app'],
  'kv enable-versioning': ['kv'],
  read: ['kv/app'],
  write: ['kv/app', 'a=c'],
  list: ['kv/'],
  delete: ['kv/app'],
  'path-help': ['kv/app'],
  'operator diagnose': [],
  'hsm keys': [],
  'hsm keygen': [],
  'hsm test': [],
};

/** `init` and `setup` log in too, where there is no store yet: see below and setup.test.ts. */
const OTHERS = ['init', 'setup', 'seal', 'seal-status', 'hsm slots', 'hsm mechanisms', 'hsm init-token', 'version'];

const commandLines = Object.entries(LOGS_IN).map(([words, args]) => ({ words, args: [...words.split(' '), ...args] }));

/** What a kept store would have shown: nothing of it is changed by a login that fails. */
function contents(stand: Stand): string {
  return stand.ok('unseal', '-force') + stand.ok('secrets', 'list', '-format=json') + stand.ok('kv', 'get', 'kv/app') + stand.ok('kv', 'get', 'kv2/app');
}

describe('a token that counts wrong PINs', () => {
  const stand = makeStand({ shim: true });
  let before = '';
  beforeAll(() => {
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('secrets', 'enable', '-path=kv2', '-version=2', 'kv');
    for (const mount of ['kv', 'kv2']) stand.ok('kv', 'put', `${mount}/app`, 'a=b');
    before = contents(stand);
  });
  afterAll(() => stand.remove());

  /** Runs a command; what it did, and how often C_Login was called. */
  function tried(args: readonly string[], env: Record<string, string>): Outcome & { logins: number } {
    stand.shim?.clear();
    const outcome = stand.run(args, { env });
    return { ...outcome, logins: stand.shim?.calls().filter((name) => name === 'C_Login').length ?? -1 };
  }

  it('is known to every command', () => {
    const known = [...Object.keys(LOGS_IN), ...OTHERS].sort();
    expect(COMMANDS.map(({ words }) => words.join(' ')).sort()).toEqual(known);
  });

  it.each(commandLines)('gets a wrong PIN once from: coffer $words', ({ args }) => {
    const wrong = tried(args, { COFFER_HSM_PIN: 'pin-9999' });
    expect(wrong).toMatchObject({ status: 3, logins: 1 });
    expect(wrong.stdout + wrong.stderr).not.toContain('pin-9999');
    expect(wrong.stdout + wrong.stderr).toMatch(/PIN/);
    // SoftHSM has set CKF_USER_PIN_COUNT_LOW now, so that not even the right one is sent.
    expect(tried(args, {})).toMatchObject({ status: 3, logins: 0 });
    expect(contents(stand)).toBe(before);
  });

  it.each(commandLines)('is not tried at all one wrong PIN before it locks: coffer $words', ({ args }) => {
    expect(tried(args, { COFFER_SHIM_FAULT: 'pin-final-try' })).toMatchObject({ status: 3, logins: 0 });
  });

  it('is as careful where there is no store yet', () => {
    const env = { COFFER_STORAGE_PATH: `${stand.dir}/other.db`, COFFER_SHIM_FAULT: 'pin-final-try' };
    expect(tried(['init'], env)).toMatchObject({ status: 3, logins: 0 });
  });
});
