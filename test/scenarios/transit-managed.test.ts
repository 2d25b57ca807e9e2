import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withMounts, type Operation } from '../../src/core/index.ts';
import { CofferError } from '../../src/errors.ts';
import type { JsonObject } from '../../src/json.ts';
import { importKey, readKeyFlags } from '../support/softhsm.ts';
import { contextOf, makeStand, type Stand } from '../support/store.ts';
import { b64, payload, text, unb64 } from '../support/encoding.ts';
import { openssl, opensslVerifies } from '../support/openssl.ts';

const CKA = {
  TOKEN: 0x1,
  PRIVATE: 0x2,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  EXTRACTABLE: 0x162,
  LOCAL: 0x163,
  NEVER_EXTRACTABLE: 0x164,
  ALWAYS_SENSITIVE: 0x165,
};

describe.each([{ wrap: false }, { wrap: true }])('managed keys, with seal wrap: $wrap', ({ wrap }) => {
  let stand: Stand;
  const known = randomBytes(16);
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', ...(wrap ? ['-seal-wrap'] : []), 'transit');
    importKey(stand.hsm, { label: 'given', id: '0a', type: 'aes', value: known });
    importKey(stand.hsm, { label: 'twin', id: '0b', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'twin', id: '0c', type: 'aes', value: randomBytes(32) });
    importKey(stand.hsm, { label: 'mute', id: '0d', type: 'aes', value: randomBytes(32), without: ['encrypt'] });
    importKey(stand.hsm, { label: 'generic', id: '0e', type: 'generic', value: randomBytes(32) });
  });
  afterAll(() => stand.remove());

  async function request(operation: Operation, path: string, data: JsonObject = {}) {
    return withMounts(await contextOf(stand), 'write', (mounts) =>
      mounts.request({ operation, path: `transit/${path}`, data }),
    );
  }

  async function write(path: string, data: JsonObject = {}): Promise<JsonObject> {
    return (await request('write', path, data))?.data ?? {};
  }

  async function failure(operation: Operation, path: string, data: JsonObject = {}): Promise<CofferError> {
    const error: unknown = await request(operation, path, data).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error instanceof CofferError) return error;
    throw new Error(`${operation} ${path} did not fail as it should`, { cause: error });
  }

  /** How often the HSM was asked to do `name` meanwhile, beyond opening the store. */
  async function calls(name: string, run: () => Promise<unknown>): Promise<number> {
    const count = () => stand.shim?.calls().filter((call) => call === name).length ?? 0;
    stand.shim?.clear();
    await request('read', 'keys/nothing');
    const idle = count();
    stand.shim?.clear();
    await run();
    return count() - idle;
  }

  const generate = (name: string, type: string) =>
    write(`keys/${name}`, { type: 'managed_key', managed_key_name: `hsm-${name}`, generate: 'true', key_type: type });
  const use = (name: string, label: string, more: JsonObject = {}) =>
    write(`keys/${name}`, { type: 'managed_key', managed_key_name: label, ...more });

  async function publicKey(name: string): Promise<string> {
    const versions = (await request('read', `keys/${name}`))?.data?.['keys'] as {
      [number: string]: { public_key: string };
    };
    return versions['1']?.public_key ?? '';
  }

  /** What the row and the wrapping of it cost: nothing on a plain mount, one decryption on a seal-wrapped one. */
  const perRow = wrap ? 1 : 0;

  it('creates an AES key that the token keeps to itself', async () => {
    expect(await generate('orders', 'aes256')).toMatchObject({
      type: 'managed_key',
      managed_key_name: 'hsm-orders',
      managed_key_type: 'aes256-gcm96',
      exportable: false,
    });
    const flags = readKeyFlags(stand.hsm, 'hsm-orders', [
      CKA.TOKEN,
      CKA.PRIVATE,
      CKA.SENSITIVE,
      CKA.ENCRYPT,
      CKA.DECRYPT,
      CKA.EXTRACTABLE,
      CKA.WRAP,
      CKA.UNWRAP,
    ]);
    expect(flags).toEqual([true, true, true, true, true, false, false, false]);
    const again = await request('write', 'keys/orders', {
      type: 'managed_key',
      managed_key_name: 'hsm-orders',
      generate: 'true',
      key_type: 'aes256',
    });
    expect(again?.warnings).toEqual(['key orders already existed']);
  });

  it('encrypts and decrypts in the HSM', async () => {
    let ciphertext = '';
    const encrypted = await calls(
      'C_Encrypt',
      async () =>
        (ciphertext = text(
          (await write('encrypt/orders', { plaintext: b64('hello'), associated_data: b64('ad') }))['ciphertext'],
        )),
    );
    expect(encrypted).toBe(1);
    expect(payload(ciphertext)).toHaveLength(12 + 5 + 16);
    const decrypted = await calls('C_Decrypt', async () => {
      expect(
        unb64((await write('decrypt/orders', { ciphertext, associated_data: b64('ad') }))['plaintext']).toString(),
      ).toBe('hello');
    });
    expect(decrypted).toBe(1 + perRow);
    expect(await failure('write', 'decrypt/orders', { ciphertext })).toMatchObject({
      code: 'ciphertext_invalid',
      exitStatus: 1,
    });
    expect(await failure('write', 'decrypt/orders', { ciphertext: 'vault:v1:AAAA' })).toMatchObject({
      code: 'ciphertext_malformed',
    });
    const again = text(
      (
        await write('rewrap/orders', {
          ciphertext: (await write('encrypt/orders', { plaintext: b64('x') }))['ciphertext'] ?? '',
        })
      )['ciphertext'],
    );
    expect(unb64((await write('decrypt/orders', { ciphertext: again }))['plaintext']).toString()).toBe('x');
    const datakey = await write('datakey/plaintext/orders');
    expect((await write('decrypt/orders', { ciphertext: datakey['ciphertext'] ?? '' }))['plaintext']).toBe(
      datakey['plaintext'],
    );
  });

  it('writes the ciphertexts of the software keys', async () => {
    expect(await use('given', 'given')).toMatchObject({ managed_key_id: '0a', managed_key_type: 'aes128-gcm96' });
    const backup = {
      policy: {
        name: 'soft',
        type: 8,
        latest_version: 1,
        min_decryption_version: 1,
        keys: { 1: { key: b64(known), hmac_key: b64(known), creation_time: 1 } },
      },
    };
    await write('restore/soft', { backup: b64(JSON.stringify(backup)), force: 'true' });
    const here = await write('encrypt/given', { plaintext: b64('both ways') });
    expect(unb64((await write('decrypt/soft', { ciphertext: here['ciphertext'] ?? '' }))['plaintext']).toString()).toBe(
      'both ways',
    );
    const there = await write('encrypt/soft', { plaintext: b64('back') });
    expect(
      unb64((await write('decrypt/given', { ciphertext: there['ciphertext'] ?? '' }))['plaintext']).toString(),
    ).toBe('back');
  });

  it.each(['rsa-2048', 'ecdsa-p256'])(
    'creates a %s pair whose private half is sensitive and not extractable',
    async (type) => {
      await generate(`pair-${type}`, type);
      const kept = [CKA.SENSITIVE, CKA.ALWAYS_SENSITIVE, CKA.NEVER_EXTRACTABLE, CKA.LOCAL, CKA.SIGN];
      const label = `hsm-pair-${type}`;
      expect(readKeyFlags(stand.hsm, label, kept)).toEqual(kept.map(() => true));
      const forbidden = [CKA.EXTRACTABLE, CKA.UNWRAP];
      expect(readKeyFlags(stand.hsm, label, [CKA.DECRYPT, ...forbidden])).toEqual([
        type === 'rsa-2048',
        ...forbidden.map(() => false),
      ]);
    },
  );

  it('decrypts in the HSM what its RSA public key encrypted', async () => {
    const made = await generate('rsa', 'rsa-2048');
    expect(made).toMatchObject({ managed_key_type: 'rsa-2048', oaep_hash: 'sha1', supports_decryption: true }); // SoftHSM 2.6.1 has no other
    const outside = openssl(
      [
        'pkeyutl',
        '-encrypt',
        '-pubin',
        '-inkey',
        'key.pem',
        '-in',
        'plain',
        '-pkeyopt',
        'rsa_padding_mode:oaep',
        '-pkeyopt',
        'rsa_oaep_md:sha1',
      ],
      { 'key.pem': await publicKey('rsa'), plain: 'from openssl' },
    );
    const decrypted = await calls('C_Decrypt', async () => {
      expect(
        unb64((await write('decrypt/rsa', { ciphertext: `vault:v1:${b64(outside)}` }))['plaintext']).toString(),
      ).toBe('from openssl');
    });
    expect(decrypted).toBe(1 + perRow);
    const { ciphertext = '' } = await write('encrypt/rsa', { plaintext: b64('ours') });
    expect(unb64((await write('decrypt/rsa', { ciphertext }))['plaintext']).toString()).toBe('ours');
    expect(await failure('write', 'decrypt/rsa', { ciphertext: `vault:v1:${b64(randomBytes(256))}` })).toMatchObject({
      code: 'ciphertext_invalid',
    });
    expect(await failure('write', 'encrypt/rsa', { plaintext: b64(randomBytes(215)) })).toMatchObject({
      code: 'plaintext_too_long',
    });
  });

  it.each(['sha2-256', 'sha2-384', 'sha2-512'])(
    'signs with RSA in the HSM over %s, and openssl verifies',
    async (hash) => {
      const option = `-${hash.replace('sha2-', 'sha')}`;
      const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:auto'];
      for (const [scheme, sigopts] of [
        ['pkcs1v15', []],
        ['pss', pss],
      ] as const) {
        let signature = '';
        const signed = await calls('C_Sign', async () => {
          signature = text(
            (await write(`sign/rsa/${hash}`, { input: b64('message'), signature_algorithm: scheme }))['signature'],
          );
        });
        expect(signed).toBe(1);
        const files = { 'key.pem': await publicKey('rsa'), sig: payload(signature), message: 'message' };
        expect(
          opensslVerifies(['dgst', option, '-verify', 'key.pem', ...sigopts, '-signature', 'sig', 'message'], files),
        ).toBe(true);
        expect(
          opensslVerifies(['dgst', option, '-verify', 'key.pem', ...sigopts, '-signature', 'sig', 'message'], {
            ...files,
            message: 'other',
          }),
        ).toBe(false);
        expect(
          await write(`verify/rsa/${hash}`, { input: b64('message'), signature, signature_algorithm: scheme }),
        ).toEqual({ valid: true });
        expect(
          await write(`verify/rsa/${hash}`, { input: b64('other'), signature, signature_algorithm: scheme }),
        ).toEqual({ valid: false });
      }
    },
  );

  it.each(['p256', 'p384', 'p521'])('signs with ECDSA %s in the HSM, and openssl verifies', async (curve) => {
    await generate(`ec-${curve}`, `ecdsa-${curve}`);
    for (const hash of ['sha2-256', 'sha2-512']) {
      let signature = '';
      const signed = await calls(
        'C_Sign',
        async () =>
          (signature = text((await write(`sign/ec-${curve}/${hash}`, { input: b64('message') }))['signature'])),
      );
      expect(signed).toBe(1);
      const files = { 'key.pem': await publicKey(`ec-${curve}`), sig: payload(signature), message: 'message' };
      expect(
        opensslVerifies(
          ['dgst', `-${hash.replace('sha2-', 'sha')}`, '-verify', 'key.pem', '-signature', 'sig', 'message'],
          files,
        ),
      ).toBe(true);
    }
    const jws = text((await write(`sign/ec-${curve}`, { input: b64('m'), marshaling_algorithm: 'jws' }))['signature']);
    expect(payload(jws, 'base64url')).toHaveLength({ p256: 64, p384: 96, p521: 132 }[curve] ?? 0);
    expect(await write(`verify/ec-${curve}`, { input: b64('m'), signature: jws, marshaling_algorithm: 'jws' })).toEqual(
      { valid: true },
    );
    expect(await failure('write', `encrypt/ec-${curve}`, { plaintext: b64('x') })).toMatchObject({
      code: 'unsupported_key_type',
    });
  });

  it('says what is wrong with a key object', async () => {
    const missing = await failure('write', 'keys/a', { type: 'managed_key', managed_key_name: 'nowhere' });
    expect(missing).toMatchObject({ code: 'key_not_found', exitStatus: 3 });
    expect(missing.hint).toContain('label "given", id 0a');
    const twins = await failure('write', 'keys/a', { type: 'managed_key', managed_key_name: 'twin' });
    expect(twins).toMatchObject({ code: 'key_ambiguous', exitStatus: 3 });
    expect(twins.hint).toContain('id 0c');
    expect(await use('twin', 'twin', { managed_key_id: '0C' })).toMatchObject({ managed_key_id: '0c' });
    expect(await failure('write', 'keys/a', { type: 'managed_key', managed_key_name: 'generic' })).toMatchObject({
      code: 'key_type',
      exitStatus: 3,
    });
    expect(await failure('write', 'keys/a', { type: 'managed_key', managed_key_name: 'hsm_demo' })).toMatchObject({
      code: 'seal_key',
      exitStatus: 3,
    });
    const taken = { type: 'managed_key', managed_key_name: 'given', generate: 'true', key_type: 'aes256' };
    expect(await failure('write', 'keys/a', taken)).toMatchObject({ code: 'key_exists', exitStatus: 3 });
    await use('mute', 'mute');
    expect(await failure('write', 'encrypt/mute', { plaintext: b64('x') })).toMatchObject({
      code: 'key_use',
      exitStatus: 3,
    });
    expect((await request('read', 'keys/a'))?.data ?? null).toBeNull();
  });

  it('refuses bad requests before the HSM makes anything', async () => {
    for (const data of [
      {},
      { managed_key_id: 'xyz' },
      { managed_key_name: 'new', generate: 'true' },
      { managed_key_name: 'new', generate: 'true', key_type: 'des' },
      { managed_key_name: 'new', key_type: 'aes256' },
      { managed_key_name: 'given', exportable: 'true' },
      { managed_key_name: 'given', derived: 'true' },
    ]) {
      const made = await calls('C_GenerateKey', async () =>
        expect(await failure('write', 'keys/a', { type: 'managed_key', ...data })).toMatchObject({ exitStatus: 1 }),
      );
      expect(made).toBe(0);
    }
    expect(await failure('write', 'keys/a', { managed_key_name: 'given' })).toMatchObject({ code: 'bad_parameter' });
    expect(await failure('write', 'keys/a/import', { type: 'managed_key' })).toMatchObject({
      code: 'unsupported_key_type',
    });
  });

  it('never shows or changes what the HSM keeps', async () => {
    const refused: readonly [Operation, string, JsonObject?][] = [
      ['write', 'keys/orders/rotate'],
      ['write', 'keys/orders/trim', { min_available_version: 1 }],
      ['write', 'keys/orders/import_version', { ciphertext: 'AAAA' }],
      ['write', 'keys/orders/config', { exportable: 'true' }],
      ['read', 'export/encryption-key/orders'],
      ['read', 'export/signing-key/rsa'],
      ['read', 'export/hmac-key/rsa'],
      ['read', 'backup/orders'],
      ['write', 'hmac/orders', { input: b64('x') }],
      ['write', 'verify/orders', { input: b64('x'), hmac: 'vault:v1:AAAA' }],
    ];
    for (const [operation, path, data] of refused)
      expect(await failure(operation, path, data), path).toMatchObject({ code: 'managed_key', exitStatus: 1 });
    expect(JSON.stringify((await request('read', 'export/public-key/rsa'))?.data)).toContain('BEGIN PUBLIC KEY');
    expect(await failure('write', 'sign/rsa/sha2-224', { input: b64('x') })).toMatchObject({
      code: 'unsupported_hash',
    });
  });

  it('leaves the key object in the HSM when the key is removed, and says so', async () => {
    await write('keys/given/config', { deletion_allowed: 'true' });
    const removed = await request('delete', 'keys/given');
    expect(removed?.warnings).toEqual(['the key object "given" stays in the HSM']);
    expect(await use('again', 'given')).toMatchObject({ managed_key_id: '0a' });
  });
});
