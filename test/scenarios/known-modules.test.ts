import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStand, type Outcome, type Stand } from '../support/store.ts';

/** A module that is known by the name of its file. */
describe('a module called yubihsm_pkcs11.so', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true, pin: '0001password' });
    stand.open();
    symlinkSync(stand.lib, join(stand.dir, 'yubihsm_pkcs11.so'));
  });
  afterAll(() => stand.remove());

  function run(env: Readonly<Record<string, string>>): Outcome {
    stand.shim?.clear();
    return stand.run(['rotate', '-format=json'], {
      env: { COFFER_HSM_LIB: join(stand.dir, 'yubihsm_pkcs11.so'), ...env },
    });
  }

  it('gets a PIN of its form', () => {
    expect(run({})).toMatchObject({ status: 0 });
  });

  it('gets one whose password has as many bytes as it wants, and fewer characters', () => {
    const asked = run({ ...stand.anotherUser, COFFER_HSM_PIN: '0001äöüß' });
    expect(asked).toMatchObject({ status: 3, stdout: '' });
    expect(asked.stderr).toMatch(/"code":"pin_incorrect"/);
    expect(stand.shim?.calls()).toContain('C_Login');
  });

  it.each([
    'wrong-one',
    '1wrong-one',
    '0001wrong-1',
    'g001wrong-one',
    `0001${'p'.repeat(65)}`,
    `0001${'ä'.repeat(33)}`,
  ])('is not asked with another: %s', (pin) => {
    const refused = run({ COFFER_HSM_PIN: pin });
    expect(refused).toMatchObject({ status: 3, stdout: '' });
    expect(refused.stderr).toMatch(/"code":"pin_malformed"/);
    expect(refused.stderr).toContain('4 hexadecimal digits');
    expect(refused.stderr).not.toContain(pin);
    expect(stand.shim?.calls()).not.toContain('C_Login');
    expect(run({})).toMatchObject({ status: 0 });
  });

  it('says how it is configured where C_Initialize refuses its arguments', () => {
    const refused = run({ COFFER_SHIM_FAULT: 'fail:C_Initialize:0x7' });
    expect(refused.status).toBe(3);
    expect(refused.stderr).toContain('YUBIHSM_PKCS11_CONF');
    expect(refused.stderr).toContain('config-file=');
    expect(refused.stderr).not.toContain('NSS');
  });

  it('has keys made with its own tool where init is to make none', () => {
    const env = {
      COFFER_HSM_LIB: join(stand.dir, 'yubihsm_pkcs11.so'),
      COFFER_STORAGE_PATH: join(stand.dir, 'other.db'),
    };
    const wanted = { COFFER_HSM_KEY_LABEL: 'one', COFFER_HSM_HMAC_KEY_LABEL: 'two', COFFER_HSM_GENERATE_KEY: 'false' };
    const refused = stand.run(['init'], { env: { ...env, ...wanted } });
    expect(refused.status).toBe(3);
    expect(refused.stderr).toMatch(/^ {2}yubihsm-shell -a generate-symmetric-key .* -l one$/m);
    expect(refused.stderr).toMatch(/^ {2}yubihsm-shell -a generate-hmac-key .* -l two$/m);
    expect(refused.stderr).not.toContain('pkcs11-tool');
  });

  it('is not asked for a data object, after which it would not return', () => {
    const refused = run({ COFFER_HSM_ANCHOR: 'write' });
    expect(refused.status).toBe(3);
    expect(refused.stderr).toContain('"code":"anchor_refused"');
    expect(stand.shim?.calls()).not.toContain('C_CreateObject');
  });

  it('names the account where C_Login does not know it', () => {
    const refused = run({ COFFER_SHIM_FAULT: 'fail:C_Login:0x82' });
    expect(refused.status).toBe(3);
    expect(refused.stderr).toContain('the account that the PIN names');
  });
});

describe('a module whose file is known by another name', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    // What is linked to has the name.
    copyFileSync(stand.lib, join(stand.dir, 'yubihsm_pkcs11.so.2.7.0'));
    symlinkSync('yubihsm_pkcs11.so.2.7.0', join(stand.dir, 'hsm.so'));
    symlinkSync('hsm.so', join(stand.dir, 'module.so'));
    symlinkSync(stand.lib, join(stand.dir, 'libyubihsm_pkcs11.so'));
  });
  afterAll(() => stand.remove());

  it.each(['yubihsm_pkcs11.so.2.7.0', 'hsm.so', 'module.so', 'libyubihsm_pkcs11.so'])('is known: %s', (name) => {
    const run = (faults: string): Outcome =>
      stand.run(['rotate', '-format=json'], {
        env: { COFFER_HSM_LIB: join(stand.dir, name), COFFER_SHIM_FAULT: faults },
      });
    expect(run('').stderr).toMatch(/"code":"pin_malformed"/);
    expect(run('fail:C_Initialize:0x7').stderr).toContain('YUBIHSM_PKCS11_CONF');
  });
});

describe('a module of another name', () => {
  it('takes any PIN, and is not told of another vendor alone', () => {
    const stand = makeStand({ shim: true });
    try {
      stand.open();
      const refused = stand.run(['rotate'], { env: { COFFER_SHIM_FAULT: 'fail:C_Initialize:0x7' } });
      expect(refused.status).toBe(3);
      expect(refused.stderr).toContain('library_parameters');
      expect(refused.stderr).not.toContain('YUBIHSM');
    } finally {
      stand.remove();
    }
  });
});
