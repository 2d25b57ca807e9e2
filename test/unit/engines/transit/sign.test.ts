import { createHash, createPublicKey } from 'node:crypto';
import { p256, p521 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ecdsaOverDigests } from '../../../../src/engines/transit/ecdsa-digest.ts';
import { encodeSignature } from '../../../../src/engines/transit/signature-encoding.ts';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, hexed, payload, text } from '../../../support/encoding.ts';
import { openssl, opensslVerifies } from '../../../support/openssl.ts';
import { CURVES, ecType, fixture, mount, type Mount, vaultBackup } from './support.ts';

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
      expect(
        opensslVerifies(['dgst', `-${name}`, '-verify', 'key.pem', '-signature', 'sig.bin', 'message.bin'], files),
      ).toBe(true);
      for (const check of [whole, prehashed])
        expect(await answered(transit, { ...check, signature: signature ?? '' })).toBe(true);
      const other = { ...whole, input: b64('the quick brown dog'), signature: signature ?? '' };
      expect(await answered(transit, other)).toBe(false);
      const otherDigest = {
        ...prehashed,
        input: b64(createHash(name).update('dog').digest()),
        signature: signature ?? '',
      };
      expect(await answered(transit, otherDigest)).toBe(false);
    }
  });

  it('verifies what openssl signed with the exported key', async () => {
    await transit.write('keys/k/config', { exportable: true });
    const { keys } = await transit.read('export/signing-key/k');
    const secret = (keys as { 1: string })[1];
    expect(secret).toMatch(/^-----BEGIN EC PRIVATE KEY-----[^]*-----END EC PRIVATE KEY-----$/);
    const files = {
      'key.pem': secret,
      'message.bin': MESSAGE,
      'digest.bin': createHash('sha256').update(MESSAGE).digest(),
    };
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
      expect(
        await answered(transit, { ...input, marshaling_algorithm: 'jws', signature: jws['signature'] ?? '' }),
      ).toBe(true);
      const asn1 = await transit.write('sign/k', input);
      const fromFile = { ...input, marshaling_algorithm: 'jws', signature: `${text(jws['signature'])}\n` };
      expect(await answered(transit, fromFile)).toBe(true);
      const swapped = b64(payload(jws['signature'], 'base64url'));
      expect(await answered(transit, { ...input, signature: `vault:v1:${swapped}` })).toBe(false);
      const urlSafe = payload(asn1['signature']).toString('base64url');
      expect(await answered(transit, { ...input, marshaling_algorithm: 'jws', signature: `vault:v1:${urlSafe}` })).toBe(
        false,
      );
    }
  });

  it('signs digests of any length, cutting the longer ones off, in agreement with openssl', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 20, maxLength: 64 }), async (digest) => {
        const { signature } = await transit.write('sign/k', { input: b64(digest), prehashed: true });
        expect(await answered(transit, { input: b64(digest), prehashed: true, signature: signature ?? '' })).toBe(true);
        const files = { 'key.pem': publicPem, 'sig.bin': payload(signature), 'digest.bin': digest };
        expect(
          opensslVerifies(
            ['pkeyutl', '-verify', '-pubin', '-inkey', 'key.pem', '-sigfile', 'sig.bin', '-in', 'digest.bin'],
            files,
          ),
        ).toBe(true);
      }),
      { numRuns: 8 },
    );
  });

  it('signs digests at the edges in agreement with openssl: zeros, ones, a byte', async () => {
    for (const digest of [Buffer.alloc(32), Buffer.alloc(64), Buffer.alloc(64, 0xff), Buffer.of(0), Buffer.of(1)]) {
      const request = { input: b64(digest), prehashed: true };
      const { signature } = await transit.write('sign/k', request);
      expect([digest, await answered(transit, { ...request, signature: signature ?? '' })]).toEqual([digest, true]);
      const files = { 'key.pem': publicPem, 'sig.bin': payload(signature), 'digest.bin': digest };
      const isVerified = opensslVerifies(
        ['pkeyutl', '-verify', '-pubin', '-inkey', 'key.pem', '-sigfile', 'sig.bin', '-in', 'digest.bin'],
        files,
      );
      expect([digest, isVerified]).toEqual([digest, true]);
    }
  });

  it('looks at the leftmost bits of what is longer than any digest', async () => {
    const bytes = { 'ecdsa-p256': 32, 'ecdsa-p384': 48, 'ecdsa-p521': 66 }[type] ?? 0;
    const long = Buffer.alloc(10_000, 0xa5);
    const { signature } = await transit.write('sign/k', { input: b64(long), prehashed: true });
    const verdict = (digest: Uint8Array) =>
      answered(transit, { input: b64(digest), prehashed: true, signature: signature ?? '' });
    expect(await verdict(long)).toBe(true);
    expect(await verdict(long.subarray(0, bytes))).toBe(true);
    expect(await verdict(long.subarray(0, bytes - 1))).toBe(false);
    const last = Buffer.from(long.subarray(0, bytes));
    last[bytes - 1] = (last[bytes - 1] ?? 0) ^ 1; // of 521 bits, the last 7 of 66 bytes do not count
    expect(await verdict(last)).toBe(type === 'ecdsa-p521');
  });

  it('draws every signature over a digest anew, and leaves s as it comes', async () => {
    const request = { input: b64(Buffer.alloc(32, 7)), prehashed: true, marshaling_algorithm: 'jws' };
    const made: Buffer[] = [];
    for (let at = 0; at < 40; at++)
      made.push(payload((await transit.write('sign/k', request))['signature'], 'base64url'));
    const halves = made.map((signature) => [
      signature.toString('hex', 0, signature.length / 2),
      signature.toString('hex', signature.length / 2),
    ]);
    expect(new Set(halves.map(([r]) => r)).size).toBe(40);
    const order = CURVES.find(([name]) => name === type)?.[1] ?? 0n;
    const high = halves.filter(([, s]) => BigInt(`0x${s ?? ''}`) > order / 2n).length;
    expect(high).toBeGreaterThan(0); // all low: one time in 2^40
    expect(high).toBeLessThan(40);
  });

  it('takes the other s of a signature over a digest, as OpenSSL does over a message', async () => {
    const request = {
      input: b64(createHash('sha256').update(MESSAGE).digest()),
      prehashed: true,
      marshaling_algorithm: 'jws',
    };
    const signature = payload((await transit.write('sign/k', request))['signature'], 'base64url');
    const half = signature.length / 2;
    const other = (CURVES.find(([name]) => name === type)?.[1] ?? 0n) - BigInt(`0x${signature.toString('hex', half)}`);
    signature.write(other.toString(16).padStart(2 * half, '0'), half, 'hex');
    const text = `vault:v1:${signature.toString('base64url')}`;
    expect(await answered(transit, { ...request, signature: text })).toBe(true);
    expect(await answered(transit, { input: b64(MESSAGE), marshaling_algorithm: 'jws', signature: text })).toBe(true);
  });

  it('refuses signatures of a wrong length, over a message and over a digest', async () => {
    const input = b64(createHash('sha256').update(MESSAGE).digest());
    for (const marshaling_algorithm of ['asn1', 'jws']) {
      const encoding = marshaling_algorithm === 'jws' ? 'base64url' : 'base64';
      const made = payload(
        (await transit.write('sign/k', { input, prehashed: true, marshaling_algorithm }))['signature'],
        encoding,
      );
      for (const bytes of [
        made.subarray(1),
        made.subarray(0, -1),
        Buffer.concat([made, Buffer.alloc(1)]),
        Buffer.concat([Buffer.alloc(1), made]),
        Buffer.alloc(0),
        Buffer.alloc(9000),
      ]) {
        const request = { marshaling_algorithm, signature: `vault:v1:${bytes.toString(encoding)}` };
        expect(await answered(transit, { ...request, input, prehashed: true })).toBe(false);
        expect(await answered(transit, { ...request, input: b64(MESSAGE) })).toBe(false);
      }
    }
  });

  it('verifies over a digest with a public key in compressed form', async () => {
    const spki = openssl(
      ['pkey', '-pubin', '-in', 'key.pem', '-ec_conv_form', 'compressed', '-outform', 'DER', '-pubout'],
      { 'key.pem': publicPem },
    );
    const scheme = await ecdsaOverDigests(ecType(type), 'asn1');
    const digest = Buffer.alloc(32, 9);
    const { signature } = await transit.write('sign/k', { input: b64(digest), prehashed: true });
    // Of node:crypto's two libraries, OpenSSL keeps the form and BoringSSL does not.
    expect([2, 3]).toContain(spki.at(-1 - ecType(type).bytes));
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    expect(scheme.verify(key, digest, payload(signature))).toBe(true);
    expect(scheme.verify(key, Buffer.alloc(32, 8), payload(signature))).toBe(false);
  });
});

describe('the signature of an HSM in ASN.1', () => {
  it('is what the library makes of it, whatever the two integers begin with', () => {
    const integer = fc
      .tuple(fc.integer({ min: 0, max: 31 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
      .map(([zeros, bytes]) => {
        const value = Buffer.from(bytes).fill(0, 0, zeros);
        value[31] = (value[31] ?? 0) | 1;
        return value[0] === 0xff ? value.fill(0x7f, 0, 1) : value; // below the order
      });
    fc.assert(
      fc.property(integer, integer, (r, s) => {
        const sides = Buffer.concat([r, s]);
        expect(Buffer.from(encodeSignature(sides, 'asn1'))).toEqual(
          Buffer.from(p256.Signature.fromBytes(sides).toBytes('der')),
        );
        expect(encodeSignature(sides, 'jws')).toBe(sides);
      }),
    );
  });

  it('has the long form of the length on P-521', () => {
    const sides = Buffer.concat([Buffer.alloc(66, 0x55).fill(1, 0, 1), Buffer.alloc(66, 0xee).fill(0, 0, 1)]);
    expect(Buffer.from(encodeSignature(sides, 'asn1'))).toEqual(
      Buffer.from(p521.Signature.fromBytes(sides).toBytes('der')),
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
  const { rfc6979, vault } = fixture('ecdsa') as {
    rfc6979: { message: string; vectors: Vector[] };
    vault: { input: string; vectors: Vector[] };
  };

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

  it('refuses r and s of 0 and of the order, prehashed too', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ecdsa-p256' });
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    const [zero, one] = ['00'.repeat(32), `${'00'.repeat(31)}01`];
    for (const [r, s] of [
      [zero, zero],
      [zero, one],
      [one, zero],
      [order, one],
      [one, order],
      [order, order],
    ]) {
      const signature = `vault:v1:${hexed(`${r ?? ''}${s ?? ''}`).toString('base64url')}`;
      for (const prehashed of [true, false]) {
        expect(
          await answered(transit, { input: b64(Buffer.alloc(32)), prehashed, signature, marshaling_algorithm: 'jws' }),
        ).toBe(false);
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

  it.each(HASHES)(
    'signs pss and pkcs1v15 with %s what openssl verifies, prehashed or not',
    async (hash_algorithm, name) => {
      const digest = createHash(name).update(MESSAGE).digest();
      const whole = { input: b64(MESSAGE), hash_algorithm };
      const prehashed = { input: b64(digest), hash_algorithm, prehashed: true };
      const most = 256 - 2 - digest.length;
      const schemes: [JsonObject, string[]][] = [
        [{}, ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', `rsa_pss_saltlen:${most}`]],
        [
          { signature_algorithm: 'pss', salt_length: 'hash' },
          ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'],
        ],
        [{ salt_length: 17 }, ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:17']],
        [{ signature_algorithm: 'pkcs1v15' }, []],
      ];
      for (const [scheme, options] of schemes) {
        for (const request of [whole, prehashed]) {
          const { signature } = await transit.write('sign/k', { ...request, ...scheme });
          const files = { 'key.pem': publicPem, 'sig.bin': payload(signature), 'message.bin': MESSAGE };
          expect(
            opensslVerifies(
              ['dgst', `-${name}`, '-verify', 'key.pem', ...options, '-signature', 'sig.bin', 'message.bin'],
              files,
            ),
          ).toBe(true);
          for (const check of [whole, prehashed])
            expect(await answered(transit, { ...check, ...scheme, signature: signature ?? '' })).toBe(true);
          const wrong = createHash(name).update('dog').digest();
          expect(
            await answered(transit, { ...prehashed, ...scheme, input: b64(wrong), signature: signature ?? '' }),
          ).toBe(false);
          expect(await answered(transit, { ...whole, ...scheme, input: b64('dog'), signature: signature ?? '' })).toBe(
            false,
          );
        }
      }
    },
  );

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
          expect(
            await answered(transit, {
              input,
              prehashed: true,
              signature_algorithm,
              signature: `vault:v1:${b64(altered)}`,
            }),
          ).toBe(false);
        }),
        { numRuns: 30 },
      );
    }
  });

  it('signs anything as it is with hash_algorithm=none, which openssl recovers', async () => {
    const request = { input: b64(MESSAGE), prehashed: true, hash_algorithm: 'none', signature_algorithm: 'pkcs1v15' };
    const { signature } = await transit.write('sign/k', request);
    const recovered = openssl(['pkeyutl', '-verifyrecover', '-pubin', '-inkey', 'key.pem', '-in', 'sig.bin'], {
      'key.pem': publicPem,
      'sig.bin': payload(signature),
    });
    expect(recovered.toString()).toBe(MESSAGE.toString());
    expect(await answered(transit, { ...request, signature: signature ?? '' })).toBe(true);
    expect(await answered(transit, { ...request, input: b64('dog'), signature: signature ?? '' })).toBe(false);
    expect(await transit.failure('write', 'sign/k', { ...request, input: b64(Buffer.alloc(246)) })).toMatchObject({
      code: 'bad_parameter',
    });
  });

  it('encrypts with OAEP SHA-256, which openssl decrypts, and the other way round', async () => {
    const { keys } = await transit.read('export/encryption-key/k');
    const files = { 'key.pem': (keys as { 1: string })[1] };
    const options = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
    const { ciphertext } = await transit.write('encrypt/k', { plaintext: b64(MESSAGE) });
    const plaintext = openssl(['pkeyutl', '-decrypt', '-inkey', 'key.pem', ...options, '-in', 'ct.bin'], {
      ...files,
      'ct.bin': payload(ciphertext),
    });
    expect(plaintext.equals(MESSAGE)).toBe(true);
    const made = openssl(['pkeyutl', '-encrypt', '-inkey', 'key.pem', ...options, '-in', 'pt.bin'], {
      ...files,
      'pt.bin': MESSAGE,
    });
    expect(await transit.write('decrypt/k', { ciphertext: `vault:v1:${b64(made)}` })).toEqual({
      plaintext: b64(MESSAGE),
    });
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
      expect(
        opensslVerifies(
          [
            'pkeyutl',
            '-verify',
            '-pubin',
            '-keyform',
            'DER',
            '-inkey',
            'key.der',
            '-rawin',
            '-in',
            'message.bin',
            '-sigfile',
            'sig.bin',
          ],
          files,
        ),
      ).toBe(true);
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
    expect(
      await answered(transit, { input: b64(MESSAGE), marshaling_algorithm: 'jws', signature: signature ?? '' }),
    ).toBe(true);
  });
});

describe('batches of sign and verify', () => {
  it('answer item by item', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519' });
    const signed = await transit.write('sign/k', { batch_input: [{ input: 'YQ==', reference: 'a' }, { input: '*' }] });
    const results = signed['batch_results'] as JsonObject[];
    expect(results).toMatchObject([{ reference: 'a', key_version: 1 }, {}]);
    expect(results[1]).toEqual({ error: 'input is not base64', key_version: 0, reference: '' });
    const signature = results[0]?.['signature'] ?? '';
    const verified = await transit.write('verify/k', {
      batch_input: [
        { input: 'YQ==', signature },
        { input: 'Yg==', signature },
        { input: '*', signature, reference: 'c' },
      ],
    });
    expect(verified['batch_results']).toEqual([
      { valid: true, reference: '' },
      { valid: false, reference: '' },
      { valid: false, error: 'input is not base64', reference: 'c' },
    ]);
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
    const verified = await transit.write('verify/k', {
      batch_input: [{ input: 'YQ==', hmac }, { input: 'Yg==', hmac }, { hmac }],
    });
    expect(verified['batch_results']).toEqual([
      { valid: true, reference: '' },
      { valid: false, reference: '' },
      { valid: false, error: 'input is missing', reference: '' },
    ]);
    const mixed = {
      batch_input: [
        { input: 'YQ==', hmac },
        { input: 'YQ==', signature: 'x' },
      ],
    };
    expect(await transit.failure('write', 'verify/k', mixed)).toMatchObject({ code: 'bad_parameter' });
    expect(await transit.failure('write', 'verify/k', { batch_input: [{ input: 'YQ==' }] })).toMatchObject({
      code: 'missing_parameter',
    });
  });
});
