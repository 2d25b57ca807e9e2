import { describe, expect, it } from 'vitest';
import { pkcs11Keys } from '../../../src/config/keys.ts';
import { overrides, variable, type Config } from '../../../src/config/index.ts';
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
        COFFER_HSM_PREVIOUS_KEY_LABEL: 'p2',
        COFFER_HSM_PREVIOUS_HMAC_KEY_ID: '0x05',
        COFFER_HSM_DEFAULT_KEY_LABEL: 'd2',
        COFFER_HSM_HMAC_DEFAULT_KEY_LABEL: 'dh2',
        COFFER_HSM_MAX_PARALLEL: '7',
        COFFER_HSM_ANCHOR: 'write',
        COFFER_HSM_TIMEOUT: '7s',
        COFFER_HSM_LIBRARY_PARAMETERS: 'configdir=/x',
        COFFER_HSM_NAME: 'west',
        COFFER_HSM_DISABLED: 'false',
      },
      ...[
        'generate_key = false',
        'rsa_encrypt_local = true',
        'max_parallel = 2',
        'anchor = "unseal"',
        'timeout = "2s"',
        'library_parameters = "a"',
        'name = "n"',
      ],
      ...['previous_key_label = "p"', 'previous_hmac_key_id = "04"'],
      ...['default_key_label = "d"', 'default_hmac_key_label = "dh"', 'disabled = true'],
    );
    expect(seal).toEqual({
      type: 'pkcs11',
      name: 'west',
      lib: '/lib/other.so',
      libraryParameters: 'configdir=/x',
      token: { slot: null, label: 'other', serial: '99', manufacturer: null, model: null },
      pin: { kind: 'literal', value: '0042', origin: 'environment variable COFFER_HSM_PIN', file: null },
      key: { label: 'k2', id: Uint8Array.of(1), class: null },
      hmacKey: { label: 'h2', id: Uint8Array.of(2) },
      mechanism: 0x1085,
      hmacMechanism: 0x251,
      generateKey: true,
      forceRwSession: true,
      previousKeys: [{ label: 'p2', id: null }],
      previousHmacKeys: [{ label: null, id: Uint8Array.of(5) }],
      defaultKeyLabel: 'd2',
      defaultHmacKeyLabel: 'dh2',
      rsaOaepHash: null,
      rsaEncryptLocal: false,
      maxParallel: 7,
      anchor: 'write',
      timeout: 7000,
    });
  });

  it('is read under the names of Vault where those of coffer are not set', async () => {
    expect((await overridden({ VAULT_HSM_KEY_LABEL: 'v' })).key.label).toBe('v');
    expect((await overridden({ VAULT_HSM_KEY_LABEL: 'v', COFFER_HSM_KEY_LABEL: 'c' })).key.label).toBe('c');
    expect((await overridden({ VAULT_HSM_KEY_LABEL: 'v', COFFER_HSM_KEY_LABEL: '' })).key.label).toBe('v');
    expect((await overridden({ VAULT_HSM_KEY_LABEL: '' })).key.label).toBe('k');
  });

  it("drops the file's choice of a token for its own", async () => {
    const lines = ['slot = 1', 'token_label = "a"', 'serial = "s"', 'uri = "pkcs11:manufacturer=m;model=n"'];
    const nothing = { slot: null, label: null, serial: null, manufacturer: null, model: null };
    const file = { slot: 1n, label: 'a', serial: 's', manufacturer: 'm', model: 'n' };
    const cases = [
      [{ COFFER_HSM_KEY_LABEL: 'x' }, file],
      [{ COFFER_HSM_SLOT: '2' }, { ...nothing, slot: 2n }],
      [{ VAULT_HSM_TOKEN_LABEL: 'b' }, { ...nothing, label: 'b' }],
      [{ COFFER_HSM_SERIAL: 't' }, { ...nothing, serial: 't' }],
      [{ COFFER_HSM_URI: 'pkcs11:model=o' }, { ...nothing, model: 'o' }],
      [
        { COFFER_HSM_SLOT: '0x2', COFFER_HSM_TOKEN_LABEL: 'b' },
        { ...nothing, slot: 2n, label: 'b' },
      ],
    ] as const;
    for (const [env, token] of cases) expect((await overridden(env, ...lines)).token).toEqual(token);
  });

  it("drops the file's other name of a key for its own", async () => {
    const lines = ['key_label = "k"', 'key_id = "01"', 'hmac_key_label = "h"', 'hmac_key_id = "02"'];
    const key = { label: 'k', id: Uint8Array.of(1), class: null };
    const hmacKey = { label: 'h', id: Uint8Array.of(2) };
    const cases = [
      [{ COFFER_HSM_SLOT: '2' }, { key, hmacKey }],
      [{ COFFER_HSM_KEY_LABEL: 'x' }, { key: { ...key, label: 'x', id: null }, hmacKey }],
      [{ COFFER_HSM_KEY_ID: '03' }, { key: { ...key, label: null, id: Uint8Array.of(3) }, hmacKey }],
      [{ VAULT_HSM_HMAC_KEY_LABEL: 'x' }, { key, hmacKey: { label: 'x', id: null } }],
      [{ COFFER_HSM_HMAC_KEY_ID: '03' }, { key, hmacKey: { label: null, id: Uint8Array.of(3) } }],
      [
        { COFFER_HSM_KEY_ID: '03', COFFER_HSM_KEY_LABEL: 'x' },
        { key: { ...key, label: 'x', id: Uint8Array.of(3) }, hmacKey },
      ],
    ] as const;
    for (const [env, keys] of cases) {
      const seal = await overridden(env, ...lines);
      expect({ key: seal.key, hmacKey: seal.hmacKey }).toEqual(keys);
    }
  });

  it('makes up for what the stanza lacks', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', 'seal "pkcs11" {}\n');
    const env = { COFFER_HSM_LIB: '/x', COFFER_HSM_SLOT: '0', VAULT_HSM_KEY_ID: 'ff' };
    expect((await home.load(file, env)).seal).toMatchObject({
      lib: '/x',
      token: { slot: 0n },
      key: { id: Uint8Array.of(255) },
    });
  });

  it('needs no seal stanza in the file when COFFER_SEAL_TYPE or VAULT_SEAL_TYPE is pkcs11', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', 'storage "sqlite" { path = "/x" }\n');
    const env = { COFFER_HSM_LIB: '/x', COFFER_HSM_SLOT: '0', COFFER_HSM_KEY_LABEL: 'k' };
    expect(await home.failure(file, env)).toMatchObject({ code: 'config_missing' });
    for (const name of ['COFFER_SEAL_TYPE', 'VAULT_SEAL_TYPE']) {
      expect(await home.load(file, { ...env, [name]: 'pkcs11' })).toMatchObject({
        files: [file],
        storage: { path: '/x' },
      });
    }
  });

  it.each([
    ['COFFER_HSM_LIB', 'x.so', 'config_value', 'must be an absolute path'],
    ['VAULT_HSM_SLOT', 'hunter2', 'config_type', 'must be a non-negative number'],
    ['COFFER_HSM_KEY_ID', 'hunter2', 'config_value', 'must be hexadecimal, two digits a byte'],
    ['COFFER_HSM_MECHANISM', 'CKM_HUNTER2', 'config_value', 'is not the name of a mechanism that coffer knows'],
    ['VAULT_HSM_MECHANISM', '0x2', 'unsupported', ': coffer does not use this mechanism'],
    ['COFFER_HSM_GENERATE_KEY', 'hunter2', 'config_type', 'must be true or false'],
    ['COFFER_HSM_RSA_OAEP_HASH', 'hunter2', 'config_value', 'is not the name of a hash that coffer knows'],
    ['VAULT_HSM_RSA_ENCRYPT_LOCAL', 'hunter2', 'config_type', 'must be true or false'],
    ['COFFER_HSM_MAX_PARALLEL', '0', 'config_value', 'must be from 1 to 64'],
    ['COFFER_HSM_ANCHOR', 'hunter2', 'config_value', 'is none of write, unseal, off'],
    ['VAULT_HSM_URI', 'hunter2', 'config_value', 'does not begin with "pkcs11:"'],
    [
      'COFFER_HSM_URI',
      'pkcs11:token=a b',
      'config_value',
      ': token holds a character that may not stand there as it is',
    ],
    ['COFFER_HSM_DISABLED', 'true', 'seal_disabled', 'is true, and there is no other seal'],
  ])('is named in an error about %s', async (name, value, code, message) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', sealWith()), { [name]: value });
    expect(error.message).toBe(`environment variable ${name}${message.startsWith(':') ? '' : ' '}${message}`);
    expect(error.code).toBe(code);
    expect(error.message.toLowerCase()).not.toContain('hunter2');
  });

  it('is noted where COFFER_HSM_PRIORITY has no effect', async () => {
    const home = makeHome();
    const { notes } = await home.load(home.write('c.hcl', sealWith()), { COFFER_HSM_PRIORITY: '1' });
    expect(notes).toEqual(['environment variable COFFER_HSM_PRIORITY has no effect: there is a single seal']);
  });
});

describe('the table of variables', () => {
  it("gives coffer's before Vault's, and an empty one for none", () => {
    expect(variable({ COFFER_HSM_LIB: '/c', VAULT_HSM_LIB: '/v' }, 'lib')).toBe('/c');
    expect(variable({ COFFER_HSM_LIB: '', VAULT_HSM_LIB: '/v' }, 'lib')).toBe('/v');
    expect(variable({ COFFER_HSM_LIB: '' }, 'lib')).toBeNull();
    expect(variable({ VAULT_CONFIG: '/v', VAULT_HSM_PIN: '1' }, 'config')).toBeNull();
    expect(variable({ VAULT_HSM_PIN: '1', VAULT_HSM_SO_PIN: '1' }, 'new_pin')).toBeNull();
  });

  it('names what goes before a file, but for PINs and what is read nowhere', () => {
    const set = ['VAULT_HSM_HMAC_DEFAULT_KEY_LABEL', 'COFFER_STORAGE_PATH', 'VAULT_SEAL_TYPE', 'COFFER_HSM_URI'];
    const others = [
      'COFFER_HSM_PIN',
      'VAULT_HSM_PIN',
      'COFFER_HSM_SO_PIN',
      'COFFER_CONFIG',
      'COFFER_HSM_LOG',
      'HSM_LIB',
      'VAULT_STORAGE_PATH',
    ];
    const env = Object.fromEntries([...set, ...others].map((name) => [name, 'x']));
    expect(overrides({ ...env, COFFER_HSM_LIB: '' })).toEqual(set);
  });
});

const alone = {
  COFFER_SEAL_TYPE: 'pkcs11',
  COFFER_HSM_LIB: '/x',
  COFFER_HSM_TOKEN_LABEL: 't',
  COFFER_HSM_KEY_LABEL: 'k',
};

describe('a configuration by the environment alone', () => {
  const rest = {
    pin: null,
    hmacKey: null,
    libraryParameters: null,
    previousKeys: [],
    previousHmacKeys: [],
    defaultKeyLabel: null,
    defaultHmacKeyLabel: null,
    mechanism: null,
    hmacMechanism: null,
    rsaOaepHash: null,
    rsaEncryptLocal: false,
    maxParallel: 1,
    generateKey: false,
    forceRwSession: false,
    anchor: 'off',
    timeout: null,
    type: 'pkcs11',
    name: 'pkcs11',
    lib: '/x',
    token: { slot: null, label: 't', serial: null, manufacturer: null, model: null },
    key: { label: 'k', id: null, class: null },
  } as const;

  /** For each parameter the variable, a value, and what it makes of the seal. */
  const cases: readonly (readonly [Record<string, string>, Partial<Config['seal']>])[] = [
    [{}, {}],
    [{ LIB: '/y' }, { lib: '/y' }],
    [{ LIBRARY_PARAMETERS: "configdir='sql:/d'" }, { libraryParameters: "configdir='sql:/d'" }],
    [{ SLOT: '18446744073709551615' }, { token: { ...rest.token, slot: 2n ** 64n - 1n } }],
    [{ TOKEN_LABEL: 'u' }, { token: { ...rest.token, label: 'u' } }],
    [{ SERIAL: 's' }, { token: { ...rest.token, serial: 's' } }],
    [
      { URI: 'pkcs11:model=m?pin-source=/p' },
      { token: { ...rest.token, model: 'm' }, pin: { kind: 'file', path: '/p' } },
    ],
    [
      { PIN: 'file:/p' },
      {
        pin: {
          kind: 'literal',
          value: 'file:/p',
          origin: expect.stringMatching(/^environment variable \w+_HSM_PIN$/) as string,
          file: null,
        },
      },
    ],
    [{ KEY_LABEL: 'l' }, { key: { ...rest.key, label: 'l' } }],
    [{ KEY_ID: '0x01' }, { key: { ...rest.key, id: Uint8Array.of(1) } }],
    [{ HMAC_KEY_LABEL: 'h' }, { hmacKey: { label: 'h', id: null } }],
    [{ HMAC_KEY_ID: '02' }, { hmacKey: { label: null, id: Uint8Array.of(2) } }],
    [{ MECHANISM: 'CKM_AES_GCM' }, { mechanism: 0x1087 }],
    [
      { HMAC_MECHANISM: '593', HMAC_KEY_LABEL: 'h' },
      { hmacMechanism: 0x251, hmacKey: { label: 'h', id: null } },
    ],
    [{ GENERATE_KEY: 'true' }, { generateKey: true }],
    [{ FORCE_RW_SESSION: '1' }, { forceRwSession: true }],
    [{ MAX_PARALLEL: '4' }, { maxParallel: 4 }],
    [{ ANCHOR: 'unseal' }, { anchor: 'unseal' }],
    [{ TIMEOUT: '90s' }, { timeout: 90_000 }],
    [{ RSA_OAEP_HASH: 'SHA-384' }, { rsaOaepHash: 'sha384' }],
    [{ RSA_ENCRYPT_LOCAL: 'true' }, { rsaEncryptLocal: true }],
    [{ DISABLE_SOFTWARE_ENCRYPTION: 'true' }, { rsaEncryptLocal: false }],
    [
      { PREVIOUS_KEY_LABEL: 'a, b' },
      {
        previousKeys: [
          { label: 'a', id: null },
          { label: 'b', id: null },
        ],
      },
    ],
    [
      { PREVIOUS_KEY_ID: '0x01,02AB' },
      {
        previousKeys: [
          { label: null, id: Uint8Array.of(1) },
          { label: null, id: Uint8Array.of(2, 0xab) },
        ],
      },
    ],
    [{ PREVIOUS_HMAC_KEY_LABEL: 'a' }, { previousHmacKeys: [{ label: 'a', id: null }] }],
    [{ PREVIOUS_HMAC_KEY_ID: '03' }, { previousHmacKeys: [{ label: null, id: Uint8Array.of(3) }] }],
    [{ DEFAULT_KEY_LABEL: 'd' }, { defaultKeyLabel: 'd' }],
    [{ HMAC_DEFAULT_KEY_LABEL: 'd' }, { defaultHmacKeyLabel: 'd' }],
    [{ NAME: 'west' }, { name: 'west' }],
  ];

  it.each(cases)('takes %j', async (variables, expected) => {
    for (const prefix of ['COFFER', 'BAO', 'VAULT']) {
      const names = Object.entries(variables).map(([name, value]) => [`${prefix}_HSM_${name}`, value] as const);
      const base = Object.entries(alone).filter(
        ([name]) => !names.some(([own]) => own.replace(/^(?:BAO|VAULT)_/, 'COFFER_') === name),
      );
      const config = await makeHome().load(null, Object.fromEntries([...base, ...names]));
      expect(config).toMatchObject({ files: [], notes: [] });
      expect(config.seal).toEqual({ ...rest, ...expected });
    }
  });

  it('has a case for every key of the stanza', () => {
    const known = new Set(cases.flatMap(([variables]) => Object.keys(variables)));
    const variableOf = (key: string): string =>
      key === 'default_hmac_key_label' ? 'HMAC_DEFAULT_KEY_LABEL' : key.toUpperCase();
    // The other two have tests of their own above: an error and a note.
    expect(pkcs11Keys.map(variableOf).filter((name) => !known.has(name))).toEqual(['PRIORITY', 'DISABLED']);
  });
});
