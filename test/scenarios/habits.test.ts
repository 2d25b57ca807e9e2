import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { readRecord } from '../../src/seal/index.ts';
import { makeStand, readRows, writeRows, type Outcome, type Stand, type StandOptions } from '../support/store.ts';
import { destroyKeys, generateRsaPair, importKey, importRsaPair } from '../support/softhsm.ts';

const stands: Stand[] = [];
afterEach(() => {
  for (const stand of stands.splice(0)) stand.remove();
});

function standFor(options: StandOptions): Stand {
  const stand = makeStand({ shim: true, ...options });
  stands.push(stand);
  return stand;
}

const LARGE = randomBytes(50_000).toString('hex');
const INIT = ['init', '-recovery-shares=1', '-recovery-threshold=1'];

/** init, unseal, and a seal-wrapped mount with two values, one of them large, which are read again. */
function live(stand: Stand): void {
  stand.ok(...INIT);
  stand.ok('unseal');
  stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
  stand.ok('kv', 'put', 'kv/small', 'v=little');
  stand.write('large', LARGE);
  stand.ok('kv', 'put', 'kv/large', 'v=@large');
  expectReadable(stand);
}

function expectReadable(stand: Stand, env: Readonly<Record<string, string>> = {}): void {
  expect(stand.run(['kv', 'get', '-field=v', 'kv/small'], { env })).toMatchObject({ status: 0, stdout: 'little' });
  expect(stand.run(['kv', 'get', '-field=v', 'kv/large'], { env }).stdout === LARGE).toBe(true);
}

/** Every record of the store: its own, and the seal-wrapped values. */
function records(stand: Stand): ReturnType<typeof readRecord>[] {
  const rows = readRows(stand.path).filter(({ path }) => path === 'core/record' || path.startsWith('data/'));
  return rows.map(({ value }) => readRecord(value, 'it'));
}

function wrapsOf(stand: Stand): { mechanism: number; parameters: string; bytes: number }[] {
  const wraps = records(stand).flatMap((record) => record.wraps);
  return wraps.map(({ mechanism, parameters, ciphertext }) => ({
    mechanism,
    parameters: Buffer.from(parameters).toString('hex'),
    bytes: ciphertext.length,
  }));
}

/** Exit 3 with a message and a hint on stderr, and no store. */
function expectRefused(stand: Stand, ...words: (string | RegExp)[]): Outcome {
  const outcome = stand.run(INIT);
  expect(outcome, outcome.stderr).toMatchObject({ status: 3, stdout: '' });
  expect(outcome.stderr).toMatch(/^error: .*\nhint: /);
  for (const word of words) expect(outcome.stderr).toMatch(word);
  expect(stand.run(['init', '-status'])).toMatchObject({ status: 2 });
  return outcome;
}

const GCM = 'mechanism = "CKM_AES_GCM"';
const CKM = { RSA_PKCS_OAEP: 0x9, AES_CBC: 0x1082, AES_CBC_PAD: 0x1085, AES_GCM: 0x1087 } as const;

describe('a store lives with a module that', () => {
  it.each([
    ['makes its own GCM IV of 12 bytes', 'gcm-own-iv', 24],
    ['makes its own GCM IV of 16 bytes', 'gcm-own-iv:16', 32],
  ])('%s', (_name, fault, digits) => {
    const stand = standFor({ faults: [fault], seal: GCM });
    live(stand);
    for (const { mechanism, parameters, bytes } of wrapsOf(stand)) {
      expect({ mechanism, digits: parameters.length, bytes }).toEqual({ mechanism: CKM.AES_GCM, digits, bytes: 48 });
    }
    // The IV stands in the record: a module without the habit opens it too.
    expect(stand.run(['kv', 'get', '-field=v', 'kv/small'], { env: { COFFER_SHIM_FAULT: '' } })).toMatchObject({
      status: 0,
      stdout: 'little',
    });
  });

  it('makes its own GCM IV, where there is no HMAC key', () => {
    const stand = standFor({ faults: ['gcm-own-iv'] });
    stand.write(
      'coffer.hcl',
      `storage "sqlite" {\n  path = "${stand.path}"\n}\nseal "pkcs11" {\n  lib = "${stand.lib}"\n  token_label = "demo"\n  pin = "1234"\n  key_label = "hsm_demo"\n  generate_key = true\n}\n`,
    );
    live(stand);
    expect(records(stand).map(({ macStanza }) => macStanza)).toEqual([null, null, null]);
  });

  it.each([
    ['gcm-zero-iv:0x71', ''],
    ['gcm-zero-iv:0x7', ',gcm-zero-iv-late'],
    ['gcm-zero-iv:0x71', ',gcm-no-iv-bits'],
  ])('takes no GCM IV but zeros and writes its own there: %s%s', (habit, more) => {
    const stand = standFor({ faults: `${habit}${more}`.split(','), seal: GCM });
    live(stand);
    const ivs = wrapsOf(stand).map(({ parameters }) => parameters);
    expect(new Set(ivs).size).toBe(ivs.length);
    for (const iv of ivs) expect(iv).toMatch(/^(?!0{24})[0-9a-f]{24}$/);
    // It is the IV that was really used.
    expect(stand.run(['kv', 'get', '-field=v', 'kv/small'], { env: { COFFER_SHIM_FAULT: '' } })).toMatchObject({
      status: 0,
      stdout: 'little',
    });
  });

  it('takes no GCM IV but zeros, for a managed key of transit', () => {
    const stand = standFor({ faults: ['gcm-zero-iv:0x71'] });
    stand.ok(...INIT);
    stand.ok('unseal');
    stand.ok('secrets', 'enable', 'transit');
    stand.ok('write', 'transit/keys/k', 'type=managed_key', 'managed_key_name=own', 'generate=true', 'key_type=aes256');
    const ciphertext = stand.ok('write', '-field=ciphertext', 'transit/encrypt/k', 'plaintext=aGVsbG8=');
    expect(
      stand.run(['write', '-field=plaintext', 'transit/decrypt/k', `ciphertext=${ciphertext}`], {
        env: { COFFER_SHIM_FAULT: '' },
      }),
    ).toMatchObject({ status: 0, stdout: 'aGVsbG8=' });
  });

  it("cannot use the operating system's locks: it is called by one thread", () => {
    const stand = standFor({ faults: ['one-thread'], seal: 'max_parallel = 4' });
    live(stand);
    for (let at = 0; at < 6; at++) stand.ok('kv', 'put', `kv/more${at}`, 'v=x');
    importKey(stand.hsm, { label: 'next', id: '02', type: 'aes', value: randomBytes(32) });
    stand.shim?.clear();
    expect(
      stand.run(['sealwrap', 'rewrap'], {
        env: { COFFER_HSM_KEY_LABEL: 'next', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' },
      }),
    ).toMatchObject({ status: 0 });
    const calls = stand.shim?.calls() ?? [];
    expect(calls.filter((name) => name === 'C_Initialize').length).toBeGreaterThan(1);
    expect(calls.filter((name) => name === 'C_OpenSession')).toHaveLength(1);
  });

  it.each(['gcm-no-iv-bits', 'gcm-iv-bits-only'])('takes one layout of CK_GCM_PARAMS: %s', (fault) => {
    const stand = standFor({ faults: [fault], seal: GCM });
    live(stand);
    expect(new Set(wrapsOf(stand).map(({ mechanism }) => mechanism))).toEqual(new Set([CKM.AES_GCM]));
  });

  it.each(['already-initialised', 'already-logged-in', 'buffer-too-small', 'max-sessions:1'])(
    'has the habit %s',
    (fault) => {
      live(standFor({ faults: [fault] }));
    },
  );

  it('keeps an operation that failed, and does not decrypt with what it says that it does best', () => {
    const stand = standFor({ faults: ['keeps-failed', 'no-decrypt:0x1085'] });
    live(stand);
    expect(new Set(wrapsOf(stand).map(({ mechanism }) => mechanism))).toEqual(new Set([CKM.AES_CBC]));
    expect(stand.shim?.calls()).toContain('C_CloseSession');
    expect(stand.run(['hsm', 'test'])).toMatchObject({ status: 0 });
  });

  it('keeps an operation that failed, and has no session to spare', () => {
    const stand = standFor({ faults: ['keeps-failed', 'no-decrypt:0x1085', 'max-sessions:1'] });
    expectRefused(stand, 'CKR_OPERATION_ACTIVE');
    // With a mechanism that works nothing fails.
    const env = { COFFER_HSM_MECHANISM: 'CKM_AES_CBC' };
    expect(stand.run(INIT, { env })).toMatchObject({ status: 0 });
    expect(stand.run(['unseal'], { env })).toMatchObject({ status: 0 });
  });

  it('says neither how long an RSA ciphertext is, nor lets a template speak of signing', () => {
    const stand = standFor({ faults: ['rsa-length-unset', 'rsa-narrow'], seal: 'mechanism = "CKM_RSA_PKCS_OAEP"' });
    live(stand);
    expect(new Set(wrapsOf(stand).map(({ bytes }) => bytes))).toEqual(new Set([3072 / 8]));
  });

  it('pads labels with blanks, its own and those of the configuration', () => {
    const stand = standFor({ faults: ['padded-labels'] });
    live(stand);
    expectReadable(stand);
    expect(stand.run(['kv', 'get', '-field=v', 'kv/small'], { env: { COFFER_SHIM_FAULT: '' } })).toMatchObject({
      status: 0,
      stdout: 'little',
    });
  });

  it.each([['input-limit:64'], ['input-limit:64', 'limit-says-buffer', 'keeps-failed']])(
    'limits its input, and never hears of it: %s',
    (...faults) => {
      const stand = standFor({ faults });
      live(stand);
      for (const name of ['C_SignUpdate', 'C_VerifyUpdate']) expect(stand.shim?.calls()).not.toContain(name);
      stand.shim?.clear();
      stand.write('large', LARGE);
      stand.ok('kv', 'put', 'kv/large', 'v=@large');
      expect(stand.shim?.calls().filter((name) => name === 'C_Sign')).toHaveLength(1);
    },
  );

  it.each([
    ['C_VerifyInit', '0x54'],
    ['C_VerifyInit', '0x68'],
    ['C_VerifyInit', '0x70'],
    ['C_Verify', '0x7'],
    ['C_Verify', '0x21'],
    ['C_Verify', '0x150'],
    ['C_Verify', '0x200'],
    ['C_Verify', '0x80000001'],
  ])('does not verify: %s returns %s', (name, value) => {
    const stand = standFor({ faults: [`fail:${name}:${value}`] });
    live(stand);
    const [row] = readRows(stand.path).filter(({ path }) => path.startsWith('data/'));
    if (row === undefined) throw new Error('no value');
    writeRows(stand.path, { [row.path]: row.value.map((byte, at) => (at === row.value.length - 1 ? byte ^ 1 : byte)) });
    const outcomes = ['kv/small', 'kv/large'].map((path) => stand.run(['kv', 'get', path]).status);
    expect(outcomes.sort()).toEqual([0, 4]);
  });

  it.each(['0xc0', '0xc1'])(
    'says that an HMAC is wrong, and is not asked in another way: C_Verify returns %s',
    (value) => {
      const stand = standFor({});
      live(stand);
      stand.shim?.clear();
      const outcome = stand.run(['kv', 'get', 'kv/small'], { env: { COFFER_SHIM_FAULT: `fail:C_Verify:${value}` } });
      expect(outcome).toMatchObject({ status: 4, stdout: '' });
      expect(stand.shim?.calls()).not.toContain('C_SignInit');
    },
  );

  it.each(['0x32', '0xb3', '0x101', '0x50'])(
    'ends a command for good, and is asked nothing more: C_Verify returns %s',
    (value) => {
      const stand = standFor({});
      live(stand);
      stand.shim?.clear();
      const outcome = stand.run(['kv', 'get', 'kv/small'], { env: { COFFER_SHIM_FAULT: `fail:C_Verify:${value}` } });
      expect(outcome).toMatchObject({ status: 3, stdout: '' });
      expect(stand.shim?.calls()).not.toContain('C_SignInit');
    },
  );

  it.each(['no-generic-hmac', 'no-generic-hmac,no-generic-keygen'])('wants an AES key for the HMAC: %s', (faults) => {
    const stand = standFor({ faults: faults.split(',') });
    live(stand);
    expect(destroyKeys(stand.hsm, 'hsm_hmac_demo')).toBe(1); // what was tried before is gone
  });

  it('forbids read-write sessions, when the keys are there', () => {
    const stand = standFor({ faults: ['rw-forbidden'] });
    importKey(stand.hsm, { label: 'hsm_demo', id: '01', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'hsm_hmac_demo', id: '02', type: 'generic', value: randomBytes(32) });
    live(stand);
  });

  it('forbids read-only sessions, with force_rw_session', () => {
    live(standFor({ faults: ['ro-forbidden'], seal: 'force_rw_session = "true"' }));
  });

  it('has no C_GenerateRandom, without the entropy stanza', () => {
    live(standFor({ faults: ['no-random'], entropy: false }));
  });

  it("wants NSS's library parameters", () => {
    const text = "configdir='sql:/somewhere' certPrefix='' keyPrefix='' secmod='secmod.db' flags=";
    live(standFor({ faults: [`library-parameters:${text}`], seal: `library_parameters = "${text}"` }));
  });

  it.each([
    ['CKM_AES_CBC_PAD', ['0x1085'], CKM.AES_CBC],
    ['CKM_AES_CBC_PAD and CKM_AES_CBC', ['0x1085', '0x1082'], CKM.AES_GCM],
  ])('lacks %s', (_name, missing, chosen) => {
    const stand = standFor({ faults: missing.map((type) => `without-mechanism:${type}`) });
    live(stand);
    expect(new Set(wrapsOf(stand).map(({ mechanism }) => mechanism))).toEqual(new Set([chosen]));
  });

  it('lacks AES: an RSA key is made', () => {
    const stand = standFor({
      faults: ['0x1080', '0x1082', '0x1085', '0x1087'].map((type) => `without-mechanism:${type}`),
    });
    live(stand);
    expect(new Set(wrapsOf(stand).map(({ mechanism }) => mechanism))).toEqual(new Set([CKM.RSA_PKCS_OAEP]));
  });
});

describe('sealwrap rewrap in parallel sessions, with a module that', () => {
  it.each([
    ['makes its own GCM IV', 'gcm-own-iv', GCM],
    ['takes the shorter CK_GCM_PARAMS', 'gcm-no-iv-bits', GCM],
    ['wants more room', 'buffer-too-small', ''],
    ['limits its input', 'input-limit:64', ''],
    ['pads labels', 'padded-labels', ''],
    ['has one session only', 'max-sessions:1', ''],
  ])('%s', (_name, fault, mechanism) => {
    const stand = standFor({ faults: [fault], seal: `max_parallel = 4\n${mechanism}` });
    live(stand);
    for (let at = 0; at < 6; at++) stand.ok('kv', 'put', `kv/more${at}`, `v=${'x'.repeat(1000 * at)}`);
    importKey(stand.hsm, { label: 'next', id: '02', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'next_hmac', id: '03', type: 'generic', value: randomBytes(32) });
    const former = { COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo', COFFER_HSM_PREVIOUS_HMAC_KEY_LABEL: 'hsm_hmac_demo' };
    const env = { COFFER_HSM_KEY_LABEL: 'next', COFFER_HSM_HMAC_KEY_LABEL: 'next_hmac', ...former };
    const outcome = stand.run(['sealwrap', 'rewrap'], { env });
    expect(outcome, outcome.stderr).toMatchObject({ status: 0 });
    const labels = records(stand).flatMap(({ wraps, macStanza }) => [
      ...wraps.map(({ keyLabel }) => keyLabel),
      macStanza?.keyLabel,
    ]);
    expect(new Set(labels.map((label) => label?.trim()))).toEqual(new Set(['next', 'next_hmac']));
    expectReadable(stand, env);
  });
});

describe('RSA-OAEP', () => {
  const HASHES = [
    ['sha1', '0x220'],
    ['sha224', '0x255'],
    ['sha256', '0x250'],
    ['sha384', '0x260'],
    ['sha512', '0x270'],
  ] as const;
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

  function withPair(options: StandOptions, publicHalf = true): Stand {
    const stand = standFor(options);
    importRsaPair(stand.hsm, { label: 'hsm_demo', id: '0a', publicHalf }, key);
    return stand;
  }

  it.each(HASHES)('%s: is found out where the module has no other', (_hash, number) => {
    const stand = withPair({ faults: [`oaep-hash:${number}`] });
    live(stand);
    const parameters = new Set(wrapsOf(stand).map((wrap) => wrap.parameters));
    expect(parameters).toEqual(new Set([Number(number).toString(16).padStart(8, '0')]));
  });

  it('is by the configured hash where the module has several', () => {
    const stand = withPair({ faults: ['oaep-hash:0x250', 'oaep-hash:0x270'], seal: 'rsa_oaep_hash = "sha512"' });
    live(stand);
    expect(new Set(wrapsOf(stand).map((wrap) => wrap.parameters))).toEqual(new Set(['00000270']));
  });

  it('says so when the module does not have the configured hash', () => {
    const stand = withPair({ faults: ['oaep-hash:0x250'], seal: 'rsa_oaep_hash = "sha1"' });
    expectRefused(stand, 'CKM_RSA_PKCS_OAEP', 'SHA-1', 'CKR_ARGUMENTS_BAD');
  });

  it('encrypts in this process with rsa_encrypt_local, and needs no public key object', () => {
    const stand = withPair({ faults: ['oaep-hash:0x250'], seal: 'rsa_encrypt_local = "true"' }, false);
    live(stand);
    expect(stand.shim?.calls()).not.toContain('C_EncryptInit');
  });

  it('wants the public key object without rsa_encrypt_local', () => {
    const stand = withPair({ faults: ['oaep-hash:0x250'] }, false);
    expectRefused(stand, /no public key/, 'nothing but unwrap');
  });

  it('works with a pair that was made on the token', () => {
    const stand = standFor({});
    generateRsaPair(stand.hsm, { label: 'hsm_demo', id: '0a' });
    live(stand);
    expect(new Set(wrapsOf(stand).map((wrap) => wrap.parameters))).toEqual(new Set(['00000220']));
  });
});

describe('what a module or a token cannot do is said, and no store is made', () => {
  it('no C_GenerateRandom, and an entropy stanza', () => {
    const stand = standFor({ faults: ['no-random'] });
    expectRefused(stand, 'C_GenerateRandom failed: CKR_FUNCTION_NOT_SUPPORTED', 'entropy stanza');
    expect(destroyKeys(stand.hsm, 'hsm_demo')).toBe(0);
  });

  it('no kind of HMAC key', () => {
    expectRefused(
      standFor({ faults: ['no-generic-keygen'] }),
      'C_GenerateKey',
      'CKM_GENERIC_SECRET_KEY_GEN',
      'CKR_MECHANISM_INVALID',
      'hsm_hmac_demo',
      "create it with the HSM's own tool",
    );
  });

  it('an input limit below the length of a key', () => {
    expectRefused(standFor({ faults: ['input-limit:31'] }), 'CKR_DATA_LEN_RANGE');
  });

  it('read-write sessions are forbidden, and the keys are missing', () => {
    expectRefused(
      standFor({ faults: ['rw-forbidden'] }),
      'C_GenerateKey',
      'CKR_SESSION_READ_ONLY',
      'read-write session',
    );
  });

  it('read-write sessions are forbidden, and force_rw_session wants them', () => {
    expectRefused(
      standFor({ faults: ['rw-forbidden'], seal: 'force_rw_session = "true"' }),
      'C_OpenSession',
      'CKR_TOKEN_WRITE_PROTECTED',
    );
  });

  it('read-only sessions are forbidden', () => {
    const stand = standFor({ faults: ['ro-forbidden'] });
    stand.ok(...INIT);
    const outcome = stand.run(['unseal']);
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toContain('C_OpenSession (read-only');
    expect(outcome.stderr).toContain('force_rw_session');
  });

  it('the configured mechanism is missing', () => {
    expectRefused(
      standFor({ faults: ['without-mechanism:0x1087'], seal: GCM }),
      'CKM_AES_GCM',
      'CKR_MECHANISM_INVALID',
    );
  });

  it('the module takes no GCM IV but zeros, and uses them', () => {
    expectRefused(
      standFor({ faults: ['gcm-zero-iv:0x71', 'gcm-zero-iv-kept'], seal: GCM }),
      'made none of its own',
      'CKR_MECHANISM_PARAM_INVALID',
    );
  });

  it.each(['0x30', '0x208', '0x80000042'])(
    'no slot tells of its token: C_GetTokenInfo says %s, and that is said first',
    (rv) => {
      const outcome = expectRefused(
        standFor({ faults: [`fail:C_GetTokenInfo:${rv}`] }),
        /^error: the module tells nothing of any token: C_GetTokenInfo \(slot \d+\) failed: /,
      );
      expect(outcome.stderr).not.toContain('no token has');
    },
  );

  it('a label that is too long for the token', () => {
    expectRefused(standFor({ faults: ['label-limit:4'] }), 'CKR_DATA_LEN_RANGE', 'use a shorter one', 'key_label');
  });

  it('a token that is not initialised, whether it wants a login or not: init, keygen, kv get, setup and slots', () => {
    const stand = standFor({});
    live(stand);
    for (const fault of ['blank-token:demo', 'blank-token:demo,login-not-required']) {
      const env = { COFFER_SHIM_FAULT: fault };
      for (const args of [
        ['hsm', 'keygen', '-label=x'],
        ['kv', 'get', 'kv/small'],
        ['unseal'],
        ['hsm', 'mechanisms'],
      ]) {
        const outcome = stand.run(args, { env });
        expect(outcome, args.join(' ')).toMatchObject({ status: 3, stdout: '' });
        expect(outcome.stderr).toMatch(
          /^error: the token in slot \d+ is not initialised\nhint: initialise it with `coffer hsm init-token`/,
        );
      }
      expect(
        stand.run(['init'], { env: { ...env, COFFER_STORAGE_PATH: `${stand.dir}/other/coffer.db` } }).stderr,
      ).toMatch(/^error: the token in slot \d+ is not initialised/);
      const slots = stand.run(['hsm', 'slots', '-format=json'], { env });
      expect(slots.stdout).toMatch(/"initialized":\s*false[^}]*"label":\s*"demo"/);
      expect(slots.stdout).not.toMatch(/"initialized":\s*true/);
    }
  });

  it('no session is left', () => {
    expectRefused(standFor({ faults: ['max-sessions:0'] }), 'C_OpenSession', 'CKR_SESSION_COUNT');
  });

  it("NSS's library parameters are missing", () => {
    expectRefused(
      standFor({ faults: ['library-parameters:configdir=x'] }),
      'C_Initialize',
      'CKR_ARGUMENTS_BAD',
      'library_parameters',
    );
  });

  it('the module crashes in C_Initialize', () => {
    const stand = standFor({ faults: ['misbehave:C_Initialize:segv'] });
    expectRefused(stand, `the PKCS#11 module ${stand.lib} crashed`, 'SIGSEGV', 'C_Initialize');
    const { status, stderr } = stand.run([...INIT, '-format=json']);
    expect(status).toBe(3);
    expect(stderr).toContain('"code":"module_crashed"');
  });
});

describe('the keys', () => {
  it('two HMAC keys of the same label: both are named, and hmac_key_id chooses one', () => {
    const stand = standFor({});
    for (const id of ['0a', '0b'])
      importKey(stand.hsm, { label: 'hsm_hmac_demo', id, type: 'generic', value: randomBytes(32) });
    expectRefused(stand, '2 keys on token "demo" have label "hsm_hmac_demo"', 'hmac_key_id', 'id 0a', 'id 0b');
    expect(stand.run(INIT, { env: { COFFER_HSM_HMAC_KEY_ID: '0b' } })).toMatchObject({ status: 0 });
  });

  it('without CKA_DECRYPT', () => {
    const stand = standFor({});
    importKey(stand.hsm, { label: 'hsm_demo', id: '0a', type: 'aes', value: randomBytes(32), without: ['decrypt'] });
    expectRefused(stand, 'C_DecryptInit', 'key "hsm_demo"', 'CKR_KEY_FUNCTION_NOT_PERMITTED', 'CKA_DECRYPT is false');
  });

  it('an RSA key without CKA_DECRYPT', () => {
    const stand = standFor({});
    generateRsaPair(stand.hsm, { label: 'hsm_demo', id: '0a', without: ['decrypt'] });
    expectRefused(stand, 'C_DecryptInit', 'key "hsm_demo"', 'CKR_KEY_FUNCTION_NOT_PERMITTED', 'CKA_DECRYPT is false');
  });

  it('an HMAC key without CKA_SIGN', () => {
    const stand = standFor({});
    importKey(stand.hsm, {
      label: 'hsm_hmac_demo',
      id: '0a',
      type: 'generic',
      value: randomBytes(32),
      without: ['sign'],
    });
    expectRefused(stand, 'C_SignInit', 'key "hsm_hmac_demo"', 'CKR_KEY_FUNCTION_NOT_PERMITTED', 'CKA_SIGN is false');
  });

  it('an HMAC key that is an AES key, where the token wants a generic secret', () => {
    const stand = standFor({});
    importKey(stand.hsm, { label: 'hsm_hmac_demo', id: '0a', type: 'aes', value: randomBytes(32) });
    expectRefused(stand, 'key "hsm_hmac_demo"', 'CKR_KEY_TYPE_INCONSISTENT', /^hint: .*(HMAC|type)/m);
  });

  it('an HMAC key that is an RSA key', () => {
    const stand = standFor({});
    generateRsaPair(stand.hsm, { label: 'hsm_hmac_demo', id: '0a' });
    expectRefused(
      stand,
      'the HSM key "hsm_hmac_demo" cannot make an HMAC: it is a private key of type RSA',
      'CKK_GENERIC_SECRET',
    );
  });

  it('an HMAC key of type CKK_SHA256_HMAC is as good as a generic secret', () => {
    const stand = standFor({});
    importKey(stand.hsm, { label: 'hsm_hmac_demo', id: '0a', type: 'sha256-hmac', value: randomBytes(32) });
    live(stand);
  });

  it('labels that the token itself has padded with blanks', () => {
    const stand = standFor({});
    importKey(stand.hsm, { label: 'hsm_demo'.padEnd(32), id: '01', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'hsm_hmac_demo'.padEnd(32), id: '02', type: 'generic', value: randomBytes(32) });
    live(stand);
    expect(destroyKeys(stand.hsm, 'hsm_demo')).toBe(0); // none was made beside it
  });
});

describe('hsm commands without a configuration', () => {
  it("give NSS's library parameters from COFFER_HSM_LIBRARY_PARAMETERS", () => {
    const text = "configdir='sql:/somewhere' flags=";
    const stand = standFor({ faults: [`library-parameters:${text}`] });
    const env = { COFFER_CONFIG: '', COFFER_HSM_LIBRARY_PARAMETERS: text };
    expect(stand.run(['hsm', 'slots', `-lib=${stand.lib}`], { env })).toMatchObject({ status: 0 });
    expect(stand.run(['hsm', 'slots'], { env: { ...env, COFFER_HSM_LIB: stand.lib } })).toMatchObject({ status: 0 });
    const without = stand.run(['hsm', 'slots', `-lib=${stand.lib}`], { env: { COFFER_CONFIG: '' } });
    expect(without).toMatchObject({ status: 3 });
    expect(without.stderr).toContain('CKR_ARGUMENTS_BAD');
  });
});

describe('hsm keygen', () => {
  it('refuses a label that key_label would refuse, before it asks the HSM', () => {
    const stand = standFor({});
    for (const label of ['', 'x'.repeat(256), '\u00e4'.repeat(128)]) {
      const outcome = stand.run(['hsm', 'keygen', `-label=${label}`]);
      expect(outcome).toMatchObject({ status: 1, stdout: '' });
      expect(outcome.stderr).toMatch(/^error: -label is (empty|longer than 255 bytes)/);
    }
    expect(stand.shim?.calls()).toEqual([]);
    expect(stand.run(['hsm', 'keygen', `-label=${'x'.repeat(255)}`])).toMatchObject({ status: 0 });
  });
});

describe('keys that vanished under a store', () => {
  it.each(['hsm_demo', 'hsm_hmac_demo'])('%s: what happened is said, and nothing about new keys', (label) => {
    const stand = standFor({});
    live(stand);
    expect(destroyKeys(stand.hsm, label)).toBe(1);
    for (const args of [['kv', 'get', 'kv/small'], ['unseal'], ['sealwrap', 'rewrap'], ['operator', 'diagnose']]) {
      const { status, stdout, stderr } = stand.run(args);
      expect(status, args.join(' ')).toBe(3);
      expect(stdout + stderr, args.join(' ')).toMatch(/would not open|cannot open|does not open|opens nothing/);
      expect(stdout + stderr, args.join(' ')).not.toMatch(/keygen|generate_key|pkcs11-tool/);
    }
  });
});

describe('a token', () => {
  it('that is removed between two calls: whichever it is, exit 3, and C_Finalize is the last', () => {
    const stand = standFor({});
    live(stand);
    stand.shim?.clear();
    stand.ok('kv', 'get', 'kv/small');
    const calls = stand.shim?.calls() ?? [];
    expect(calls.length).toBeGreaterThan(10);
    for (let after = 1; after < calls.length - 1; after++) {
      stand.shim?.clear();
      const outcome = stand.run(['kv', 'get', 'kv/small'], {
        env: { COFFER_SHIM_FAULT: `token-removed-after:${after}` },
      });
      expect(outcome, `${after}: ${outcome.stderr}`).toMatchObject({ status: 3, stdout: '' });
      expect(outcome.stderr, calls[after]).toMatch(/^error: [^]*CKR_DEVICE_REMOVED/);
      expect(outcome.stderr, calls[after]).toMatch(/^hint: /m);
      expect(stand.shim?.calls().at(-1)).toBe('C_Finalize');
    }
  });

  it('with a PIN that has one try left is not tried without -force, by no command', () => {
    const stand = standFor({});
    live(stand);
    stand.shim?.clear();
    const env = { COFFER_SHIM_FAULT: 'pin-final-try' };
    for (const args of [['unseal'], ['kv', 'get', 'kv/small'], ['kv', 'put', 'kv/small', 'v=x'], ['secrets', 'list']]) {
      const outcome = stand.run(args, { env });
      expect(outcome).toMatchObject({ status: 3, stdout: '' });
      expect(outcome.stderr).toContain('one more wrong PIN locks token "demo"; nothing was tried');
    }
    expect(stand.shim?.calls()).not.toContain('C_Login');
    expect(stand.run(['unseal', '-force'], { env })).toMatchObject({ status: 0 });
    expect(stand.shim?.calls().filter((name) => name === 'C_Login')).toHaveLength(1);
  });
});
