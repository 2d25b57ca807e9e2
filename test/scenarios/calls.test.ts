import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hold } from '../support/hold.ts';
import { makeStand, type Stand } from '../support/store.ts';
import type { Shim } from '../support/shim.ts';

describe('what a command asks of the HSM', () => {
  let stand: Stand;
  let shim: Shim;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    if (stand.shim === null) throw new Error('no shim');
    shim = stand.shim;
  });
  afterAll(() => stand.remove());

  const count = (name: string): number => shim.calls().filter((call) => call === name).length;

  /** The calls that one command makes, by function. */
  function counts(...args: string[]): Record<string, number> {
    shim.clear();
    stand.ok(...args);
    const calls = shim.calls();
    return Object.fromEntries([...new Set(calls)].map((name) => [name, calls.filter((call) => call === name).length]));
  }

  it('init draws random bytes, makes two keys, and tries them', () => {
    const made = counts('init', '-recovery-shares=1', '-recovery-threshold=1');
    // The module starts anew once the keys are made, to see whether another process made some.
    // Each key does its job once where it was made, and once more for the record.
    expect(made).toMatchObject({
      C_Login: 2,
      C_GenerateKey: 2,
      C_Encrypt: 2,
      C_Decrypt: 3,
      C_Sign: 2,
      C_Verify: 2,
      C_Initialize: 2,
      C_Finalize: 2,
    });
    expect(made['C_GenerateRandom']).toBeGreaterThanOrEqual(5); // the start-up test, recovery key, root key, term, path key
  });

  it('unseal makes one login, one decryption and one HMAC check', () => {
    expect(counts('unseal')).toMatchObject({ C_Login: 1, C_Decrypt: 1, C_Verify: 1, C_Finalize: 1 });
  });

  it('a read makes one of each, and two on a seal-wrapped mount', () => {
    stand.ok('secrets', 'enable', '-path=plain', 'kv');
    stand.ok('secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'plain/a', 'v=w');
    stand.ok('kv', 'put', 'wrapped/a', 'v=w');
    const plain = counts('kv', 'get', 'plain/a');
    expect(plain).toMatchObject({ C_Login: 1, C_DecryptInit: 1, C_Decrypt: 1, C_VerifyInit: 1, C_Verify: 1 });
    const wrapped = counts('kv', 'get', 'wrapped/a');
    expect(wrapped).toMatchObject({ C_Login: 1, C_DecryptInit: 2, C_Decrypt: 2, C_VerifyInit: 2, C_Verify: 2 });
    for (const calls of [plain, wrapped]) {
      const allowed = [
        'C_Initialize',
        'C_GetSlotList',
        'C_GetTokenInfo',
        'C_OpenSession',
        'C_Login',
        'C_FindObjectsInit',
        'C_FindObjects',
        'C_FindObjectsFinal',
        'C_DecryptInit',
        'C_Decrypt',
        'C_VerifyInit',
        'C_Verify',
        'C_Finalize',
      ];
      expect(Object.keys(calls).filter((name) => !allowed.includes(name))).toEqual([]);
      expect(calls['C_FindObjectsInit']).toBe(2);
    }
  });

  it.each(['', 'input-limit:64', 'input-limit:64,limit-says-buffer'])(
    'a value of 1 MB costs the calls of a short one, whatever the module takes at once: %s',
    (fault) => {
      const env = { COFFER_SHIM_FAULT: fault };
      stand.write('large', 'x'.repeat(2 ** 20));
      const callsOf = (...args: string[]): readonly string[] => {
        shim.clear();
        expect(stand.run(args, { env }).status).toBe(0);
        return shim.calls();
      };
      expect(callsOf('kv', 'put', 'wrapped/large', 'v=@large')).toEqual(callsOf('kv', 'put', 'wrapped/a', 'v=w'));
      expect(callsOf('kv', 'get', 'wrapped/large')).toEqual(callsOf('kv', 'get', 'wrapped/a'));
      stand.ok('kv', 'delete', 'wrapped/large');
    },
  );

  it('a write encrypts and signs once on a seal-wrapped mount, and not at all on another', () => {
    expect(counts('kv', 'put', 'wrapped/a', 'v=w')).toMatchObject({
      C_Login: 1,
      C_Decrypt: 1,
      C_Verify: 1,
      C_Encrypt: 1,
      C_Sign: 1,
    });
    const plain = counts('kv', 'put', 'plain/a', 'v=w');
    expect(plain).toMatchObject({ C_Login: 1, C_Decrypt: 1, C_Verify: 1 });
    expect(Object.keys(plain)).not.toContain('C_Encrypt');
    expect(Object.keys(plain)).not.toContain('C_GenerateRandom');
  });

  it('what needs no HSM does not touch it', () => {
    for (const args of [['status'], ['init', '-status'], ['version'], ['kv', 'get', '-h']])
      expect(counts(...args)).toEqual({});
    expect(counts('seal')).toEqual({});
    expect(counts('seal')).toEqual({});
    stand.ok('unseal');
  });

  it('bad input is refused before the HSM is asked', () => {
    shim.clear();
    for (const args of [
      ['kv', 'put', 'plain/a'],
      ['kv', 'put', 'plain/a', 'x'],
      ['kv', 'put', 'plain/a', '@none.json'],
      ['unseal', '-ttl=x'],
      ['init', '-recovery-shares=300'],
      ['frobnicate'],
    ]) {
      expect(stand.run(args)).toMatchObject({ status: 1, stdout: '' });
    }
    expect(shim.calls()).toEqual([]);
  });

  describe('C_Finalize is the last call', () => {
    afterEach(() => shim.clear());

    const faults = [
      'C_OpenSession',
      'C_Login',
      'C_FindObjectsInit',
      'C_FindObjects',
      'C_VerifyInit',
      'C_Verify',
      'C_DecryptInit',
      'C_Decrypt',
      'C_EncryptInit',
      'C_Encrypt',
      'C_SignInit',
      'C_Sign',
      'C_GetTokenInfo',
    ];
    for (const name of faults) {
      it(`when ${name} fails`, () => {
        shim.clear();
        // C_Verify with CKR_DEVICE_ERROR would be made up for by C_Sign.
        const outcome = stand.run(['kv', 'put', 'wrapped/a', 'v=x'], {
          env: { COFFER_SHIM_FAULT: `fail:${name}:0x32` },
        });
        expect(outcome).toMatchObject({ status: 3, stdout: '' });
        expect(outcome.stderr).toMatch(
          name === 'C_GetTokenInfo'
            ? /CKR_DEVICE_REMOVED/
            : new RegExp(`^error: ${name}.*CKR_DEVICE_REMOVED.*\nhint: `),
        );
        expect(shim.calls().at(-1)).toBe('C_Finalize');
        expect(count('C_Finalize')).toBe(1);
      });
    }

    it('when the store says no', () => {
      shim.clear();
      expect(stand.run(['kv', 'get', 'plain/none'])).toMatchObject({ status: 2 });
      expect(shim.calls().at(-1)).toBe('C_Finalize');
    });

    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      it(`when the command is ended by ${signal}`, async () => {
        shim.clear();
        const held = await hold(stand, ['kv', 'get', 'wrapped/a'], ['C_Verify:1']);
        held.kill(signal);
        const { status, signal: died, stdout } = await held.end();
        expect({ status, died, stdout }).toEqual({ status: null, died: signal, stdout: '' });
        expect(shim.calls().at(-1)).toBe('C_Finalize');
      });
    }
  });

  it('a wrong PIN is sent once', () => {
    shim.clear();
    const outcome = stand.run(['kv', 'get', 'plain/a'], { env: { ...stand.anotherUser, COFFER_HSM_PIN: '99999999' } });
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toContain('CKR_PIN_INCORRECT');
    expect(outcome.stderr).not.toContain('99999999');
    expect(count('C_Login')).toBe(1);
  });

  it('no PIN stands in what COFFER_DEBUG=1 prints', () => {
    const outcome = stand.run(['unseal'], {
      env: { ...stand.anotherUser, COFFER_HSM_PIN: '88888888', COFFER_DEBUG: '1' },
    });
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toMatch(/CKR_PIN_INCORRECT[^]*\n {4}at /);
    expect(outcome.stderr).not.toContain('88888888');
  });
});
