import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { readRecord } from '../../src/seal/index.ts';
import {
  copyStore,
  makeStand,
  readRows,
  writeRows,
  type Outcome,
  type Stand,
  type StandOptions,
} from '../support/store.ts';
import { destroyKeys, importKey } from '../support/softhsm.ts';

describe('a store without the HSM keys that made it', () => {
  const stands: Stand[] = [];
  afterEach(() => {
    for (const stand of stands.splice(0)) stand.remove();
  });

  function filled(options: StandOptions = {}): Stand {
    const stand = makeStand(options);
    stands.push(stand);
    stand.open();
    stand.ok('secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'wrapped/app', 'v=plaintext-w');
    return stand;
  }

  function expectClosed(stand: Stand, status: number, ...words: string[]): void {
    const attempts = [
      ['unseal'],
      ['kv', 'get', 'wrapped/app'],
      ['secrets', 'list'],
      ['kv', 'put', 'wrapped/app', 'v=x'],
    ];
    for (const attempt of attempts) {
      const outcome: Outcome = stand.run(attempt);
      expect(outcome, `${attempt.join(' ')}: ${outcome.stderr}`).toMatchObject({ status, stdout: '' });
      expect(outcome.stderr).toMatch(/^error: .*\nhint: /);
      for (const word of words) expect(outcome.stderr).toContain(word);
    }
  }

  it('cannot be opened when the wrapping key is deleted: exit 3 and the label', () => {
    const stand = filled();
    expect(destroyKeys(stand.hsm, 'hsm_demo')).toBe(1);
    expectClosed(stand, 3, 'no key on token "demo" has label "hsm_demo"');
  });

  it('is not opened with a new key of the same label', () => {
    const stand = filled();
    destroyKeys(stand.hsm, 'hsm_demo');
    importKey(stand.hsm, { label: 'hsm_demo', id: '01', type: 'aes', value: randomBytes(32) });
    expectClosed(
      stand,
      3,
      'the HSM key "hsm_demo" does not decrypt',
      'it was made with another key, of label "hsm_demo" and id',
    );
  });

  it('cannot be opened when the HMAC key is deleted: exit 3 and the label', () => {
    const stand = filled();
    expect(destroyKeys(stand.hsm, 'hsm_hmac_demo')).toBe(1);
    expectClosed(stand, 3, 'hsm_hmac_demo');
  });

  it('cannot be opened without any key, and says that there are none', () => {
    const stand = filled();
    destroyKeys(stand.hsm, 'hsm_demo');
    destroyKeys(stand.hsm, 'hsm_hmac_demo');
    expectClosed(stand, 3, 'there are no secret keys on the token');
  });

  it('cannot be opened on another machine whose HSM has keys of the same labels', () => {
    const stand = filled();
    const elsewhere = filled();
    elsewhere.write('store/coffer.db', '');
    copyStore(stand.path, `${elsewhere.dir}/store`);
    expectClosed(elsewhere, 4, "the store's own record", 'the HMAC key is not the one of label "hsm_hmac_demo" and id');
  });

  it('cannot be opened on another machine whose HSM has other keys of the same labels and ids', () => {
    const stand = filled();
    const { value } = readRows(stand.path).find(({ path }) => path === 'core/record') ?? { value: new Uint8Array(0) };
    const { wraps, macStanza } = readRecord(value, 'it');
    const elsewhere = filled();
    for (const [label, id] of [
      ['hsm_demo', wraps[0]?.keyId],
      ['hsm_hmac_demo', macStanza?.keyId],
    ] as const) {
      destroyKeys(elsewhere.hsm, label);
      importKey(elsewhere.hsm, {
        label,
        id: Buffer.from(id ?? []).toString('hex'),
        type: label === 'hsm_demo' ? 'aes' : 'generic',
        value: randomBytes(32),
      });
    }
    elsewhere.write('store/coffer.db', '');
    copyStore(stand.path, `${elsewhere.dir}/store`);
    expectClosed(elsewhere, 4, "the store's own record", "the HSM's HMAC does not match");
  });

  it('still opens after new keys are configured, and uses those for what it writes', () => {
    const stand = filled();
    importKey(stand.hsm, { label: 'next', id: '02', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'next_hmac', id: '03', type: 'generic', value: randomBytes(32) });
    const former = { COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo', COFFER_HSM_PREVIOUS_HMAC_KEY_LABEL: 'hsm_hmac_demo' };
    const env = { COFFER_HSM_KEY_LABEL: 'next', COFFER_HSM_HMAC_KEY_LABEL: 'next_hmac', ...former };
    expect(stand.run(['kv', 'get', '-field=v', 'wrapped/app'], { env })).toMatchObject({
      status: 0,
      stdout: 'plaintext-w',
    });
    expect(stand.run(['kv', 'put', 'wrapped/new', 'v=plaintext-n'], { env })).toMatchObject({ status: 0 });
    expect(stand.run(['kv', 'get', '-field=v', 'wrapped/new'], { env })).toMatchObject({
      status: 0,
      stdout: 'plaintext-n',
    });
    const records = readRows(stand.path)
      .filter(({ path }) => path.startsWith('data/'))
      .map(({ value }) => readRecord(value, 'it').wraps[0]?.keyLabel);
    expect(records.sort()).toEqual(['hsm_demo', 'next']);
  });

  it('names both keys when two have the configured label', () => {
    const stand = filled();
    importKey(stand.hsm, { label: 'twice', id: '0a', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'twice', id: '0b', type: 'aes', value: randomBytes(32) });
    const outcome = stand.run(['kv', 'put', 'wrapped/app', 'v=x'], {
      env: { COFFER_HSM_KEY_LABEL: 'twice', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' },
    });
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toMatch(/2 keys on token "demo" have label "twice"/);
    expect(outcome.stderr).toMatch(/key_id[^]*id 0a[^]*id 0b|key_id[^]*id 0b[^]*id 0a/);
    expect(
      stand.run(['kv', 'put', 'wrapped/app', 'v=x'], {
        env: { COFFER_HSM_KEY_LABEL: 'twice', COFFER_HSM_KEY_ID: '0a', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' },
      }),
    ).toMatchObject({ status: 0 });
  });

  it('says which use a key forbids', () => {
    const stand = filled();
    importKey(stand.hsm, { label: 'no_encrypt', id: '0c', type: 'aes', value: randomBytes(32), without: ['encrypt'] });
    const outcome = stand.run(['kv', 'put', 'wrapped/app', 'v=x'], {
      env: { COFFER_HSM_KEY_LABEL: 'no_encrypt', COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo' },
    });
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toMatch(/C_EncryptInit .*key "no_encrypt".*CKR_KEY_FUNCTION_NOT_PERMITTED/);
    expect(stand.ok('kv', 'get', '-field=v', 'wrapped/app')).toBe('plaintext-w');
  });

  it('makes no store with a key that encrypts but cannot decrypt', () => {
    const stand = makeStand();
    stands.push(stand);
    importKey(stand.hsm, { label: 'one_way', id: '0d', type: 'aes', value: randomBytes(32), without: ['decrypt'] });
    const env = { COFFER_HSM_KEY_LABEL: 'one_way' };
    const outcome = stand.run(['init', '-recovery-shares=0', '-recovery-threshold=0'], { env });
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toContain('C_DecryptInit');
    expect(stand.run(['init', '-status'], { env })).toMatchObject({ status: 2 });
  });

  it('makes no key in the HSM when its generator is stuck, as it says', () => {
    const stand = makeStand({ shim: true });
    stands.push(stand);
    const outcome = stand.run(['init'], { env: { COFFER_SHIM_FAULT: 'random-stuck' } });
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toContain('no key was made');
    expect(destroyKeys(stand.hsm, 'hsm_demo') + destroyKeys(stand.hsm, 'hsm_hmac_demo')).toBe(0);
  });
});

describe('the mechanisms', () => {
  const variants: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['CKM_AES_CBC_PAD with an HMAC key', {}, ''],
    ['CKM_AES_CBC with an HMAC key', { COFFER_HSM_MECHANISM: 'CKM_AES_CBC' }, ''],
    ['CKM_AES_GCM with an HMAC key', { COFFER_HSM_MECHANISM: '0x1087' }, ''],
    ['CKM_AES_GCM without an HMAC key', {}, 'without'],
  ];
  for (const [name, env, without] of variants) {
    it(`${name}: init, unseal, put, get, and a changed byte is noticed`, () => {
      const stand = makeStand();
      try {
        if (without !== '') {
          const text = `storage "sqlite" {\n  path = "${stand.path}"\n}\nseal "pkcs11" {\n  lib = "${stand.lib}"\n  token_label = "demo"\n  pin = "1234"\n  key_label = "hsm_demo"\n  generate_key = true\n}\n`;
          stand.write('coffer.hcl', text);
        }
        for (const args of [
          ['init', '-recovery-shares=1', '-recovery-threshold=1'],
          ['unseal'],
          ['secrets', 'enable', '-seal-wrap', 'kv'],
          ['kv', 'put', 'kv/a', 'v=w'],
        ]) {
          expect(stand.run(args, { env })).toMatchObject({ status: 0 });
        }
        expect(stand.run(['kv', 'get', '-field=v', 'kv/a'], { env })).toMatchObject({ status: 0, stdout: 'w' });
        const { path, value } = readRows(stand.path).find((row) => row.path.startsWith('data/')) ?? {
          path: '',
          value: Buffer.alloc(0),
        };
        const { wraps, iv, macStanza } = readRecord(value, 'it');
        expect(macStanza === null).toBe(without !== '');
        const places = {
          'the wrapped key': wraps[0]?.ciphertext ?? Buffer.alloc(1),
          'its IV': wraps[0]?.parameters ?? Buffer.alloc(1),
          "the body's IV": iv,
        };
        for (const [what, bytes] of Object.entries(places)) {
          const altered = Buffer.from(value);
          const at = value.indexOf(bytes);
          altered[at] = (altered[at] ?? 0) ^ 1;
          writeRows(stand.path, { [path]: altered });
          const outcome = stand.run(['kv', 'get', 'kv/a'], { env });
          expect(outcome, `${what}: ${outcome.stderr}`).toMatchObject({ status: 4, stdout: '' });
          expect(outcome.stderr).toContain('kv/a');
        }
      } finally {
        stand.remove();
      }
    });
  }
});
