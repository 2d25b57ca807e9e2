import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/json.ts';
import { b64, fixture, hexed, mount, openssl, opensslVerifies, payload, text, vaultBackup } from './support.ts';
import type { Mount } from './support.ts';

const HASHES = [
  ['sha1', 'sha1'],
  ['sha2-224', 'sha224'],
  ['sha2-256', 'sha256'],
  ['sha2-384', 'sha384'],
  ['sha2-512', 'sha512'],
  ['sha3-224', 'sha3-224'],
  ['sha3-256', 'sha3-256'],
  ['sha3-384', 'sha3-384'],
  ['sha3-512', 'sha3-512'],
] as const;

const MESSAGE = Buffer.from('the quick brown fox');

/** The public key of version 1 in PEM. */
async function pem(transit: Mount, name: string): Promise<string> {
  const { keys } = await transit.read(`export/public-key/${name}`);
  return (keys as { 1: string })[1];
}

async function answered(transit: Mount, request: JsonObject): Promise<unknown> {
  return (await transit.write('verify/k', request))['valid'];
}

describe.each(['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521'])('%s', (type) => {
  let transit: Mount;
  let publicPem: string;
  beforeAll(async () => {
    transit = mount();
    await transit.write('keys/k', { type });
    publicPem = await pem(transit, 'k');
  });

  it.each(HASHES)('signs with %s what openssl verifies, prehashed or not', async (hash_algorithm, name) => {
    const digest = createHash(name).update(MESSAGE).digest();
    const whole = { input: b64(MESSAGE), hash_algorithm };
    const prehashed = { input: b64(digest), hash_algorithm, prehashed: true };
    for (const request of [whole, prehashed]) {
      const { signature, key_version } = await transit.write('sign/k', request);
      expect(key_version).toBe(1);
      const files = { 'key.pem': publicPem, 'sig.bin': payload(signature), 'message.bin': MESSAGE };
      expect(opensslVerifies(['dgst', `-${name}`, '-verify', 'key.pem', '-signature', 'sig.bin', 'message.bin'], files)).toBe(true);
      for (const check of [whole, prehashed]) expect(await answered(transit, { ...check, signature: signature ?? '' })).toBe(true);
      const other = { ...whole, input: b64('the quick brown dog'), signature: signature ?? '' };
      expect(await answered(transit, other)).toBe(false);
      const otherDigest = { ...prehashed, input: b64(createHash(name).update('dog').digest()), signature: signature ?? '' };
      expect(await answered(transit, otherDigest)).toBe(false);
    }
  });

  it('verifies what openssl signed with the exported key', async () => {
    await transit.write('keys/k/config', { exportable: true });
    const { keys } = await transit.read('export/signing-key/k');
    const secret = (keys as { 1: string })[1];
    expect(secret).toMatch(/^-----BEGIN EC PRIVATE KEY-----[^]*-----END EC PRIVATE KEY-----$/);
    const files = { 'key.pem': secret, 'message.bin': MESSAGE, 'digest.bin': createHash('sha256').update(MESSAGE).digest() };
    const signatures = [
      openssl(['dgst', '-sha256', '-sign', 'key.pem', 'message.bin'], files),
      openssl(['pkeyutl', '-sign', '-inkey', 'key.pem', '-in', 'digest.bin'], files),
    ];
    for (const signature of signatures) {
      const text = `vault:v1:${b64(signature)}`;
      expect(await answered(transit, { input: b64(MESSAGE), signature: text })).toBe(true);
      expect(await answered(transit, { input: b64(files['digest.bin']), prehashed: true, signature: text })).toBe(true);
    }
  });

  it('marshals as asn1 or jws, and does not take one for the other', async () => {
    const bytes = { 'ecdsa-p256': 32, 'ecdsa-p384': 48, 'ecdsa-p521': 66 }[type] ?? 0;
    for (const input of [{ input: b64(MESSAGE) }, { input: b64(hexed('aa'.repeat(32))), prehashed: true }]) {
      const jws = await transit.write('sign/k', { ...input, marshaling_algorithm: 'jws' });
      expect(text(jws['signature'])).toMatch(/^vault:v1:[\w-]+$/);
      expect(payload(jws['signature'], 'base64url')).toHaveLength(2 * bytes);
      expect(await answered(transit, { ...input, marshaling_algorithm: 'jws', signature: jws['signature'] ?? '' })).toBe(true);
      const asn1 = await transit.write('sign/k', input);
      const swapped = b64(payload(jws['signature'], 'base64url'));
      expect(await answered(transit, { ...input, signature: `vault:v1:${swapped}` })).toBe(false);
      const urlSafe = payload(asn1['signature']).toString('base64url');
      expect(await answered(transit, { ...input, marshaling_algorithm: 'jws', signature: `vault:v1:${urlSafe}` })).toBe(false);
    }
  });

  it('signs digests of any length, cutting the longer ones off, in agreement with openssl', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 20, maxLength: 64 }), async (digest) => {
        const { signature } = await transit.write('sign/k', { input: b64(digest), prehashed: true });
        expect(await answered(transit, { input: b64(digest), prehashed: true, signature: signature ?? '' })).toBe(true);
        const files = { 'key.pem': publicPem, 'sig.bin': payload(signature), 'digest.bin': digest };
        expect(opensslVerifies(['pkeyutl', '-verify', '-pubin', '-inkey', 'key.pem', '-sigfile', 'sig.bin', '-in', 'digest.bin'], files)).toBe(true);
      }),
      { numRuns: 8 },
    );
  });
});

describe('ecdsa vectors', () => {
  interface Vector {
    readonly type: string;
    readonly d: string;
    readonly x: string;
    readonly y: string;
    readonly r: string;
    readonly s: string;
    readonly signature: string;
  }
  interface Group {
    readonly public: string;
    readonly tests: readonly { tcId: number; message: string; signature: string; valid: boolean }[];
  }
  const { rfc6979, vault, wycheproof } = fixture('ecdsa') as { rfc6979: { message: string; vectors: Vector[] }; vault: { input: string; vectors: Vector[] }; wycheproof: { groups: Group[] } };

  function given({ type, d, x, y }: Vector): string {
    const [ec_d, ec_x, ec_y] = [d, x, y].map((text) => BigInt(`0x${text}`).toString());
    return vaultBackup(type, { ec_d: ec_d ?? '', ec_x: ec_x ?? '', ec_y: ec_y ?? '', hmac_key: null });
  }

  it.each(rfc6979.vectors)('RFC 6979, $type', async (vector) => {
    const transit = mount();
    await transit.write('restore/k', { backup: given(vector) });
    const signature = `vault:v1:${hexed(vector.r + vector.s).toString('base64url')}`;
    const digest = createHash('sha256').update(hexed(rfc6979.message)).digest();
    const request = { signature, marshaling_algorithm: 'jws' };
    expect(await answered(transit, { ...request, input: b64(hexed(rfc6979.message)) })).toBe(true);
    expect(await answered(transit, { ...request, input: b64(digest), prehashed: true })).toBe(true);
    expect(await answered(transit, { ...request, input: b64(digest) })).toBe(false);
  });

  it.each(vault.vectors)("the signature in Vault's tests, $type", async (vector) => {
    const transit = mount();
    await transit.write('restore/k', { backup: given(vector) });
    expect(await answered(transit, { input: vault.input, signature: vector.signature })).toBe(true);
    const digest = createHash('sha256').update(Buffer.from(vault.input, 'base64')).digest();
    expect(await answered(transit, { input: b64(digest), prehashed: true, signature: vector.signature })).toBe(true);
  });

  it.each(wycheproof.groups)('Wycheproof, key $public', async ({ public: point, tests }) => {
    const transit = mount();
    const spki = b64(hexed(`3059301306072a8648ce3d020106082a8648ce3d030107034200${point}`));
    await transit.write('keys/k/import', { type: 'ecdsa-p256', public_key: `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n` });
    for (const { tcId, message, signature: der, valid } of tests) {
      const signature = `vault:v1:${b64(hexed(der))}`;
      const digest = createHash('sha256').update(hexed(message)).digest();
      expect([tcId, await answered(transit, { input: b64(hexed(message)), signature })]).toEqual([tcId, valid]);
      expect([tcId, await answered(transit, { input: b64(digest), prehashed: true, signature })]).toEqual([tcId, valid]);
    }
  });

  it('refuses r and s of 0 and of the order, prehashed too', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ecdsa-p256' });
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    const [zero, one] = ['00'.repeat(32), `${'00'.repeat(31)}01`];
    for (const [r, s] of [[zero, zero], [zero, one], [one, zero], [order, one], [one, order], [order, order]]) {
      const signature = `vault:v1:${hexed(`${r ?? ''}${s ?? ''}`).toString('base64url')}`;
      for (const prehashed of [true, false]) {
        expect(await answered(transit, { input: b64(Buffer.alloc(32)), prehashed, signature, marshaling_algorithm: 'jws' })).toBe(false);
      }
    }
  });
});

describe('rsa-2048', () => {
  let transit: Mount;
  let publicPem: string;
  beforeAll(async () => {
    transit = mount();
    await transit.write('keys/k', { type: 'rsa-2048', exportable: true });
    publicPem = await pem(transit, 'k');
  });

  it.each(HASHES)('signs pss and pkcs1v15 with %s what openssl verifies, prehashed or not', async (hash_algorithm, name) => {
    const digest = createHash(name).update(MESSAGE).digest();
    const whole = { input: b64(MESSAGE), hash_algorithm };
    const prehashed = { input: b64(digest), hash_algorithm, prehashed: true };
    const most = 256 - 2 - digest.length;
    const schemes: [JsonObject, string[]][] = [
      [{}, ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', `rsa_pss_saltlen:${most}`]],
      [{ signature_algorithm: 'pss', salt_length: 'hash' }, ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']],
      [{ salt_length: 17 }, ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:17']],
      [{ signature_algorithm: 'pkcs1v15' }, []],
    ];
    for (const [scheme, options] of schemes) {
      for (const request of [whole, prehashed]) {
        const { signature } = await transit.write('sign/k', { ...request, ...scheme });
        const files = { 'key.pem': publicPem, 'sig.bin': payload(signature), 'message.bin': MESSAGE };
        expect(opensslVerifies(['dgst', `-${name}`, '-verify', 'key.pem', ...options, '-signature', 'sig.bin', 'message.bin'], files)).toBe(true);
        for (const check of [whole, prehashed]) expect(await answered(transit, { ...check, ...scheme, signature: signature ?? '' })).toBe(true);
        const wrong = createHash(name).update('dog').digest();
        expect(await answered(transit, { ...prehashed, ...scheme, input: b64(wrong), signature: signature ?? '' })).toBe(false);
        expect(await answered(transit, { ...whole, ...scheme, input: b64('dog'), signature: signature ?? '' })).toBe(false);
      }
    }
  });

  it('does not take another salt length, scheme or hash, prehashed or not', async () => {
    const digest = createHash('sha256').update(MESSAGE).digest();
    for (const input of [{ input: b64(MESSAGE) }, { input: b64(digest), prehashed: true }]) {
      const { signature } = await transit.write('sign/k', { ...input, salt_length: 20 });
      const verdict = (more: JsonObject) => answered(transit, { ...input, signature: signature ?? '', ...more });
      expect(await verdict({ salt_length: 20 })).toBe(true);
      expect(await verdict({})).toBe(true);
      expect(await verdict({ salt_length: 'hash' })).toBe(false);
      expect(await verdict({ salt_length: 21 })).toBe(false);
      expect(await verdict({ signature_algorithm: 'pkcs1v15' })).toBe(false);
      expect(await verdict({ hash_algorithm: 'sha3-256' })).toBe(false);
    }
  });

  it('finds every flipped bit of a prehashed signature', async () => {
    const input = b64(createHash('sha256').update(MESSAGE).digest());
    for (const signature_algorithm of ['pss', 'pkcs1v15']) {
      const { signature } = await transit.write('sign/k', { input, prehashed: true, signature_algorithm });
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 2047 }), async (bit) => {
          const altered = payload(signature);
          altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(await answered(transit, { input, prehashed: true, signature_algorithm, signature: `vault:v1:${b64(altered)}` })).toBe(false);
        }),
        { numRuns: 30 },
      );
    }
  });

  it('signs anything as it is with hash_algorithm=none, which openssl recovers', async () => {
    const request = { input: b64(MESSAGE), prehashed: true, hash_algorithm: 'none', signature_algorithm: 'pkcs1v15' };
    const { signature } = await transit.write('sign/k', request);
    const recovered = openssl(['pkeyutl', '-verifyrecover', '-pubin', '-inkey', 'key.pem', '-in', 'sig.bin'], { 'key.pem': publicPem, 'sig.bin': payload(signature) });
    expect(recovered.toString()).toBe(MESSAGE.toString());
    expect(await answered(transit, { ...request, signature: signature ?? '' })).toBe(true);
    expect(await answered(transit, { ...request, input: b64('dog'), signature: signature ?? '' })).toBe(false);
    expect(await transit.failure('write', 'sign/k', { ...request, input: b64(Buffer.alloc(246)) })).toMatchObject({ code: 'bad_parameter' });
  });

  it('encrypts with OAEP SHA-256, which openssl decrypts, and the other way round', async () => {
    const { keys } = await transit.read('export/encryption-key/k');
    const files = { 'key.pem': (keys as { 1: string })[1] };
    const options = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
    const { ciphertext } = await transit.write('encrypt/k', { plaintext: b64(MESSAGE) });
    const plaintext = openssl(['pkeyutl', '-decrypt', '-inkey', 'key.pem', ...options, '-in', 'ct.bin'], { ...files, 'ct.bin': payload(ciphertext) });
    expect(plaintext.equals(MESSAGE)).toBe(true);
    const made = openssl(['pkeyutl', '-encrypt', '-inkey', 'key.pem', ...options, '-in', 'pt.bin'], { ...files, 'pt.bin': MESSAGE });
    expect(await transit.write('decrypt/k', { ciphertext: `vault:v1:${b64(made)}` })).toEqual({ plaintext: b64(MESSAGE) });
  });
});

describe('ed25519', () => {
  it('signs what openssl verifies, and derives keys that differ by context', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519', derived: true });
    const made: unknown[] = [];
    for (const context of ['YQ==', 'Yg==']) {
      const { signature, public_key } = await transit.write('sign/k', { input: b64(MESSAGE), context });
      made.push(public_key);
      const spki = Buffer.concat([hexed('302a300506032b6570032100'), Buffer.from(text(public_key), 'base64')]);
      const files = { 'key.der': spki, 'sig.bin': payload(signature), 'message.bin': MESSAGE };
      expect(opensslVerifies(['pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', 'key.der', '-rawin', '-in', 'message.bin', '-sigfile', 'sig.bin'], files)).toBe(true);
      expect(await answered(transit, { input: b64(MESSAGE), context, signature: signature ?? '' })).toBe(true);
      expect(await answered(transit, { input: b64(MESSAGE), context: 'Yw==', signature: signature ?? '' })).toBe(false);
    }
    expect(new Set(made).size).toBe(2);
  });

  it('is written in URL-safe base64 with jws', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519' });
    const { signature } = await transit.write('sign/k', { input: b64(MESSAGE), marshaling_algorithm: 'jws' });
    expect(payload(signature, 'base64url')).toHaveLength(64);
    expect(await answered(transit, { input: b64(MESSAGE), marshaling_algorithm: 'jws', signature: signature ?? '' })).toBe(true);
  });
});

describe('batches of sign and verify', () => {
  it('answer item by item', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519' });
    const signed = await transit.write('sign/k', { batch_input: [{ input: 'YQ==', reference: 'a' }, { input: '*' }] });
    const results = signed['batch_results'] as JsonObject[];
    expect(results).toMatchObject([{ reference: 'a', key_version: 1 }, { error: 'input is not base64' }]);
    const signature = results[0]?.['signature'] ?? '';
    const verified = await transit.write('verify/k', { batch_input: [{ input: 'YQ==', signature }, { input: 'Yg==', signature }] });
    expect(verified['batch_results']).toMatchObject([{ valid: true }, { valid: false }]);
  });

  it('spell the public key of a derived key as Vault does', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519', derived: true });
    const signed = await transit.write('sign/k', { batch_input: [{ input: 'YQ==', context: 'YQ==' }] });
    expect(Object.keys((signed['batch_results'] as JsonObject[])[0] ?? {})).toContain('publickey');
  });

  it('do the same for HMACs', async () => {
    const transit = mount();
    await transit.write('keys/k');
    const made = await transit.write('hmac/k', { batch_input: [{ input: 'YQ==' }, { input: 'Yg==' }] });
    const [first] = made['batch_results'] as JsonObject[];
    const hmac = first?.['hmac'] ?? '';
    const verified = await transit.write('verify/k', { batch_input: [{ input: 'YQ==', hmac }, { input: 'Yg==', hmac }] });
    expect(verified['batch_results']).toMatchObject([{ valid: true }, { valid: false }]);
    const mixed = { batch_input: [{ input: 'YQ==', hmac }, { input: 'YQ==', signature: 'x' }] };
    expect(await transit.failure('write', 'verify/k', mixed)).toMatchObject({ code: 'bad_parameter' });
    expect(await transit.failure('write', 'verify/k', { batch_input: [{ input: 'YQ==' }] })).toMatchObject({ code: 'missing_parameter' });
  });
});
