import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { hintText } from '../../../../src/cli/remedies.ts';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, hexed, text, unb64 } from '../../../support/encoding.ts';
import { openssl } from '../../../support/openssl.ts';
import { giveKey, mount, type Mount, vaultBackup } from './support.ts';
import { wrapForImport } from './wrapping.ts';

const ALL_TYPES = [
  'aes128-gcm96',
  'aes256-gcm96',
  'chacha20-poly1305',
  'ed25519',
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'hmac',
];

async function exportedKeys(transit: Mount, path: string): Promise<{ readonly [version: string]: string }> {
  return (await transit.read(path))['keys'] as { [version: string]: string };
}

describe('export', () => {
  it('gives raw keys in base64, every version or one', async () => {
    const transit = mount();
    await giveKey(transit, 'k', 'aes128-gcm96', '00112233445566778899aabbccddeeff');
    await transit.write('keys/k/rotate');
    const all = await transit.read('export/encryption-key/k');
    expect(all).toMatchObject({
      name: 'k',
      type: 'aes128-gcm96',
      keys: { 1: b64(hexed('00112233445566778899aabbccddeeff')) },
    });
    expect(Object.keys(all['keys'] as object)).toEqual(['1', '2']);
    expect(Object.keys(await exportedKeys(transit, 'export/encryption-key/k/latest'))).toEqual(['2']);
    expect(Object.keys(await exportedKeys(transit, 'export/encryption-key/k/1'))).toEqual(['1']);
    expect(Object.keys(await exportedKeys(transit, 'export/encryption-key/k/v2'))).toEqual(['2']);
    await transit.write('keys/k/config', { min_decryption_version: 2 });
    expect(Object.keys(await exportedKeys(transit, 'export/encryption-key/k'))).toEqual(['2']);
    expect(await transit.failure('read', 'export/encryption-key/k/1')).toMatchObject({ code: 'version_too_old' });
    expect(await transit.failure('read', 'export/encryption-key/k/3')).toMatchObject({ code: 'no_version' });
    expect(await transit.failure('read', 'export/encryption-key/k/x')).toMatchObject({ code: 'bad_parameter' });
  });

  it.each([
    ['rsa-2048', 'rsa', /^-----BEGIN RSA PRIVATE KEY-----\n[^]*-----END RSA PRIVATE KEY-----\n$/],
    ['ecdsa-p384', 'ec', /^-----BEGIN EC PRIVATE KEY-----\n[^]*-----END EC PRIVATE KEY-----$/],
  ])('gives %s keys in the PEM that openssl %s reads, with the public key', async (type, command, form) => {
    const transit = mount();
    await transit.write('keys/k', { type, exportable: true });
    const { 1: secret = '' } = await exportedKeys(transit, 'export/signing-key/k');
    expect(secret).toMatch(form);
    const { 1: publicKey } = await exportedKeys(transit, 'export/public-key/k');
    expect(openssl([command, '-in', 'key.pem', '-pubout'], { 'key.pem': secret }).toString()).toBe(
      `${publicKey ?? ''}\n`,
    );
    expect((await transit.read('keys/k'))['keys']).toMatchObject({ 1: { public_key: `${publicKey ?? ''}\n` } });
  });

  it('of what is not exportable is refused, but for the public key', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ecdsa-p256' });
    for (const kind of ['signing-key', 'hmac-key']) {
      expect(await transit.failure('read', `export/${kind}/k`)).toMatchObject({
        code: 'not_exportable',
        exitStatus: 2,
      });
    }
    expect((await exportedKeys(transit, 'export/public-key/k'))['1']).toContain('BEGIN PUBLIC KEY');
  });

  it('refuses what the type does not have, and answers nothing for no key', async () => {
    const transit = mount();
    await transit.write('keys/k', { exportable: true });
    expect(await transit.failure('read', 'export/signing-key/k')).toMatchObject({
      code: 'unsupported_key_type',
      exitStatus: 1,
    });
    expect(await transit.failure('read', 'export/public-key/k')).toMatchObject({ code: 'unsupported_key_type' });
    expect(await transit.failure('read', 'export/soul/k')).toMatchObject({ code: 'bad_parameter', exitStatus: 1 });
    expect(await transit.call('read', 'export/hmac-key/none')).toBeNull();
  });
});

describe('backup and restore', () => {
  async function proof(transit: Mount, name: string, type: string): Promise<JsonObject> {
    if (type === 'hmac')
      return { path: `verify/${name}`, ...(await transit.write(`hmac/${name}`, { input: 'YQ==', key_version: 1 })) };
    if (type.includes('gcm') || type.includes('chacha'))
      return {
        path: `decrypt/${name}`,
        ...(await transit.write(`encrypt/${name}`, { plaintext: 'YQ==', key_version: 1 })),
      };
    return { path: `verify/${name}`, ...(await transit.write(`sign/${name}`, { input: 'YQ==', key_version: 1 })) };
  }

  it.each(ALL_TYPES)(
    'bring a key of type %s with its versions into another store',
    async (type) => {
      const [from, to] = [mount(), mount()];
      await from.write('keys/k', { type, exportable: true, allow_plaintext_backup: true });
      if (type !== 'rsa-4096') await from.write('keys/k/rotate');
      const { path, ...made } = await proof(from, 'k', type);
      const { backup } = await from.read('backup/k');
      await to.write('restore', { backup: backup ?? '' });
      const answer = await to.write(
        text(path),
        text(path).startsWith('decrypt') ? { ciphertext: made['ciphertext'] ?? '' } : { input: 'YQ==', ...made },
      );
      expect(answer).toEqual(text(path).startsWith('decrypt') ? { plaintext: 'YQ==' } : { valid: true });
      const [before, after] = [await from.read('keys/k'), await to.read('keys/k')];
      expect(after).toMatchObject(before);
      expect(after['restore_info']).toEqual({ time: '2026-02-03T04:05:06.789Z', version: before['latest_version'] });
      // What is restored backs up as before.
      const again = await to.read('backup/k');
      const [first, second] = [backup, again['backup']].map((text) =>
        unb64(text)
          .toString()
          .replace(/"restore_info":(null|\{[^}]*\})/, ''),
      );
      expect(second).toBe(first);
    },
    60_000,
  );

  it('keep derived, convergent, trimmed and archived keys as they are', async () => {
    const [from, to] = [mount(), mount()];
    await from.write('keys/k', {
      derived: true,
      convergent_encryption: true,
      exportable: true,
      allow_plaintext_backup: true,
    });
    for (let at = 0; at < 4; at++) await from.write('keys/k/rotate');
    await from.write('keys/k/config', { min_decryption_version: 4, min_encryption_version: 4 });
    await from.write('keys/k/trim', { min_available_version: 3 });
    const { ciphertext } = await from.write('encrypt/k', { plaintext: 'YQ==', context: 'YQ==' });
    await to.write('restore/other', { backup: (await from.read('backup/k'))['backup'] ?? '' });
    expect(await to.write('decrypt/other', { ciphertext: ciphertext ?? '', context: 'YQ==' })).toEqual({
      plaintext: 'YQ==',
    });
    expect(await to.write('encrypt/other', { plaintext: 'YQ==', context: 'YQ==' })).toMatchObject({ ciphertext });
    await to.write('keys/other/config', { min_decryption_version: 3 }); // version 3 was archived, not trimmed
    expect(Object.keys((await to.read('keys/other'))['keys'] as object)).toEqual(['3', '4', '5']);
  });

  it('write integers of EC and RSA keys as JSON numbers in full', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ecdsa-p256', exportable: true, allow_plaintext_backup: true });
    const json = unb64((await transit.read('backup/k'))['backup']).toString();
    const [, d] = /"ec_d":(\d+)/.exec(json) ?? [];
    const { 1: secret = '' } = await exportedKeys(transit, 'export/signing-key/k');
    const shown = openssl(['ec', '-in', 'key.pem', '-text', '-noout'], { 'key.pem': secret }).toString();
    const [, hex = ''] = /priv:\n([\s0-9a-f:]+)pub/.exec(shown) ?? [];
    expect(BigInt(d ?? 0)).toBe(BigInt(`0x${hex.replace(/[\s:]/g, '')}`));
  });

  it('need exportable and allow_plaintext_backup', async () => {
    const transit = mount();
    await transit.write('keys/k', { allow_plaintext_backup: true });
    expect(await transit.failure('read', 'backup/k')).toMatchObject({ code: 'backup_not_allowed', exitStatus: 2 });
    await transit.write('keys/l', { exportable: true });
    expect((await transit.failure('read', 'backup/l')).message).toContain('allow_plaintext_backup');
    expect(await transit.failure('read', 'backup/none')).toMatchObject({ code: 'no_key' });
  });

  it('do not replace a key unless forced', async () => {
    const transit = mount();
    await transit.write('keys/k', { exportable: true, allow_plaintext_backup: true });
    const { backup } = await transit.read('backup/k');
    await transit.write('keys/k/rotate');
    expect(await transit.failure('write', 'restore', { backup: backup ?? '' })).toMatchObject({
      code: 'key_exists',
      exitStatus: 2,
    });
    await transit.write('restore', { backup: backup ?? '', force: true });
    expect(await transit.read('keys/k')).toMatchObject({ latest_version: 1 });
  });

  it.each([
    ['a way to derive that is yet to come', { derived: true, kdf: 2 }, 'unsupported_backup'],
    [
      'convergent encryption version 2',
      { derived: true, kdf: 1, convergent_encryption: true, convergent_version: 2 },
      'unsupported_backup',
    ],
    ['a version template of its own', { version_template: 'seal:{{version}}:' }, 'unsupported_backup'],
    ['a type that coffer does not have', { type: 10 }, 'unsupported_backup'],
    ['a missing version', { latest_version: 2 }, 'bad_backup'],
    ['no version', { latest_version: 0 }, 'bad_backup'],
    ['a key of another type', { type: 8 }, 'bad_backup'],
    ['a name with a slash', { name: 'a/b' }, 'bad_key_name'],
  ])('refuse a backup with %s', async (_what, policy, code) => {
    const backup = vaultBackup('aes256-gcm96', { key: JSON.stringify(b64(Buffer.alloc(32))), hmac_key: null }, policy);
    expect(await mount().failure('write', 'restore', { backup })).toMatchObject({ code, exitStatus: 1 });
  });

  it.each([
    '',
    'x',
    b64('{'),
    b64('[]'),
    b64('{}'),
    b64('{"policy":7}'),
    b64('{"policy":{}}'),
    b64(Buffer.from([0xff, 0xfe])),
  ])('refuse %j', async (backup) => {
    const error = await mount().failure('write', 'restore', { backup });
    expect(['bad_backup', 'missing_parameter']).toContain(error.code);
    expect(error.exitStatus).toBe(1);
  });

  it('refuse an RSA key whose primes do not make its modulus, without a word of it', async () => {
    const backup = vaultBackup('rsa-2048', {
      rsa_key: '{"N":123456789,"E":65537,"D":17,"Primes":[11,13]}',
      hmac_key: null,
    });
    const error = await mount().failure('write', 'restore', { backup });
    expect(error).toMatchObject({ code: 'bad_backup' });
    expect(error.message + hintText(error.hint ?? '')).not.toMatch(/\d{2}/);
  });
});

describe('import', () => {
  let transit: Mount;
  let wrappingKey: string;
  beforeAll(async () => {
    transit = mount();
    wrappingKey = text((await transit.read('wrapping_key'))['public_key']);
  });

  const wrapped = (key: Uint8Array, hash?: string, ephemeral?: Uint8Array) =>
    wrapForImport(wrappingKey, key, hash, ephemeral);

  function pkcs8(...args: string[]): Buffer {
    const pem = openssl(['genpkey', '-algorithm', ...args]).toString();
    return openssl(['pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-outform', 'DER'], { 'key.pem': pem });
  }

  it.each(['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'sha512'])(
    'takes an AES key wrapped with %s',
    async (hash_function) => {
      const key = randomBytes(32);
      const name = `aes-${hash_function}`;
      await transit.write(`keys/${name}/import`, {
        ciphertext: wrapped(key, hash_function.toLowerCase()),
        hash_function,
        exportable: true,
      });
      expect(await exportedKeys(transit, `export/encryption-key/${name}`)).toEqual({ 1: b64(key) });
      expect(await transit.read(`keys/${name}`)).toMatchObject({
        imported_key: true,
        imported_key_allow_rotation: false,
        type: 'aes256-gcm96',
      });
    },
  );

  it.each([
    ['aes128-gcm96', () => randomBytes(16)],
    ['chacha20-poly1305', () => randomBytes(32)],
    ['hmac', () => randomBytes(33)],
    ['ed25519', () => pkcs8('ED25519')],
    ['ecdsa-p256', () => pkcs8('EC', '-pkeyopt', 'ec_paramgen_curve:P-256')],
    ['ecdsa-p384', () => pkcs8('EC', '-pkeyopt', 'ec_paramgen_curve:P-384')],
    ['ecdsa-p521', () => pkcs8('EC', '-pkeyopt', 'ec_paramgen_curve:P-521')],
    ['rsa-2048', () => pkcs8('RSA', '-pkeyopt', 'rsa_keygen_bits:2048')],
  ] as [string, () => Buffer][])('takes a key of type %s that was made outside', async (type, make) => {
    const key = make();
    await transit.write(`keys/in-${type}/import`, {
      type: type.toUpperCase(),
      ciphertext: wrapped(key),
      exportable: true,
    });
    if (type === 'hmac') expect(await exportedKeys(transit, `export/hmac-key/in-${type}`)).toEqual({ 1: b64(key) });
    else if (type.includes('-gcm') || type.includes('chacha'))
      expect(await exportedKeys(transit, `export/encryption-key/in-${type}`)).toEqual({ 1: b64(key) });
    else {
      const expected = openssl(['pkey', '-inform', 'DER', '-in', 'key.der', '-pubout'], { 'key.der': key }).toString();
      const { 1: shown = '' } = await exportedKeys(transit, `export/public-key/in-${type}`);
      const spki = type === 'ed25519' ? hexed('302a300506032b6570032100') : Buffer.alloc(0);
      const found =
        type === 'ed25519'
          ? createPublicKey({ key: Buffer.concat([spki, unb64(shown)]), format: 'der', type: 'spki' })
          : createPublicKey(shown);
      expect(found.export({ type: 'spki', format: 'pem' })).toBe(expected);
      const { signature } = await transit.write(`sign/in-${type}`, { input: 'YQ==' });
      expect(await transit.write(`verify/in-${type}`, { input: 'YQ==', signature: signature ?? '' })).toEqual({
        valid: true,
      });
    }
  });

  it('may not be rotated unless that was allowed, but takes further versions from outside', async () => {
    await transit.write('keys/fixed/import', { ciphertext: wrapped(randomBytes(32)), exportable: true });
    expect(await transit.failure('write', 'keys/fixed/rotate')).toMatchObject({
      code: 'rotation_not_allowed',
      exitStatus: 2,
    });
    const second = randomBytes(32);
    await transit.write('keys/fixed/import_version', { ciphertext: wrapped(second) });
    expect(await exportedKeys(transit, 'export/encryption-key/fixed/2')).toEqual({ 2: b64(second) });
    await transit.write('keys/free/import', { ciphertext: wrapped(randomBytes(32)), allow_rotation: true });
    expect(await transit.write('keys/free/rotate')).toMatchObject({ latest_version: 2, imported_key: false });
    expect(await transit.failure('write', 'keys/free/import_version', { ciphertext: wrapped(second) })).toMatchObject({
      code: 'not_imported',
      exitStatus: 2,
    });
  });

  it('takes a public key alone, and its private key later', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const public_key = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    await transit.write('keys/half/import', { type: 'ecdsa-p256', public_key });
    expect(await transit.failure('write', 'sign/half', { input: 'YQ==' })).toMatchObject({
      code: 'no_private_key',
      exitStatus: 2,
    });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'der',
    });
    expect(
      await transit.failure('write', 'keys/half/import_version', { version: 1, ciphertext: wrapped(other) }),
    ).toMatchObject({ code: 'bad_key', exitStatus: 1 });
    await transit.write('keys/half/import_version', {
      ciphertext: wrapped(pair.privateKey.export({ type: 'pkcs8', format: 'der' })),
    });
    expect(await transit.read('keys/half')).toMatchObject({ latest_version: 1 });
    const { signature } = await transit.write('sign/half', { input: 'YQ==' });
    expect(await transit.write('verify/half', { input: 'YQ==', signature: signature ?? '' })).toEqual({ valid: true });
  });

  it('refuses what is no key of the type', async () => {
    const cases: [string, JsonObject, string][] = [
      ['aes256-gcm96', { ciphertext: wrapped(randomBytes(16)) }, 'bad_key'],
      ['hmac', { ciphertext: wrapped(randomBytes(31)) }, 'bad_key'],
      ['rsa-2048', { ciphertext: wrapped(randomBytes(32)) }, 'bad_key'],
      ['rsa-3072', { ciphertext: wrapped(pkcs8('RSA', '-pkeyopt', 'rsa_keygen_bits:2048')) }, 'bad_key'],
      ['ecdsa-p384', { ciphertext: wrapped(pkcs8('EC', '-pkeyopt', 'ec_paramgen_curve:P-256')) }, 'bad_key'],
      ['ecdsa-p256', { ciphertext: wrapped(pkcs8('ED25519')) }, 'bad_key'],
      ['ecdsa-p256', { public_key: 'x' }, 'bad_key'],
      ['aes256-gcm96', { public_key: wrappingKey }, 'bad_key'],
      ['aes256-gcm96', { ciphertext: wrapped(randomBytes(32)), hash_function: 'SHA1' }, 'import_invalid'],
      ['aes256-gcm96', { ciphertext: wrapped(randomBytes(32)), hash_function: 'MD5' }, 'bad_parameter'],
      ['aes256-gcm96', { ciphertext: wrapped(randomBytes(32), 'sha256', randomBytes(16)) }, 'import_invalid'],
      ['aes256-gcm96', { ciphertext: b64(randomBytes(512)) }, 'import_invalid'],
      ['aes256-gcm96', { ciphertext: b64(randomBytes(600)) }, 'import_invalid'],
      ['aes256-gcm96', { ciphertext: b64(unb64(wrapped(randomBytes(32))).subarray(0, -8)) }, 'import_invalid'],
      ['aes256-gcm96', { ciphertext: '!' }, 'bad_base64'],
      ['aes256-gcm96', {}, 'missing_parameter'],
      ['aes256-gcm96', { ciphertext: 'YQ==', public_key: 'x' }, 'import_invalid'],
      ['aes256-gcm96', { ciphertext: wrapped(randomBytes(32)), convergent_encryption: true }, 'unsupported_parameter'],
      ['rsa-2049', { ciphertext: 'YQ==' }, 'unknown_key_type'],
    ];
    for (const [type, data, code] of cases) {
      const error = await transit.failure('write', 'keys/refused/import', { type, ...data });
      expect([type, data['hash_function'], error.code, error.exitStatus]).toEqual([
        type,
        data['hash_function'],
        code,
        1,
      ]);
    }
    expect(await transit.call('read', 'keys/refused')).toBeNull();
    expect(await transit.failure('write', 'keys/aes-SHA256/import', { ciphertext: 'YQ==' })).toMatchObject({
      code: 'key_exists',
      exitStatus: 2,
    });
  });
});
