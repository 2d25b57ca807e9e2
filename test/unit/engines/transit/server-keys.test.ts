import { createECDH } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, hexed, payload, text, unb64 } from '../../../support/encoding.ts';
import { fixture, giveKey, mount, vaultBackup } from './support.ts';

// Keys as a server of Vault's or OpenBao's writes them into its backups, and what they do there.

interface Derived {
  readonly ed25519: { pair: string; public: string; signature: string };
  readonly counter: readonly { key: string; output: string; ciphertext: string }[];
}
const { ed25519, counter } = fixture('derived') as Derived;
const CONTEXT = b64('a context');
const KEY = b64(Buffer.alloc(32, 7));
const OTHER = b64(Buffer.alloc(32, 8));

/** @param entry texts */
function symmetric(entry: JsonObject, policy: JsonObject = {}, type = 'aes256-gcm96'): string {
  return vaultBackup(
    type,
    Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, JSON.stringify(value)])),
    policy,
  );
}

/** The policy within a backup that coffer wrote. */
function policyOf(backup: unknown): JsonObject {
  const { policy } = JSON.parse(unb64(backup).toString()) as { policy: JsonObject };
  return policy;
}

describe('a derived ed25519 key', () => {
  const backup = symmetric({ key: b64(hexed(ed25519.pair)), hmac_key: KEY }, { derived: true, kdf: 1 }, 'ed25519');

  it('derives of the seed and the public key, as on the server', async () => {
    const transit = mount();
    await transit.write('restore/k', { backup });
    const { signature, public_key } = await transit.write('sign/k', { input: b64('hello'), context: CONTEXT });
    expect(unb64(public_key).toString('hex')).toBe(ed25519.public);
    expect(payload(signature).toString('hex')).toBe(ed25519.signature);
    const theirs = `vault:v1:${b64(hexed(ed25519.signature))}`;
    expect(await transit.write('verify/k', { input: b64('hello'), context: CONTEXT, signature: theirs })).toEqual({
      valid: true,
    });
    expect((await transit.read('keys/k', { context: CONTEXT }))['keys']).toMatchObject({
      1: { public_key: b64(hexed(ed25519.public)) },
    });
  });

  it('goes back as it came', async () => {
    const transit = mount();
    await transit.write('restore/k', { backup });
    await transit.write('keys/k/config', { allow_plaintext_backup: true });
    const policy = policyOf((await transit.read('backup/k'))['backup']);
    expect(policy).toMatchObject({ kdf: 1, derived: true, keys: { 1: { key: b64(hexed(ed25519.pair)) } } });
  });

  it.each([
    [
      'whose public key is another',
      { key: b64(Buffer.concat([hexed(ed25519.pair).subarray(0, 32), hexed(ed25519.public)])) },
    ],
    ['of 32 bytes', { key: KEY }],
    ['of 65 bytes', { key: b64(Buffer.concat([hexed(ed25519.pair), Buffer.alloc(1)])) }],
    ['with a public key alone', { key: null, public_key: b64(hexed(ed25519.public)) }],
  ])('%s is refused', async (_what, entry) => {
    const error = await mount().failure('write', 'restore/k', {
      backup: symmetric({ hmac_key: KEY, ...entry }, { derived: true, kdf: 1 }, 'ed25519'),
    });
    expect(error).toMatchObject({ code: 'bad_backup', exitStatus: 1 });
  });
});

describe('a key that derives in counter mode (kdf 0)', () => {
  it.each(counter)(
    'of $key decrypts what was encrypted outside, and says what it does',
    async ({ key, ciphertext }) => {
      const transit = mount();
      const type = key.length === 32 ? 'aes128-gcm96' : 'aes256-gcm96';
      await giveKey(transit, 'k', type, key, { derived: true, kdf: 0, Imported: true, allow_plaintext_backup: true });
      const request = { ciphertext: `vault:v1:${b64(hexed(ciphertext))}`, context: CONTEXT };
      expect(await transit.write('decrypt/k', request)).toEqual({ plaintext: b64('hello') });
      const made = await transit.write('encrypt/k', { plaintext: b64('x'), context: CONTEXT });
      expect(await transit.write('decrypt/k', { ...made, context: CONTEXT })).toEqual({ plaintext: b64('x') });
      expect(await transit.read('keys/k')).toMatchObject({ derived: true, kdf: 'hmac-sha256-counter' });
      expect(policyOf((await transit.read('backup/k'))['backup'])).toMatchObject({ derived: true, kdf: 0 });
    },
  );

  it('and one that derives by HKDF make different keys of the same', async () => {
    const transit = mount();
    for (const kdf of [0, 1])
      await giveKey(transit, `kdf${kdf}`, 'aes256-gcm96', '00'.repeat(32), { derived: true, kdf });
    const made = await transit.write('encrypt/kdf0', { plaintext: b64('x'), context: CONTEXT });
    expect(await transit.failure('write', 'decrypt/kdf1', { ...made, context: CONTEXT })).toMatchObject({
      code: 'ciphertext_invalid',
    });
  });

  it.each([
    [
      'ed25519',
      symmetric({ key: b64(hexed(ed25519.pair)), hmac_key: KEY }, { derived: true, kdf: 0, Imported: true }, 'ed25519'),
    ],
    [
      'convergent encryption',
      symmetric(
        { key: KEY, hmac_key: KEY },
        { derived: true, kdf: 0, convergent_encryption: true, convergent_version: 3 },
      ),
    ],
  ])('is refused for %s, for which no server has it', async (_what, backup) => {
    expect(await mount().failure('write', 'restore/k', { backup })).toMatchObject({ code: 'unsupported_backup' });
  });

  it('is not looked at where nothing is derived', async () => {
    const transit = mount();
    await giveKey(transit, 'k', 'aes256-gcm96', '00'.repeat(32), { kdf: 0, allow_plaintext_backup: true });
    expect(policyOf((await transit.read('backup/k'))['backup'])).toMatchObject({ derived: false, kdf: 0 });
  });
});

describe('the number of a type that means hmac to Vault (11) or to OpenBao (10)', () => {
  const hmacPolicy = { key_size: 32 };

  it.each([10, 11])('%i is hmac where the key is that: with a size, and twice', async (type) => {
    const transit = mount();
    await transit.write('restore/k', { backup: symmetric({ key: KEY, hmac_key: KEY }, { type, ...hmacPolicy }) });
    expect(await transit.read('keys/k')).toMatchObject({ type: 'hmac', key_size: 32 });
    await giveKey(transit, 'same', 'hmac', '07'.repeat(32));
    const { hmac } = await transit.write('hmac/k', { input: 'YQ==' });
    expect(await transit.write('hmac/same', { input: 'YQ==' })).toEqual({ hmac });
  });

  it.each([
    ["OpenBao's xchacha20-poly1305", { key: KEY, hmac_key: OTHER }, { type: 11 }, 'xchacha20-poly1305 in OpenBao'],
    [
      "Vault's managed_key",
      { key: null, hmac_key: null, managed_key_id: 'b8c0a1f2' },
      { type: 10 },
      'managed_key in Vault',
    ],
    ['a key without a size', { key: KEY, hmac_key: KEY }, { type: 11 }, '(number 11)'],
    ['a key with another key for hmac/', { key: KEY, hmac_key: OTHER }, { type: 10, ...hmacPolicy }, '(number 10)'],
    ['a key with none for hmac/', { key: KEY, hmac_key: null }, { type: 11, ...hmacPolicy }, '(number 11)'],
    ['a size that no hmac key has', { key: KEY, hmac_key: KEY }, { type: 11, key_size: 31 }, '(number 11)'],
    ["OpenBao's external key", { key: null, external_key_ref: 'a:b' }, { type: 10_000 }, '(number 10000)'],
    ['a type yet to come', { key: KEY, hmac_key: KEY }, { type: 12, ...hmacPolicy }, '(number 12)'],
  ])('is refused for %s', async (_what, entry, policy, named) => {
    const error = await mount().failure('write', 'restore/k', { backup: symmetric(entry, policy) });
    expect(error).toMatchObject({ code: 'unsupported_backup', exitStatus: 1 });
    expect(error.message).toContain(named);
  });

  it.each([
    ['', 11],
    ['vault', 11],
    ['openbao', 10],
  ])('is written in the dialect %j as %i, and restored from either', async (dialect, type) => {
    const [from, to] = [mount(), mount()];
    await from.write('keys/k', { type: 'hmac', key_size: 48, exportable: true, allow_plaintext_backup: true });
    await from.write('keys/k/rotate');
    const { backup } = await from.read('backup/k', dialect === '' ? {} : { dialect });
    expect(policyOf(backup)).toMatchObject({ type, key_size: 48 });
    for (const { key, hmac_key } of Object.values(policyOf(backup)['keys'] as { [number: string]: JsonObject }))
      expect(hmac_key).toBe(key);
    await to.write('restore', { backup: backup ?? '' });
    const { hmac } = await from.write('hmac/k', { input: 'YQ==', key_version: 1 });
    expect(await to.write('verify/k', { input: 'YQ==', hmac: hmac ?? '' })).toEqual({ valid: true });
  });

  it('differs in no other type, and there is no third dialect', async () => {
    const transit = mount();
    await transit.write('keys/k', { exportable: true, allow_plaintext_backup: true });
    expect(await transit.read('backup/k', { dialect: 'openbao' })).toEqual(await transit.read('backup/k'));
    expect(await transit.failure('read', 'backup/k', { dialect: 'OpenBao' })).toMatchObject({ code: 'bad_parameter' });
  });
});

describe('a version without a key for hmac/', () => {
  it.each([null, ''])('(hmac_key %j in a backup) refuses hmac, and its verification, and export', async (hmac_key) => {
    const transit = mount();
    await transit.write('restore/k', { backup: symmetric({ key: KEY, hmac_key }, { allow_plaintext_backup: true }) });
    const request = { input: 'YQ==', hmac: 'vault:v1:AAAA' };
    for (const [operation, path] of [
      ['write', 'hmac/k'],
      ['write', 'verify/k'],
      ['read', 'export/hmac-key/k'],
    ] as const) {
      expect(await transit.failure(operation, path, request), path).toMatchObject({
        code: 'no_hmac_key',
        exitStatus: 2,
      });
    }
    expect(policyOf((await transit.read('backup/k'))['backup'])).toMatchObject({ keys: { 1: { hmac_key: null } } });
    await transit.write('keys/k/rotate');
    const { hmac } = await transit.write('hmac/k', { input: 'YQ==' });
    expect(await transit.write('verify/k', { input: 'YQ==', hmac: hmac ?? '' })).toEqual({ valid: true });
    expect(await transit.failure('write', 'hmac/k', { input: 'YQ==', key_version: 1 })).toMatchObject({
      code: 'no_hmac_key',
    });
  });

  it('still encrypts', async () => {
    const transit = mount();
    await transit.write('restore/k', { backup: symmetric({ key: KEY, hmac_key: null }) });
    expect(await transit.write('encrypt/k', { plaintext: 'YQ==' })).toMatchObject({ key_version: 1 });
  });
});

describe('restore', () => {
  const good = { key: KEY, hmac_key: KEY };

  it.each([
    [
      'min_decryption_version above the latest',
      { min_decryption_version: 2 },
      'min_decryption_version cannot be 2: the latest version is 1',
    ],
    ['min_encryption_version above the latest', { min_encryption_version: 2 }, 'min_encryption_version cannot be 2'],
    ['no version', { latest_version: 0 }, 'the latest version is 0'],
    [
      'more versions than it holds, at once',
      { latest_version: 9_007_199_254_740_991, min_decryption_version: 9_007_199_254_740_991 },
      'missing',
    ],
  ])('refuses %s', async (_what, policy, message) => {
    const error = await mount().failure('write', 'restore/k', { backup: symmetric(good, policy) });
    expect(error).toMatchObject({ code: 'bad_backup', exitStatus: 1 });
    expect(error.message).toContain(message);
  });

  it.each([
    [
      'derived RSA',
      vaultBackup('rsa-2048', { rsa_key: '{"N":1,"E":65537}' }, { derived: true, kdf: 1 }),
      'unsupported_backup',
    ],
    [
      'convergent encryption without derivation',
      symmetric(good, { convergent_encryption: true, convergent_version: 3 }),
      'unsupported_backup',
    ],
    ['a key that is marked as deleted', symmetric(good, { soft_deleted: true }), 'unsupported_backup'],
  ])('refuses %s', async (_what, backup, code) => {
    expect(await mount().failure('write', 'restore/k', { backup })).toMatchObject({ code });
  });

  it('names what it leaves behind', async () => {
    const transit = mount();
    const warnings = async (entry: JsonObject, policy: JsonObject) =>
      (await transit.call('write', 'restore/k', { backup: symmetric(entry, policy), force: true }))?.warnings;
    expect(await warnings(good, { auto_rotate_period: 3_600_000_000_000 })).toEqual([
      'auto_rotate_period was not restored: no server runs that could rotate the key',
    ]);
    expect(await warnings({ ...good, certificate_chain: ['MIIB'] }, {})).toEqual([
      '"certificate_chain" of version 1 was not restored',
    ]);
    expect(await warnings({ ...good, of_tomorrow: 1 }, { policy_of_tomorrow: { a: [1] } })).toEqual([
      '"policy_of_tomorrow" of the backup was not restored',
      '"of_tomorrow" of version 1 was not restored',
    ]);
  });

  it('names the versions that it is about, archived ones and those beyond the latest too', async () => {
    const chained = { ...good, certificate_chain: ['MIIB'] };
    const policy = { name: 'k', type: 0, latest_version: 2, min_decryption_version: 2, keys: { 2: chained, 3: good } };
    const backup = b64(JSON.stringify({ policy, archived_keys: { keys: [{}, chained, chained] } }));
    expect((await mount().call('write', 'restore', { backup }))?.warnings).toEqual([
      '"certificate_chain" of versions 1, 2 was not restored',
      'version "3" was not restored: it is none of the key\'s',
    ]);
  });

  it('has nothing to say of what is there and empty', async () => {
    const entry = { ...good, certificate_chain: [], external_key_ref: '', public_key_imported: false };
    const policy = {
      auto_rotate_period: 0,
      hybrid_config: { pqc_key_type: '', ec_key_type: '' },
      soft_deleted: false,
      storage_prefix: 'x/',
      backup_info: { version: 1 },
    };
    expect((await mount().call('write', 'restore/k', { backup: symmetric(entry, policy) }))?.warnings).toEqual([]);
  });

  it('refuses an EC key whose public key belongs to another', async () => {
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(Buffer.alloc(32, 1));
    const point = ecdh.getPublicKey('hex').slice(2);
    const [x, y] = [point.slice(0, 64), point.slice(64)].map((half) => BigInt(`0x${half}`).toString());
    const d = (scalar: number) => BigInt(`0x${Buffer.alloc(32, scalar).toString('hex')}`).toString();
    const backup = (scalar: number) =>
      vaultBackup('ecdsa-p256', { ec_x: x ?? '', ec_y: y ?? '', ec_d: d(scalar), hmac_key: JSON.stringify(KEY) });
    await mount().write('restore/k', { backup: backup(1) });
    expect(await mount().failure('write', 'restore/k', { backup: backup(2) })).toMatchObject({ code: 'bad_backup' });
  });
});

describe('version 0', () => {
  it('is version 1 of a ciphertext, and of nothing else', async () => {
    const transit = mount();
    await transit.write('keys/sign', { type: 'ed25519' });
    const made = {
      ...(await transit.write('encrypt/k', { plaintext: 'YQ==' })),
      ...(await transit.write('sign/sign', { input: 'YQ==' })),
      ...(await transit.write('hmac/k', { input: 'YQ==' })),
    };
    const zero = (name: 'ciphertext' | 'signature' | 'hmac') => ({ [name]: text(made[name]).replace('v1', 'v0') });
    expect(await transit.write('decrypt/k', zero('ciphertext'))).toEqual({ plaintext: 'YQ==' });
    for (const [path, name] of [
      ['verify/sign', 'signature'],
      ['verify/k', 'hmac'],
    ] as const) {
      expect(await transit.failure('write', path, { input: 'YQ==', ...zero(name) })).toMatchObject({
        code: 'no_version',
        exitStatus: 2,
      });
    }
  });
});

describe('a derived ed25519 key made here', () => {
  it('signs as the derivation of its exported pair does', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519', derived: true, exportable: true });
    const { keys } = await transit.read('export/signing-key/k');
    const pair = (keys as { 1: string })[1];
    const copy = mount();
    await copy.write('restore/k', {
      backup: symmetric({ key: pair, hmac_key: KEY }, { derived: true, kdf: 1 }, 'ed25519'),
    });
    const request = { input: 'YQ==', context: CONTEXT };
    expect(await copy.write('sign/k', request)).toEqual(await transit.write('sign/k', request));
  });
});
