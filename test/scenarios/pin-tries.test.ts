import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { pinMemory } from '../../src/core/pin-memory.ts';
import { setUserPin } from '../support/softhsm.ts';
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
  'transit import': ['transit/keys/imported', Buffer.alloc(32).toString('base64')],
  'transit import-version': ['transit/keys/imported', Buffer.alloc(32).toString('base64')],
  'secrets move': ['kv', 'moved'],
  'secrets tune': ['-description=x', 'kv'],
  'kv put': ['kv/app', 'a=c'],
  'kv get': ['kv/app'],
  'kv patch': ['kv2/app', 'a=c'],
  'kv list': ['kv/'],
  'kv scan': ['kv/'],
  'kv delete': ['kv/app'],
  'kv undelete': ['-versions=1', 'kv2/app'],
  'kv destroy': ['-versions=1', 'kv2/app'],
  'kv rollback': ['-version=1', 'kv2/app'],
  'kv metadata get': ['kv2/app'],
  'kv metadata put': ['-max-versions=3', 'kv2/app'],
  'kv metadata patch': ['-max-versions=3', 'kv2/app'],
  'kv metadata delete': ['kv2/app'],
  'kv enable-versioning': ['kv'],
  'kv export': ['-'],
  'kv import': ['-path=kv/app', '-input-type=yaml', '-'],
  run: ['-env', 'A=kv/app#a', '--', 'true'],
  inject: ['template'],
  read: ['kv/app'],
  write: ['kv/app', 'a=c'],
  patch: ['kv2/metadata/app', 'max_versions=3'],
  list: ['kv/'],
  scan: ['kv/'],
  delete: ['kv/app'],
  'path-help': ['kv/app'],
  'operator diagnose': [],
  'operator upgrade': [],
  'operator verify': [],
  'hsm keys': [],
  'hsm keygen': [],
  'hsm test': [],
};

/** `init` and `setup` log in too, where there is no store yet: see below and setup.test.ts. */
const OTHERS = ['init', 'setup', 'seal', 'seal-status', 'hsm slots', 'hsm mechanisms', 'hsm init-token', 'version'];

const commandLines = Object.entries(LOGS_IN).map(([words, args]) => ({ words, args: [...words.split(' '), ...args] }));

/** What a kept store would have shown: nothing of it is changed by a login that fails. */
function contents(stand: Stand): string {
  return (
    stand.ok('unseal') +
    stand.ok('secrets', 'list', '-format=json') +
    stand.ok('kv', 'get', 'kv/app') +
    stand.ok('kv', 'get', 'kv2/app')
  );
}

describe('a token that counts wrong PINs', () => {
  const stand = makeStand({ shim: true });
  let before = '';
  beforeAll(() => {
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('secrets', 'enable', '-path=kv2', '-version=2', 'kv');
    for (const mount of ['kv', 'kv2']) stand.ok('kv', 'put', `${mount}/app`, 'a=b');
    stand.write('template', 'coffer://kv/app#a');
    before = contents(stand);
  });
  afterAll(() => stand.remove());

  const WRONG = { COFFER_HSM_PIN: 'pin-9999' };
  const state = join(stand.env['XDG_STATE_HOME'] ?? '', 'coffer');
  const token = {
    slot: 0n,
    flags: 0,
    pinBytes: null,
    label: stand.hsm.label,
    serial: stand.hsm.serial,
    model: 'SoftHSM v2',
    manufacturer: 'SoftHSM project',
  };
  const memory = pinMemory(state);

  /** Runs a command; what it did, and how often C_Login was called. */
  function tried(args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome & { logins: number } {
    stand.shim?.clear();
    const outcome = stand.run(args, { env });
    return { ...outcome, logins: stand.shim?.calls().filter((name) => name === 'C_Login').length ?? -1 };
  }

  /** Runs a command with a wrong PIN that is not the one in about a thousand which looks like the right one then. */
  function refused(args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome & { logins: number } {
    for (;;) {
      const outcome = tried(args, { ...WRONG, ...env });
      if (memory.recall(token, 'user')?.includes(stand.hsm.pin) !== true) return outcome;
      memory.forget(token, 'user');
    }
  }

  it('is known to every command', () => {
    const known = [...Object.keys(LOGS_IN), ...OTHERS].sort();
    expect(COMMANDS.map(({ words }) => words.join(' ')).sort()).toEqual(known);
  });

  it('leaves nothing of it behind as long as no PIN is wrong', () => {
    expect(readdirSync(state), 'how far stores have come').toEqual(['seen']);
  });

  it.each(commandLines)('gets a wrong PIN once from: coffer $words', ({ args }) => {
    const wrong = refused(args);
    expect(wrong).toMatchObject({ status: 3, logins: 1 });
    expect(wrong.stdout + wrong.stderr).not.toContain('pin-9999');
    expect(wrong.stdout + wrong.stderr).toContain('CKR_PIN_INCORRECT');
    const again = tried(args, WRONG);
    expect(again).toMatchObject({ status: 3, logins: 0 });
    expect(again.stdout + again.stderr).toContain('token "demo" refused this PIN before; nothing was tried');
    expect(again.stdout + again.stderr).toContain('coffer hsm test -retry-pin');
    expect(again.stdout + again.stderr).not.toContain('pin-9999');
    // SoftHSM has set CKF_USER_PIN_COUNT_LOW now; the right PIN is another one, and works.
    const right = tried(['secrets', 'list']);
    expect(right).toMatchObject({ status: 0, logins: 1 });
    expect(right.stderr).toBe('note: token "demo" refused another PIN before; this one is tried once\n');
    expect(tried(['secrets', 'list'])).toMatchObject({ status: 0, logins: 1, stderr: '' });
    expect(contents(stand)).toBe(before);
  });

  it('gets a PIN that it refused from no command at all, not even with -force', () => {
    expect(refused(['unseal'])).toMatchObject({ status: 3, logins: 1 });
    const lines = [
      ...commandLines.map(({ args }) => args),
      ['unseal', '-force'],
      ['hsm', 'test', '-force'],
      ['operator', 'diagnose', '-force'],
    ];
    for (const args of lines) expect({ args, ...tried(args, WRONG) }).toMatchObject({ args, status: 3, logins: 0 });
    const nowhere = { ...WRONG, COFFER_STORAGE_PATH: `${stand.dir}/other.db` };
    expect(tried(['init'], nowhere)).toMatchObject({ status: 3, logins: 0 });
    expect(tried(['init', '-force'], nowhere)).toMatchObject({ status: 3, logins: 0 });
    stand.ok('secrets', 'list');
  });

  it('loses one try to three commands with a wrong PIN, and the right one then works', () => {
    const counted = [refused(['kv', 'get', 'kv/app']), tried(['kv', 'get', 'kv/app'], WRONG), tried(['unseal'], WRONG)];
    expect(counted.map(({ logins }) => logins)).toEqual([1, 0, 0]);
    expect(tried(['kv', 'get', '-field=a', 'kv/app'])).toMatchObject({ status: 0, logins: 1, stdout: 'b' });
    // After a login the token counts anew, and so does coffer.
    expect(refused(['kv', 'get', 'kv/app'])).toMatchObject({ status: 3, logins: 1 });
    stand.ok('secrets', 'list');
  });

  it('loses one try to a PIN at the very first init, whose hint names a command that works there', () => {
    const env = { COFFER_STORAGE_PATH: `${stand.dir}/first.db` };
    expect(refused(['init'], env)).toMatchObject({ status: 3, logins: 1 });
    const again = tried(['init'], { ...env, ...WRONG });
    expect(again).toMatchObject({ status: 3, logins: 0 });
    expect(again.stderr).toContain('send it once with: coffer hsm test -retry-pin');
    expect(tried(['hsm', 'test', '-retry-pin'], env)).toMatchObject({ status: 0, logins: 1 });
    expect(tried(['secrets', 'list'])).toMatchObject({ status: 0, logins: 1, stderr: '' });
  });

  it('gets each of several wrong PINs once', () => {
    refused(['unseal']);
    for (const pin of ['pin-1', 'pin-2']) {
      // One of them may look like the one before.
      if (memory.recall(token, 'user')?.includes(pin) === true) continue;
      expect(tried(['unseal'], { COFFER_HSM_PIN: pin })).toMatchObject({ status: 3, logins: 1 });
      for (const sent of [pin, WRONG.COFFER_HSM_PIN])
        expect(tried(['kv', 'get', 'kv/app'], { COFFER_HSM_PIN: sent })).toMatchObject({ status: 3, logins: 0 });
    }
    stand.ok('hsm', 'test', '-retry-pin');
  });

  it('gets a refused PIN once more with hsm test -retry-pin, and only there', () => {
    refused(['unseal']);
    expect(tried(['hsm', 'test', '-retry-pin'], WRONG)).toMatchObject({ status: 3, logins: 1 });
    expect(tried(['hsm', 'test'], WRONG)).toMatchObject({ status: 3, logins: 0 });
    // Somebody sets the token's PIN to just that one.
    setUserPin(stand.hsm, WRONG.COFFER_HSM_PIN);
    expect(tried(['kv', 'get', 'kv/app'], WRONG)).toMatchObject({ status: 3, logins: 0 });
    expect(tried(['hsm', 'test', '-retry-pin'], WRONG)).toMatchObject({ status: 0, logins: 1 });
    expect(tried(['kv', 'get', 'kv/app'], WRONG)).toMatchObject({ status: 0, logins: 1, stderr: '' });
    setUserPin(stand.hsm, stand.hsm.pin);
    stand.ok('unseal');
  });

  it('that never speaks of wrong PINs loses no more', () => {
    const silent = { COFFER_SHIM_FAULT: 'pin-flags-silent' };
    expect(refused(['unseal'], silent)).toMatchObject({ status: 3, logins: 1 });
    expect(tried(['unseal'], { ...silent, ...WRONG })).toMatchObject({ status: 3, logins: 0 });
    expect(tried(['unseal'], silent)).toMatchObject({ status: 0, logins: 1 });
    expect(tried(['unseal'], silent)).toMatchObject({ status: 0, logins: 1, stderr: '' });
  });

  it('that saw a wrong PIN from somebody else gets ours, with a note', () => {
    const seen = { COFFER_SHIM_FAULT: 'pin-count-low' };
    const outcome = tried(['secrets', 'list'], seen);
    expect(outcome).toMatchObject({ status: 0, logins: 1 });
    expect(outcome.stderr).toContain(
      'note: token "demo" has seen a wrong PIN since the last login; the PIN is tried once\n',
    );
  });

  it.each(['0x30', '0x5', '0x6', '0x32', '0xa4', '0x80000001'])(
    'says nothing of the PIN with %s from C_Login, and gets it again',
    (rv) => {
      expect(tried(['secrets', 'list'], { COFFER_SHIM_FAULT: `fail:C_Login:${rv}` })).toMatchObject({
        status: 3,
        logins: 1,
      });
      expect(tried(['secrets', 'list'])).toMatchObject({ status: 0, logins: 1, stderr: '' });
    },
  );

  it.each(['0xa0', '0xa1', '0xa2'])('is not asked again after %s from C_Login', (rv) => {
    expect(tried(['secrets', 'list'], { COFFER_SHIM_FAULT: `fail:C_Login:${rv}` })).toMatchObject({
      status: 3,
      logins: 1,
    });
    expect(tried(['secrets', 'list'])).toMatchObject({ status: 3, logins: 0 });
    expect(tried(['hsm', 'test', '-retry-pin'])).toMatchObject({ status: 0, logins: 1 });
  });

  it.each(commandLines)('is not tried at all one wrong PIN before it locks: coffer $words', ({ args }) => {
    expect(tried(args, { COFFER_SHIM_FAULT: 'pin-final-try' })).toMatchObject({ status: 3, logins: 0 });
  });

  it('is as careful where there is no store yet', () => {
    const env = { COFFER_STORAGE_PATH: `${stand.dir}/other.db`, COFFER_SHIM_FAULT: 'pin-final-try' };
    const outcome = tried(['init'], env);
    expect(outcome).toMatchObject({ status: 3, logins: 0 });
    expect(outcome.stderr).toContain('log in once with: coffer hsm test -force');
    expect(tried(['hsm', 'test', '-force'], env)).toMatchObject({ status: 0, logins: 1 });
  });

  describe('where nothing can be remembered', () => {
    // A folder below a file is what not even root can make.
    const nowhere = { XDG_STATE_HOME: `${stand.dir}/coffer.hcl/state` };

    it('says so, and sends no PIN after a wrong one that the token tells of, until told to', () => {
      const wrong = tried(['unseal'], { ...WRONG, ...nowhere });
      expect(wrong).toMatchObject({ status: 3, logins: 1 });
      expect(wrong.stderr).toMatch(
        /^note: cannot remember that this PIN is wrong, so that the next command may spend another try on it: \/.*: not a directory$/m,
      );
      for (const env of [nowhere, { ...nowhere, ...WRONG }]) {
        const outcome = tried(['unseal'], env);
        expect(outcome).toMatchObject({ status: 3, logins: 0 });
        expect(outcome.stderr).toContain('has seen a wrong PIN since the last login; nothing was tried');
        expect(outcome.stderr).toContain('coffer hsm test -force');
      }
      expect(tried(['hsm', 'test', '-force'], nowhere)).toMatchObject({ status: 0, logins: 1 });
      expect(tried(['unseal'], nowhere)).toMatchObject({ status: 0, logins: 1 });
    });
  });
});

describe("the security officer's PIN", () => {
  const stand = makeStand({ shim: true });
  afterAll(() => stand.remove());
  const line = ['hsm', 'init-token', '-force', `-slot=${stand.hsm.slot}`, '-label=new'];
  const count = (name: string): number => stand.shim?.calls().filter((call) => call === name).length ?? -1;

  function initialised(
    soPin: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Outcome & { tries: number } {
    stand.shim?.clear();
    const outcome = stand.run([...line, ...args], {
      env: { COFFER_HSM_SO_PIN: soPin, COFFER_HSM_PIN: '4321', ...env },
    });
    return { ...outcome, tries: count('C_InitToken') };
  }

  it('that the token refused is not sent again, until told to', () => {
    expect(initialised('so-pin-wrong')).toMatchObject({ status: 3, tries: 1 });
    const again = initialised('so-pin-wrong');
    expect(again).toMatchObject({ status: 3, tries: 0 });
    expect(again.stderr).toContain('token "demo" refused this security officer\'s PIN before; nothing was tried');
    expect(again.stderr).toContain('-retry-pin');
    expect(again.stderr).not.toContain('so-pin-wrong');
    expect(initialised('so-pin-wrong', ['-retry-pin'])).toMatchObject({ status: 3, tries: 1 });
    expect(initialised('so-pin-wrong')).toMatchObject({ status: 3, tries: 0 });
  });

  it.each([
    ['so-pin-final-try', 'one more wrong try locks'],
    ['so-pin-locked', 'is locked'],
  ])('is not sent where the token says %s', (fault, message) => {
    const outcome = initialised(stand.hsm.soPin, ['-retry-pin'], { COFFER_SHIM_FAULT: fault });
    expect(outcome).toMatchObject({ status: 3, tries: 0 });
    expect(outcome.stderr).toContain(message);
  });

  it('that is right initialises the token, and what was remembered of the old one is forgotten', () => {
    expect(stand.run(['hsm', 'keys'], { env: { COFFER_HSM_PIN: '9999' } }).status).toBe(3);
    expect(readdirSync(join(stand.env['XDG_STATE_HOME'] ?? '', 'coffer', 'refused-pins'))).toHaveLength(2);
    expect(initialised(stand.hsm.soPin, ['-retry-pin'])).toMatchObject({ status: 0, tries: 1 });
    expect(readdirSync(join(stand.env['XDG_STATE_HOME'] ?? '', 'coffer', 'refused-pins'))).toEqual([]);
  });
});
