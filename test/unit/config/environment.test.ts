import { describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/index.ts';
import { makeHome, sealWith } from './home.ts';

async function overridden(env: Record<string, string>, ...lines: string[]): Promise<Config['seal']> {
  const home = makeHome();
  return (await home.load(home.write('c.hcl', sealWith(...lines)), env)).seal;
}

describe('the environment', () => {
  it('overrides every key of the file that has a variable', async () => {
    const seal = await overridden(
      {
        COFFER_HSM_LIB: '/lib/other.so',
        COFFER_HSM_TOKEN_LABEL: 'other',
        COFFER_HSM_SERIAL: '99',
        COFFER_HSM_PIN: '0042',
        COFFER_HSM_KEY_LABEL: 'k2',
        COFFER_HSM_KEY_ID: '0x01',
        COFFER_HSM_HMAC_KEY_LABEL: 'h2',
        COFFER_HSM_HMAC_KEY_ID: '02',
        COFFER_HSM_MECHANISM: 'CKM_AES_CBC_PAD',
        COFFER_HSM_HMAC_MECHANISM: '593',
        COFFER_HSM_GENERATE_KEY: 'true',
        COFFER_HSM_FORCE_RW_SESSION: '1',
        COFFER_HSM_RSA_ENCRYPT_LOCAL: 'false',
      },
      'generate_key = false',
    );
    expect(seal).toEqual({
      type: 'pkcs11',
      name: 'pkcs11',
      lib: '/lib/other.so',
      token: { slot: null, label: 'other', serial: '99' },
      pin: { kind: 'literal', value: '0042' },
      key: { label: 'k2', id: Uint8Array.of(1) },
      hmacKey: { label: 'h2', id: Uint8Array.of(2) },
      mechanism: 0x1085,
      hmacMechanism: 0x251,
      generateKey: true,
      forceRwSession: true,
    });
  });

  it('is read under the names of Vault where those of coffer are not set', async () => {
    expect((await overridden({ VAULT_HSM_KEY_LABEL: 'v' })).key.label).toBe('v');
    expect((await overridden({ VAULT_HSM_KEY_LABEL: 'v', COFFER_HSM_KEY_LABEL: 'c' })).key.label).toBe('c');
    expect((await overridden({ VAULT_HSM_KEY_LABEL: 'v', COFFER_HSM_KEY_LABEL: '' })).key.label).toBe('v');
    expect((await overridden({ VAULT_HSM_KEY_LABEL: '' })).key.label).toBe('k');
  });

  it('drops the token_label of the file for a slot, and the slot for a token_label, but keeps a serial', async () => {
    const lines = ['slot = 1', 'token_label = "a"', 'serial = "s"'];
    expect((await overridden({ COFFER_HSM_SLOT: '2' }, ...lines)).token).toEqual({ slot: 2, label: null, serial: 's' });
    expect((await overridden({ VAULT_HSM_TOKEN_LABEL: 'b' }, ...lines)).token).toEqual({ slot: null, label: 'b', serial: 's' });
    expect((await overridden({ COFFER_HSM_SERIAL: 't' }, ...lines)).token).toEqual({ slot: 1, label: 'a', serial: 't' });
    expect((await overridden({ COFFER_HSM_SLOT: '2', COFFER_HSM_TOKEN_LABEL: 'b' }, ...lines)).token).toEqual({
      slot: 2,
      label: 'b',
      serial: 's',
    });
  });

  it('makes up for what the stanza lacks', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', 'seal "pkcs11" {}\n');
    const env = { COFFER_HSM_LIB: '/x', COFFER_HSM_SLOT: '0', VAULT_HSM_KEY_ID: 'ff' };
    expect((await home.load(file, env)).seal).toMatchObject({ lib: '/x', token: { slot: 0 }, key: { id: Uint8Array.of(255) } });
  });

  it('needs no seal stanza in the file when COFFER_SEAL_TYPE or VAULT_SEAL_TYPE is pkcs11', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', 'storage "sqlite" { path = "/x" }\n');
    const env = { COFFER_HSM_LIB: '/x', COFFER_HSM_SLOT: '0', COFFER_HSM_KEY_LABEL: 'k' };
    expect(await home.failure(file, env)).toMatchObject({ code: 'config_missing' });
    for (const name of ['COFFER_SEAL_TYPE', 'VAULT_SEAL_TYPE']) {
      expect(await home.load(file, { ...env, [name]: 'pkcs11' })).toMatchObject({ file, storage: { path: '/x' } });
    }
  });

  it.each([
    ['COFFER_HSM_LIB', 'x.so', 'config_value', 'must be an absolute path'],
    ['VAULT_HSM_SLOT', 'hunter2', 'config_type', 'must be a non-negative number'],
    ['COFFER_HSM_KEY_ID', 'hunter2', 'config_value', 'must be hexadecimal, two digits a byte'],
    ['COFFER_HSM_MECHANISM', 'CKM_HUNTER2', 'config_value', 'is not the name of a mechanism that coffer knows'],
    ['VAULT_HSM_MECHANISM', '0x1', 'unsupported', ': this mechanism is not supported by this version of coffer'],
    ['COFFER_HSM_GENERATE_KEY', 'hunter2', 'config_type', 'must be true or false'],
    ['COFFER_HSM_RSA_OAEP_HASH', 'sha1', 'unsupported', 'is not supported by this version of coffer'],
    ['VAULT_HSM_RSA_ENCRYPT_LOCAL', 'true', 'unsupported', 'is not supported by this version of coffer'],
  ])('is named in an error about %s', async (name, value, code, message) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', sealWith()), { [name]: value });
    expect(error.message).toBe(`environment variable ${name}${message.startsWith(':') ? '' : ' '}${message}`);
    expect(error.code).toBe(code);
    expect(error.message.toLowerCase()).not.toContain('hunter2');
  });

  it.each(['COFFER_HSM_DEFAULT_KEY_LABEL', 'VAULT_HSM_HMAC_DEFAULT_KEY_LABEL', 'COFFER_HSM_MAX_PARALLEL'])(
    'is noted where %s has no effect',
    async (name) => {
      const home = makeHome();
      const { notes } = await home.load(home.write('c.hcl', sealWith()), { [name]: '1' });
      expect(notes).toEqual([expect.stringContaining(`environment variable ${name} has no effect: `)]);
    },
  );
});
