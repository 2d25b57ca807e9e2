import { describe, expect, it } from 'vitest';
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
      file,
      storage: {
        type: 'sqlite',
        path: isRoot ? '/var/lib/coffer/coffer.db' : `${home.path}/.local/share/coffer/coffer.db`,
      },
      seal: {
        type: 'pkcs11',
        name: 'pkcs11',
        lib: '/bin/lib/libcloudhsm_pkcs11.so',
        token: { slot: 1, label: null, serial: null },
        pin: null,
        key: { label: 'hsm_demo', id: null },
        hmacKey: { label: 'hsm_hmac_demo', id: null },
        mechanism: null,
        hmacMechanism: null,
        generateKey: true,
        forceRwSession: false,
      },
      entropyAugmentation: false,
      autoUnseal: false,
      notes: [],
    });
  });
});

describe('the seal stanza', () => {
  it.each(['"true"', 'true', '1', '"1"', '"TRUE"', '"t"'])('takes %s for true', async (value) => {
    expect((await seal(`generate_key = ${value}`, `force_rw_session = ${value}`)).seal).toMatchObject({
      generateKey: true,
      forceRwSession: true,
    });
  });

  it.each(['"false"', 'false', '0', '"0"'])('takes %s for false', async (value) => {
    expect((await seal(`generate_key = ${value}`, `disabled = ${value}`, `rsa_encrypt_local = ${value}`)).seal.generateKey).toBe(false);
  });

  it.each([
    ['7', 7],
    ['"7"', 7],
    ['"0x1F"', 31],
    ['"007"', 7],
    ['"9007199254740991"', Number.MAX_SAFE_INTEGER],
  ])('takes slot = %s', async (value, slot) => {
    expect((await seal(`slot = ${value}`)).seal.token.slot).toBe(slot);
  });

  it('takes key ids in hexadecimal and a number for a label', async () => {
    const config = await seal('key_id = "0x00fF"', 'hmac_key_id = "0a"', 'token_label = 42', 'serial = "00a1"', 'name = "west"');
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
    ['"CKM_AES_GCM"', 0x1087],
  ])('takes mechanism = %s', async (value, mechanism) => {
    expect((await seal(`mechanism = ${value}`, 'hmac_mechanism = "0x0251"')).seal).toMatchObject({
      mechanism,
      hmacMechanism: 0x251,
    });
  });

  it('notes keys that have no effect, and why', async () => {
    const { notes } = await seal('default_key_label = "a"', 'default_hmac_key_label = "b"', 'max_parallel = 4', 'priority = "1"');
    expect(notes.map((note) => note.replace(/^.*seal "pkcs11": /, ''))).toEqual([
      'default_key_label has no effect: every wrap records the key that made it',
      'default_hmac_key_label has no effect: every wrap records the key that made it',
      'max_parallel has no effect: a command opens one session',
      'priority has no effect: there is a single seal',
    ]);
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
    ['slot = "2305843009213693953"', 'unsupported', /slot is larger than this version supports/],
    ['key_id = "0xabc"', 'config_value', /key_id must be hexadecimal/],
    ['generate_key = "yes"', 'config_type', /generate_key must be true or false/],
    ['max_parallel = "x"', 'config_type', /max_parallel must be a non-negative number/],
    ['disabled = "true"', 'seal_disabled', /disabled is true, and there is no other seal/],
    ['uri = "pkcs11:token=demo"', 'unsupported', /uri is not supported by this version/],
    ['rsa_oaep_hash = "sha256"', 'unsupported', /rsa_oaep_hash is not supported by this version/],
    ['rsa_encrypt_local = true', 'unsupported', /rsa_encrypt_local is not supported by this version/],
    ['mechanism = "CKM_RSA_PKCS_OAEP"', 'unsupported', /mechanism: this mechanism is not supported/],
    ['mechanism = "0x0001"', 'unsupported', /mechanism: this mechanism is not supported/],
    ['mechanism = "0x0251"', 'unsupported', /mechanism: this mechanism is not supported/],
    ['mechanism = "CKM_AES_CBQ"', 'config_value', /mechanism is not the name of a mechanism/],
    ['mechanism = "aes"', 'config_type', /mechanism must be a non-negative number/],
    ['hmac_mechanism = "0x1085"', 'unsupported', /hmac_mechanism: this mechanism is not supported/],
  ])('is refused with %s', async (line, code, message) => {
    const home = makeHome();
    const file = home.write('c.hcl', sealWith(line));
    const error = await home.failure(file);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^\S+c\.hcl:\d+:3: seal "pkcs11": /);
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(/\w/);
  });

  it('names the alternatives of what is missing', async () => {
    const home = makeHome();
    const lines = ['lib = "/x"', 'slot = 1', 'key_label = "k"'];
    const expected = [
      ['seal "pkcs11": lib is missing', 'COFFER_HSM_LIB'],
      ['seal "pkcs11": slot, token_label or serial is missing', 'COFFER_HSM_TOKEN_LABEL'],
      ['seal "pkcs11": key_label or key_id is missing', 'COFFER_HSM_KEY_LABEL'],
    ] as const;
    for (const [index, [message, hint]] of expected.entries()) {
      const body = lines.filter((_, i) => i !== index).join('\n');
      const file = home.write('c.hcl', `seal "pkcs11" {\n${body}\n}\n`);
      const error = await home.failure(file);
      expect([error.code, error.message]).toEqual(['config_missing', `${file}:1:1: ${message}`]);
      expect(error.hint).toContain(hint);
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
      expect(error.hint).toContain('hmac_key_label');
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
    ['seal "awskms" {\n}\n', 'config_seal_type', /:1:1: seal "awskms": coffer has no such seal; the only one is "pkcs11"/],
    ['seal {\n}\n', 'config_seal_type', /:1:1: seal: coffer has no such seal/],
    ['seal = "pkcs11"\n', 'config_type', /:1:1: seal must be a stanza/],
    ['auto_unseal {\n}\n', 'config_type', /:1:1: auto_unseal must be a key/],
    ['auto_unseal = "maybe"\n', 'config_type', /:1:1: auto_unseal must be true or false/],
    ['stroage "sqlite" {\n}\n', 'config_unknown_key', /:1:1: unknown stanza "stroage"; did you mean "storage"\?/],
    ['auto_unsael = true\n', 'config_unknown_key', /:1:1: unknown key "auto_unsael"; did you mean "auto_unseal"\?/],
    ['xyzzy = true\n', 'config_unknown_key', /:1:1: unknown key "xyzzy"$/],
    ['disable_sealwrap = true\n', 'unsupported', /:1:1: disable_sealwrap is not supported: coffer decides per mount/],
    ['entropy "hsm" { mode = "augmentation" }\n', 'config_value', /:1:1: entropy "hsm": the only source of entropy is "seal"/],
    ['entropy "seal" { mode = "replace" }\n', 'config_value', /:1:18: entropy "seal": mode must be "augmentation"/],
    ['entropy "seal" {}\n', 'config_missing', /:1:1: entropy "seal": mode is missing/],
    ['entropy "seal" { mdoe = "x" }\n', 'config_unknown_key', /:1:18: entropy "seal": unknown key "mdoe"; did you mean "mode"\?/],
    ['entropy "seal" { mode = "augmentation" }\nentropy "seal" { mode = "augmentation" }\n', 'config_duplicate', /:2:1: entropy "seal"/],
    ['storage "raft" {\n  path = "/x"\n}\n', 'config_storage_type', /:1:1: storage "raft": coffer has no such storage/],
    ['storage "sqlite" {}\n', 'config_missing', /:1:1: storage "sqlite": path is missing/],
    ['storage "sqlite" { path = "coffer.db" }\n', 'config_value', /:1:20: storage "sqlite": path must be an absolute path/],
    ['storage "sqlite" { file = "/x" }\n', 'config_unknown_key', /:1:20: storage "sqlite": unknown key "file"/],
    ['storage "sqlite" { path = "/x" }\nstorage "sqlite" { path = "/y" }\n', 'config_duplicate', /:2:1: storage "sqlite"/],
  ])('is refused: %j', async (text, code, message) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', /^seal |^$/.test(text) ? text : `${text}${sealWith()}`));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(/\w/);
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
    expect(await home.load(sqlite, { COFFER_STORAGE_PATH: '/y' })).toMatchObject({ storage: { path: '/y' }, notes: [] });
    expect(await home.load(sqlite, { COFFER_STORAGE_PATH: '' })).toMatchObject({ storage: { path: '/x' } });
    const raft = home.write('d.hcl', `storage "raft" {\n  path = "/x"\n}\n${sealWith()}`);
    expect(await home.load(raft, { COFFER_STORAGE_PATH: '/y' })).toMatchObject({
      storage: { path: '/y' },
      notes: [`${raft}:1:1: storage "raft" is ignored: COFFER_STORAGE_PATH is set`],
    });
    const error = await home.failure(raft);
    expect(error.hint).toContain('COFFER_STORAGE_PATH');
    const relative = await home.failure(sqlite, { COFFER_STORAGE_PATH: 'y' });
    expect(relative.message).toBe('environment variable COFFER_STORAGE_PATH must be an absolute path');
  });
});
