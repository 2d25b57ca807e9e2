import { describe, expect, it } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import { makeHome, sealWith } from './home.ts';

const isRoot = process.getuid?.() === 0;

async function seal(...lines: string[]): Promise<Awaited<ReturnType<ReturnType<typeof makeHome>['load']>>> {
  const home = makeHome();
  return home.load(home.write('c.hcl', sealWith(...lines)));
}

describe('a minimal configuration', () => {
  it('is the stanza from the slides as it stands', async () => {
    const home = makeHome();
    const file = home.write(
      'c.hcl',
      `seal "pkcs11" {
        lib = "/bin/lib/libcloudhsm_pkcs11.so"
        slot = "1"
        key_label = "hsm_demo"
        hmac_key_label = "hsm_hmac_demo"
        generate_key = "true"
      }`,
    );
    expect(await home.load(file)).toEqual({
      files: [file],
      storage: {
        type: 'sqlite',
        path: isRoot ? '/var/lib/coffer/coffer.db' : `${home.path}/.local/share/coffer/coffer.db`,
      },
      seal: {
        type: 'pkcs11',
        name: 'pkcs11',
        lib: '/bin/lib/libcloudhsm_pkcs11.so',
        libraryParameters: null,
        token: { slot: 1n, label: null, serial: null, manufacturer: null, model: null },
        pin: null,
        key: { label: 'hsm_demo', id: null, class: null },
        hmacKey: { label: 'hsm_hmac_demo', id: null },
        previousKeys: [],
        previousHmacKeys: [],
        defaultKeyLabel: null,
        defaultHmacKeyLabel: null,
        mechanism: null,
        hmacMechanism: null,
        rsaOaepHash: null,
        rsaEncryptLocal: false,
        maxParallel: 1,
        generateKey: true,
        forceRwSession: false,
        anchor: 'off',
        timeout: null,
      },
      entropyAugmentation: false,
      autoUnseal: false,
      storeId: null,
      pinVariables: [],
      notes: [],
    });
  });
});

describe('the seal stanza', () => {
  it('has a previous key once that it names twice, however its id is spelled', async () => {
    const { seal: read } = await seal(
      'previous_key_label = "k2, k2,k1"',
      'previous_key_id = "0x01, 01,02"',
      'previous_hmac_key_label = "h,h"',
    );
    const byId = (id: number): unknown => ({ label: null, id: Uint8Array.of(id) });
    expect(read.previousKeys).toEqual([{ label: 'k2', id: null }, { label: 'k1', id: null }, byId(1), byId(2)]);
    expect(read.previousHmacKeys).toEqual([{ label: 'h', id: null }]);
  });

  it.each(['"true"', 'true', '1', '"1"', '"TRUE"', '"t"'])('takes %s for true', async (value) => {
    const lines = [`generate_key = ${value}`, `force_rw_session = ${value}`, `rsa_encrypt_local = ${value}`];
    expect((await seal(...lines)).seal).toMatchObject({
      generateKey: true,
      forceRwSession: true,
      rsaEncryptLocal: true,
    });
  });

  it.each(['"false"', 'false', '0', '"0"'])('takes %s for false', async (value) => {
    const lines = [
      `generate_key = ${value}`,
      `force_rw_session = ${value}`,
      `rsa_encrypt_local = ${value}`,
      `disabled = ${value}`,
    ];
    expect((await seal(...lines)).seal).toMatchObject({
      generateKey: false,
      forceRwSession: false,
      rsaEncryptLocal: false,
    });
  });

  it.each([
    ['0', 0n],
    ['7', 7n],
    ['"7"', 7n],
    ['"0x1F"', 31n],
    ['0x1F', 31n],
    ['0XffffFFFFffffffff', 2n ** 64n - 1n],
    ['"0X0000001f"', 31n],
    ['"007"', 7n],
    ['9007199254740991', 2n ** 53n - 1n],
    ['"9007199254740993"', 2n ** 53n + 1n],
    ['"18446744073709551615"', 2n ** 64n - 1n],
    ['"0xffffffffffffffff"', 2n ** 64n - 1n],
  ])('takes slot = %s', async (value, slot) => {
    expect((await seal(`slot = ${value}`)).seal.token.slot).toBe(slot);
  });

  it('takes key ids in hexadecimal and a number for a label', async () => {
    expect((await seal('key_id = 0x00fF')).seal.key.id).toEqual(Uint8Array.of(0, 255));
    const config = await seal(
      'key_id = "0x00fF"',
      'hmac_key_id = "0a"',
      'token_label = 42',
      'serial = "00a1"',
      'name = "west"',
    );
    expect(config.seal).toMatchObject({
      key: { label: 'k', id: Uint8Array.of(0, 255) },
      hmacKey: { label: 'h', id: Uint8Array.of(10) },
      token: { slot: null, label: '42', serial: '00a1' },
      name: 'west',
    });
  });

  it.each([
    ['"CKM_AES_CBC_PAD"', 0x1085],
    ['"0x1082"', 0x1082],
    ['4231', 0x1087],
    ['0x1087', 0x1087],
    ['"CKM_AES_GCM"', 0x1087],
    ['"ckm_aes_gcm"', 0x1087],
    ['"aes_cbc_pad"', 0x1085],
    ['"CKM_AES_CBC"', 0x1082],
    ['"CKM_RSA_PKCS_OAEP"', 0x9],
    ['9', 0x9],
    ['"0x0009"', 0x9],
  ])('takes mechanism = %s', async (value, mechanism) => {
    const config = await seal(`mechanism = ${value}`);
    expect(config.seal.mechanism).toBe(mechanism);
    expect(config.notes).toEqual([]);
  });

  it.each(['"CKM_SHA256_HMAC"', '"0x0251"', '"0x251"', '"593"', '593'])('takes hmac_mechanism = %s', async (value) => {
    expect((await seal(`hmac_mechanism = ${value}`)).seal.hmacMechanism).toBe(0x251);
  });

  it.each([
    ...['sha1', 'sha224', 'sha256', 'sha384', 'sha512'].map((name) => [name, name]),
    ['SHA-1', 'sha1'],
    ['SHA-256', 'sha256'],
    ['Sha512', 'sha512'],
    ['sha-384', 'sha384'],
  ])('takes rsa_oaep_hash = "%s"', async (value, hash) => {
    expect((await seal(`rsa_oaep_hash = "${value}"`)).seal.rsaOaepHash).toBe(hash);
    const withMechanism = await seal(`rsa_oaep_hash = "${value}"`, 'mechanism = "CKM_RSA_PKCS_OAEP"');
    expect(withMechanism.seal).toMatchObject({ rsaOaepHash: hash, mechanism: 9 });
  });

  it.each([
    ['"45s"', 45_000],
    ['"1m30s"', 90_000],
    ['"1h"', 3_600_000],
    ['20', 20_000],
    ['"1"', 1000],
  ])('takes timeout = %s', async (value, milliseconds) => {
    expect((await seal(`timeout = ${value}`)).seal.timeout).toBe(milliseconds);
  });

  it.each(['write', 'unseal', 'off'])('takes anchor = "%s"', async (anchor) => {
    const config = await seal(`anchor = "${anchor}"`);
    expect(config.seal.anchor).toBe(anchor);
    expect(config.notes).toEqual([]);
  });

  it.each([
    ['1', 1],
    ['"8"', 8],
    ['64', 64],
    ['"0x10"', 16],
  ])('takes max_parallel = %s', async (value, sessions) => {
    const config = await seal(`max_parallel = ${value}`);
    expect(config.seal.maxParallel).toBe(sessions);
    expect(config.notes).toEqual([]);
  });

  it('takes the labels of keys to fall back to, without a note', async () => {
    const config = await seal('default_key_label = "a"', 'default_hmac_key_label = "b"');
    expect(config.seal).toMatchObject({ defaultKeyLabel: 'a', defaultHmacKeyLabel: 'b' });
    expect(config.notes).toEqual([]);
  });

  it("takes NSS's library parameters as they are", async () => {
    const parameters = "configdir='sql:/var/lib/nss' certPrefix='' keyPrefix='' secmod='secmod.db' flags= ";
    expect((await seal(`library_parameters = "${parameters}"`)).seal.libraryParameters).toBe(parameters);
  });

  it('notes that priority has no effect, and why', async () => {
    const { notes } = await seal('priority = "1"');
    expect(notes).toEqual([expect.stringMatching(/seal "pkcs11": priority has no effect: there is a single seal$/)]);
  });

  it.each([
    ['key_lable = "x"', 'config_unknown_key', /unknown key "key_lable"; did you mean "key_label"\?/],
    ['pni = "x"', 'config_unknown_key', /did you mean "pin"\?/],
    ['Slot = 1', 'config_unknown_key', /did you mean "slot"\?/],
    ['wholly_else = 1', 'config_unknown_key', /unknown key "wholly_else"$/],
    ['lib = "p11.so"', 'config_value', /lib must be an absolute path/],
    ['lib = ""', 'config_value', /lib is empty/],
    ['lib = true', 'config_type', /lib must be a string/],
    ['lib = null', 'config_type', /lib must be a string/],
    ['slot = "one"', 'config_type', /slot must be a non-negative number/],
    ['slot = -1', 'config_type', /slot must be a non-negative number/],
    ['slot = 1.5', 'config_type', /slot must be a non-negative number/],
    ['slot = ""', 'config_type', /slot must be a non-negative number/],
    ['slot = "0x"', 'config_type', /slot must be a non-negative number/],
    ['slot = "-1"', 'config_type', /slot must be a non-negative number/],
    ['slot = 9007199254740992', 'config_value', /slot is too large to be written without quotes/],
    ['slot = 18446744073709551615', 'config_value', /slot is too large to be written without quotes/],
    ['slot = "18446744073709551616"', 'config_value', /slot is larger than a slot number can be/],
    ['slot = "0x10000000000000000"', 'config_value', /slot is larger than a slot number can be/],
    ['library_parameters = ""', 'config_value', /library_parameters is empty/],
    [
      'library_parameters = "config-file=conf"',
      'config_value',
      /library_parameters: the path of config-file must be absolute/,
    ],
    ['library_parameters = "configdir=\'sql:nss\'"', 'config_value', /the path of configdir must be absolute/],
    ['library_parameters = true', 'config_type', /library_parameters must be a string/],
    ['library_parameters = "a\\u0000b"', 'config_value', /library_parameters holds a NUL character/],
    ['key_id = "0xabc"', 'config_value', /key_id must be hexadecimal/],
    ['pin = 0x42', 'config_type', /pin must be a string/],
    ['generate_key = 0x1', 'config_type', /generate_key must be true or false/],
    ['generate_key = "yes"', 'config_type', /generate_key must be true or false/],
    ['timeout = "0"', 'config_value', /timeout must be from one second to one hour/],
    ['timeout = 0', 'config_value', /timeout must be from one second to one hour/],
    ['timeout = "500ms"', 'config_value', /timeout must be from one second to one hour/],
    ['timeout = "61m"', 'config_value', /timeout must be from one second to one hour/],
    ['timeout = "soon"', 'config_value', /timeout must be from one second to one hour/],
    ['timeout = true', 'config_type', /timeout must be a string/],
    ['anchor = "always"', 'config_value', /anchor is none of write, unseal, off/],
    ['anchor = "Write"', 'config_value', /anchor is none of write, unseal, off/],
    ['anchor = ""', 'config_value', /anchor is empty/],
    ['anchor = true', 'config_type', /anchor must be a string/],
    ['max_parallel = "x"', 'config_type', /max_parallel must be a non-negative number/],
    ['max_parallel = 0', 'config_value', /max_parallel must be from 1 to 64/],
    ['max_parallel = 65', 'config_value', /max_parallel must be from 1 to 64/],
    ['max_parallel = 1.5', 'config_type', /max_parallel must be a non-negative number/],
    ['priority = "x"', 'config_type', /priority must be a non-negative number/],
    ['priority = "9007199254740992"', 'config_value', /priority is too large/],
    ['previous_key_label = "a,,b"', 'config_value', /previous_key_label has an empty entry/],
    ['previous_key_id = "01,x"', 'config_value', /previous_key_id must be hexadecimal/],
    ['default_key_label = ""', 'config_value', /default_key_label is empty/],
    ['default_hmac_key_label = true', 'config_type', /default_hmac_key_label must be a string/],
    ['disabled = "true"', 'seal_disabled', /disabled is true, and there is no other seal/],
    ['rsa_oaep_hash = "md5"', 'config_value', /rsa_oaep_hash is not the name of a hash/],
    ['rsa_oaep_hash = "sha3-256"', 'config_value', /rsa_oaep_hash is not the name of a hash/],
    ['rsa_oaep_hash = true', 'config_type', /rsa_oaep_hash must be a string/],
    ['rsa_encrypt_local = "yes"', 'config_type', /rsa_encrypt_local must be true or false/],
    ['mechanism = "0x0251"', 'unsupported', /mechanism: coffer does not use this mechanism/],
    ['mechanism = 2', 'unsupported', /mechanism: coffer does not use this mechanism/],
    ['mechanism = "CKM_AES_CBQ"', 'config_value', /mechanism is not the name of a mechanism/],
    ['mechanism = "aes"', 'config_value', /mechanism is not the name of a mechanism/],
    ['hmac_mechanism = "0x1085"', 'unsupported', /hmac_mechanism: coffer does not use this mechanism/],
    ['hmac_mechanism = "CKM_AES_GCM"', 'config_value', /hmac_mechanism is not the name of a mechanism/],
  ])('is refused with %s', async (line, code, message) => {
    const home = makeHome();
    const file = home.write('c.hcl', sealWith(line));
    const error = await home.failure(file);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^\S+c\.hcl:\d+:3: seal "pkcs11": /);
    expect(error.code).toBe(code);
    expect(hintText(error.hint ?? '')).toMatch(/\w/);
  });

  it('names the alternatives of what is missing', async () => {
    const home = makeHome();
    const lines = ['lib = "/x"', 'slot = 1', 'key_label = "k"'];
    const expected = [
      ['seal "pkcs11": lib is missing', 'COFFER_HSM_LIB'],
      ['seal "pkcs11": slot, token_label, serial or uri is missing', 'COFFER_HSM_TOKEN_LABEL'],
      ['seal "pkcs11": key_label or key_id is missing', 'COFFER_HSM_KEY_LABEL'],
    ] as const;
    for (const [index, [message, hint]] of expected.entries()) {
      const body = lines.filter((_, i) => i !== index).join('\n');
      const file = home.write('c.hcl', `seal "pkcs11" {\n${body}\n}\n`);
      const error = await home.failure(file);
      expect([error.code, error.message]).toEqual(['config_missing', `${file}:1:1: ${message}`]);
      expect(hintText(error.hint ?? '')).toContain(hint);
    }
  });

  it.each(['mechanism = "CKM_AES_CBC_PAD"', 'mechanism = "CKM_AES_CBC"', 'hmac_mechanism = "CKM_SHA256_HMAC"'])(
    'needs an HMAC key for %s',
    async (line) => {
      const home = makeHome();
      const body = `lib = "/x"\nslot = 1\nkey_label = "k"\n${line}`;
      const error = await home.failure(home.write('c.hcl', `seal "pkcs11" {\n${body}\n}\n`));
      expect(error.code).toBe('config_missing');
      expect(error.message).toContain('mechanism needs an HMAC key');
      expect(hintText(error.hint ?? '')).toContain('hmac_key_label');
    },
  );

  it.each([
    [['mechanism = "CKM_AES_GCM"', 'rsa_oaep_hash = "sha256"'], /rsa_oaep_hash means nothing to CKM_AES_GCM$/],
    [['mechanism = "CKM_RSA_PKCS"', 'rsa_oaep_hash = "sha256"'], /rsa_oaep_hash means nothing to CKM_RSA_PKCS$/],
    [['mechanism = "CKM_AES_CBC"', 'rsa_encrypt_local = true'], /rsa_encrypt_local means nothing to an AES mechanism$/],
    [['uri = "pkcs11:type=secret-key"', 'rsa_encrypt_local = true'], /rsa_encrypt_local means nothing to a secret key/],
    [['uri = "pkcs11:type=secret-key"', 'rsa_oaep_hash = "sha1"'], /rsa_oaep_hash means nothing to a secret key/],
    [['uri = "pkcs11:type=secret-key"', 'mechanism = "CKM_RSA_PKCS_OAEP"'], /mechanism does not fit a secret key/],
    [['uri = "pkcs11:type=private"', 'mechanism = "CKM_AES_GCM"'], /mechanism does not fit a private key/],
  ])('is refused with %j together', async (lines, message) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', sealWith(...lines)));
    expect(error.code).toBe('config_conflict');
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/c\.hcl:\d+:3: seal "pkcs11": /);
    expect(hintText(error.hint ?? '')).toMatch(/\w/);
  });

  it('takes rsa_encrypt_local = false beside an AES mechanism', async () => {
    expect((await seal('mechanism = "CKM_AES_GCM"', 'rsa_encrypt_local = false')).seal.rsaEncryptLocal).toBe(false);
  });

  it('warns of PKCS#1 v1.5', async () => {
    for (const value of ['"CKM_RSA_PKCS"', '1', '"0x0001"']) {
      const config = await seal(`mechanism = ${value}`);
      expect(config.seal.mechanism).toBe(1);
      expect(config.notes).toEqual([
        expect.stringMatching(/mechanism: PKCS#1 v1\.5 encryption is deprecated; use CKM_RSA_PKCS_OAEP$/),
      ]);
    }
  });

  it.each(['mechanism = "CKM_RSA_PKCS_OAEP"', 'uri = "pkcs11:type=private"'])(
    'warns of %s without an HMAC key',
    async (line) => {
      const home = makeHome();
      const body = `lib = "/x"\nslot = 1\nkey_label = "k"\n${line}`;
      const config = await home.load(home.write('c.hcl', `seal "pkcs11" {\n${body}\n}\n`));
      expect(config.seal.hmacKey).toBeNull();
      expect(config.notes).toEqual([
        expect.stringMatching(/without an HMAC key, whoever has the RSA public key can make a whole other store/),
      ]);
      expect((await seal(line)).notes).toEqual([]);
    },
  );

  it('needs no HMAC key for CKM_AES_GCM', async () => {
    const home = makeHome();
    const body = 'lib = "/x"\nslot = 1\nkey_id = "01"\nmechanism = "CKM_AES_GCM"';
    const config = await home.load(home.write('c.hcl', `seal "pkcs11" {\n${body}\n}\n`));
    expect(config.seal).toMatchObject({ hmacKey: null, mechanism: 0x1087, key: { label: null } });
  });
});

describe('a file', () => {
  it.each([
    ['', 'config_missing', /c\.hcl: stanza seal "pkcs11" is missing/],
    [`${sealWith()}${sealWith()}`, 'config_duplicate', /:7:1: seal "pkcs11": there is such a stanza already on line 1/],
    [
      'seal "awskms" {\n}\n',
      'config_seal_type',
      /:1:1: seal "awskms": coffer has no such seal; the only one is "pkcs11"/,
    ],
    ['seal {\n}\n', 'config_seal_type', /:1:1: seal: coffer has no such seal/],
    ['seal = "pkcs11"\n', 'config_type', /:1:1: seal must be a stanza/],
    ['auto_unseal {\n}\n', 'config_type', /:1:1: auto_unseal must be a key/],
    ['auto_unseal = "maybe"\n', 'config_type', /:1:1: auto_unseal must be true or false/],
    ['stroage "sqlite" {\n}\n', 'config_unknown_key', /:1:1: unknown stanza "stroage"; did you mean "storage"\?/],
    ['auto_unsael = true\n', 'config_unknown_key', /:1:1: unknown key "auto_unsael"; did you mean "auto_unseal"\?/],
    ['xyzzy = true\n', 'config_unknown_key', /:1:1: unknown key "xyzzy"$/],
    ['disable_sealwrap = true\n', 'unsupported', /:1:1: disable_sealwrap is not supported: coffer decides per mount/],
    [
      'entropy "hsm" { mode = "augmentation" }\n',
      'config_value',
      /:1:1: entropy "hsm": the only source of entropy is "seal"/,
    ],
    ['entropy "seal" { mode = "replace" }\n', 'config_value', /:1:18: entropy "seal": mode must be "augmentation"/],
    ['entropy "seal" {}\n', 'config_missing', /:1:1: entropy "seal": mode is missing/],
    [
      'entropy "seal" { mdoe = "x" }\n',
      'config_unknown_key',
      /:1:18: entropy "seal": unknown key "mdoe"; did you mean "mode"\?/,
    ],
    [
      'entropy "seal" { mode = "augmentation" }\nentropy "seal" { mode = "augmentation" }\n',
      'config_duplicate',
      /:2:1: entropy "seal"/,
    ],
    ['storage "raft" {\n  path = "/x"\n}\n', 'config_storage_type', /:1:1: storage "raft": coffer has no such storage/],
    ['storage "sqlite" {}\n', 'config_missing', /:1:1: storage "sqlite": path is missing/],
    [
      'storage "sqlite" { path = "coffer.db" }\n',
      'config_value',
      /:1:20: storage "sqlite": path must be an absolute path/,
    ],
    ['storage "sqlite" { file = "/x" }\n', 'config_unknown_key', /:1:20: storage "sqlite": unknown key "file"/],
    [
      'storage "sqlite" { path = "/x" }\nstorage "sqlite" { path = "/y" }\n',
      'config_duplicate',
      /:2:1: storage "sqlite"/,
    ],
  ])('is refused: %j', async (text, code, message) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', /^seal |^$/.test(text) ? text : `${text}${sealWith()}`));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(hintText(error.hint ?? '')).toMatch(/\w/);
  });

  it('of a Vault server is taken with one note', async () => {
    const home = makeHome();
    const server = [
      'ui = true',
      'disable_mlock = true',
      'api_addr = "https://127.0.0.1:8200"',
      'disable_sealwrap = false',
      'listener "tcp" {\n  address = "0.0.0.0:8200"\n  telemetry {\n    x = true\n  }\n}',
      'listener "unix" {\n}',
      'telemetry {\n}',
    ].join('\n');
    const file = home.write('c.hcl', `${server}\n${sealWith()}`);
    expect((await home.load(file)).notes).toEqual([
      `${file}: ignored, for only a Vault server needs it: api_addr, disable_mlock, disable_sealwrap, listener, telemetry, ui`,
    ]);
  });
});

describe('storage', () => {
  it('is below XDG_DATA_HOME by default, or the machine directory for root', async () => {
    const home = makeHome();
    const { storage } = await home.load(home.write('c.hcl', sealWith()), { XDG_DATA_HOME: '/data' });
    expect(storage.path).toBe(isRoot ? '/var/lib/coffer/coffer.db' : '/data/coffer/coffer.db');
  });

  it('is what COFFER_STORAGE_PATH says before the file, and a Vault storage is then noted', async () => {
    const home = makeHome();
    const sqlite = home.write('c.hcl', `storage "sqlite" { path = "/x" }\n${sealWith()}`);
    expect(await home.load(sqlite, { COFFER_STORAGE_PATH: '/y' })).toMatchObject({
      storage: { path: '/y' },
      notes: [],
    });
    expect(await home.load(sqlite, { COFFER_STORAGE_PATH: '' })).toMatchObject({ storage: { path: '/x' } });
    const raft = home.write('d.hcl', `storage "raft" {\n  path = "/x"\n}\n${sealWith()}`);
    expect(await home.load(raft, { COFFER_STORAGE_PATH: '/y' })).toMatchObject({
      storage: { path: '/y' },
      notes: [`${raft}:1:1: storage "raft" is ignored: COFFER_STORAGE_PATH is set`],
    });
    const error = await home.failure(raft);
    expect(hintText(error.hint ?? '')).toContain('COFFER_STORAGE_PATH');
    const relative = await home.failure(sqlite, { COFFER_STORAGE_PATH: 'y' });
    expect(relative.message).toBe('environment variable COFFER_STORAGE_PATH must be an absolute path');
  });
});
