import { hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hkdf } from '../../../../src/engines/transit/derive.ts';
import { b64, hexed, payload, text } from '../../../support/encoding.ts';
import { fixture, giveKey, mount, vaultBackup } from './support.ts';

interface Aead {
  readonly source: string;
  readonly type: string;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly tag: string;
}

describe('decrypt on ciphertexts assembled by hand', () => {
  const { vectors } = fixture('aead') as { vectors: Aead[] };
  it.each(vectors)('$source: $type', async (vector) => {
    const transit = mount();
    await giveKey(transit, 'known', vector.type, vector.key);
    const bytes = hexed(vector.nonce + vector.ciphertext + vector.tag);
    const request = {
      ciphertext: `vault:v1:${b64(bytes)}`,
      ...(vector.aad === '' ? {} : { associated_data: b64(hexed(vector.aad)) }),
    };
    expect(await transit.write('decrypt/known', request)).toEqual({ plaintext: b64(hexed(vector.plaintext)) });

    for (const at of [0, 12, bytes.length - 16, bytes.length - 1]) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      const error = await transit.failure('write', 'decrypt/known', {
        ...request,
        ciphertext: `vault:v1:${b64(altered)}`,
      });
      expect([at, error.code, error.exitStatus]).toEqual([at, 'ciphertext_invalid', 1]);
    }
    const wrongData = await transit.failure('write', 'decrypt/known', { ...request, associated_data: b64('other') });
    expect(wrongData.code).toBe('ciphertext_invalid');
  });
});

describe('what Vault printed', () => {
  const { aes256 } = fixture('vault') as { aes256: { backup: string; ciphertext: string; plaintext: string } };

  it('is restored and decrypted', async () => {
    const transit = mount();
    await transit.write('restore', { backup: aes256.backup });
    expect(await transit.write('decrypt/test-key', { ciphertext: aes256.ciphertext })).toEqual({
      plaintext: aes256.plaintext,
    });
    expect(await transit.read('keys/test-key')).toMatchObject({
      type: 'aes256-gcm96',
      latest_version: 1,
      exportable: true,
      keys: { 1: 1676302966 },
    });
  });

  it('comes out of a backup again, field by field', async () => {
    const transit = mount();
    await transit.write('restore', { backup: aes256.backup });
    const { backup } = await transit.read('backup/test-key');
    const [given, made] = [aes256.backup, text(backup)].map(
      (text) =>
        JSON.parse(Buffer.from(text, 'base64').toString()) as {
          policy: Record<string, unknown>;
          archived_keys: { keys: Record<string, unknown>[] };
        },
    );
    // Not the same: the time of the backup, restore_info, and times finer than a millisecond.
    const differs = { backup_info: null, restore_info: null, keys: null };
    expect({ ...made?.policy, ...differs }).toEqual({ ...given?.policy, ...differs });
    const entries = [given, made].map((content) => ({
      ...(content?.policy['keys'] as Record<string, object>)['1'],
      time: null,
    }));
    expect(entries[1]).toMatchObject(entries[0] ?? { no: 'entry' });
    expect(made?.archived_keys.keys).toHaveLength(2);
    expect(made?.archived_keys.keys[0]).toMatchObject(given?.archived_keys.keys[0] ?? { no: 'entry' });
  });
});

describe('hmac', () => {
  const { vectors, vault } = fixture('hmac') as { vectors: Record<string, string>[]; vault: Record<string, string> };
  const algorithms = ['sha2-224', 'sha2-256', 'sha2-384', 'sha2-512'];

  it.each(vectors)('$source', async ({ key, data, ...expected }) => {
    const transit = mount();
    const hmacKey = JSON.stringify(b64(hexed(key ?? '')));
    const backup = vaultBackup('aes256-gcm96', { key: JSON.stringify(b64(Buffer.alloc(32))), hmac_key: hmacKey });
    await transit.write('restore/known', { backup });
    for (const algorithm of algorithms) {
      const { hmac } = await transit.write(`hmac/known/${algorithm}`, { input: b64(hexed(data ?? '')) });
      expect([algorithm, payload(hmac).toString('hex')]).toEqual([algorithm, expected[algorithm]]);
    }
  });

  it.each(['aes256-gcm96', 'hmac'])("with a key of type %s gives what Vault's own tests expect", async (type) => {
    const transit = mount();
    await giveKey(transit, 'known', type, Buffer.from(vault['key_utf8'] ?? '').toString('hex'));
    for (const algorithm of [...algorithms, 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512']) {
      const input = vault['input'] ?? '';
      expect(await transit.write('hmac/known', { input, algorithm })).toEqual({ hmac: vault[algorithm] });
      expect(await transit.write(`verify/known/${algorithm}`, { input, hmac: vault[algorithm] ?? '' })).toEqual({
        valid: true,
      });
      expect(
        await transit.write('verify/known', {
          input,
          hmac: vault[algorithm] ?? '',
          hash_algorithm: algorithm,
          algorithm: 'xxx',
        }),
      ).toEqual({ valid: true });
    }
    const altered = 'vault:v1:UcBvm4VskkukzZHlPgm3p5P/Yr/PV6xpuOGZISya3A4=';
    expect(await transit.write('verify/known', { input: vault['input'] ?? '', hmac: altered })).toEqual({
      valid: false,
    });
  });
});

describe('ed25519', () => {
  interface Signed {
    readonly source: string;
    readonly seed: string;
    readonly public: string;
    readonly message: string;
    readonly signature: string;
  }
  const { sign } = fixture('ed25519') as { sign: Signed[] };

  it.each(sign)('$source', async (vector) => {
    const transit = mount();
    const pair = JSON.stringify(b64(hexed(vector.seed + vector.public)));
    await transit.write('restore/known', { backup: vaultBackup('ed25519', { key: pair, hmac_key: null }) });
    const input = b64(hexed(vector.message));
    const { signature } = await transit.write('sign/known', { input });
    expect(payload(signature).toString('hex')).toBe(vector.signature);
    expect(await transit.write('verify/known', { input, signature: signature ?? '' })).toEqual({ valid: true });
    const { keys } = await transit.read('keys/known');
    expect(keys).toMatchObject({ 1: { public_key: b64(hexed(vector.public)), name: 'ed25519' } });
    const exported = await transit.read('export/signing-key/known');
    expect(exported['keys']).toEqual({ 1: b64(hexed(vector.seed + vector.public)) });
  });
});

describe('hkdf', () => {
  const { hkdf: vector } = fixture('derivation') as { hkdf: Record<string, string> };

  it('is that of RFC 5869', () => {
    const output = hkdf(hexed(vector['key'] ?? ''), hexed(vector['info'] ?? ''), 42);
    expect(output.toString('hex')).toBe(vector['output']);
  });

  it.each([1, 16, 32, 48, 64, 255])('agrees with OpenSSL over %i bytes with info', (length) => {
    const [key, info] = [Buffer.from('a key of any length'), Buffer.alloc(1000, 'info')];
    expect(hkdf(key, info, length).toString('hex')).toBe(
      Buffer.from(hkdfSync('sha256', key, '', info, length)).toString('hex'),
    );
  });
});
