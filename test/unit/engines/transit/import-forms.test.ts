import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, hexed, text, unb64 } from '../../../support/encoding.ts';
import { openssl } from '../../../support/openssl.ts';
import { fixture, mount, type Mount } from './support.ts';
import { wrapForImport } from './wrapping.ts';

// The forms in which keys come from outside, made by openssl: those that Vault's transit takes, and those that it does not.

const DIGEST = { input: b64(Buffer.alloc(32, 9)), prehashed: true };
const CURVES = [
  ['ecdsa-p256', 'P-256'],
  ['ecdsa-p384', 'P-384'],
  ['ecdsa-p521', 'P-521'],
] as const;

let transit: Mount;
let wrappingKey: string;
let made = 0;
beforeAll(async () => {
  transit = mount();
  wrappingKey = text((await transit.read('wrapping_key'))['public_key']);
});

const wrapped = (key: Uint8Array) => wrapForImport(wrappingKey, key);
const genpkey = (...args: string[]) => openssl(['genpkey', '-algorithm', ...args]).toString();
const ecKey = (curve: string) => genpkey('EC', '-pkeyopt', `ec_paramgen_curve:${curve}`);
/** What openssl makes of a private key in PEM. */
const converted = (pem: string, ...args: string[]) => openssl(['pkey', '-in', 'key.pem', ...args], { 'key.pem': pem });
const publicPem = (pem: string) => converted(pem, '-pubout').toString();
const pkcs8Of = (pem: string) =>
  openssl(['pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-outform', 'DER'], { 'key.pem': pem });
const certificateOf = (pem: string) =>
  openssl(['req', '-x509', '-new', '-key', 'key.pem', '-subj', '/CN=leaf'], { 'key.pem': pem }).toString();

/** Imports the key under a new name. */
async function imported(data: JsonObject): Promise<string> {
  const name = `k${++made}`;
  await transit.write(`keys/${name}/import`, { exportable: true, allow_plaintext_backup: true, ...data });
  return name;
}

async function shownPublicKey(name: string): Promise<string> {
  return text(((await transit.read(`export/public-key/${name}`))['keys'] as JsonObject)['1']);
}

describe('an EC private key with a compressed point', () => {
  it.each(CURVES)('of type %s signs and verifies, prehashed too, and is backed up', async (type, curve) => {
    const pem = ecKey(curve);
    const compressed = pkcs8Of(converted(pem, '-ec_conv_form', 'compressed').toString());
    expect(compressed.length).toBeLessThan(pkcs8Of(pem).length);
    const name = await imported({ type, ciphertext: wrapped(compressed) });
    expect(await shownPublicKey(name)).toBe(publicPem(pem).trimEnd());
    const { backup } = await transit.read(`backup/${name}`);
    await transit.write(`restore/copy-${name}`, { backup: backup ?? '' });
    for (const request of [DIGEST, { input: 'YQ==' }]) {
      const { signature } = await transit.write(`sign/${name}`, request);
      for (const verifier of [name, `copy-${name}`])
        expect(await transit.write(`verify/${verifier}`, { ...request, signature: signature ?? '' })).toEqual({
          valid: true,
        });
    }
  });

  it('that belongs to another key counts as little as on a server: the public key follows from the private one', async () => {
    const [pem, other] = [ecKey('P-256'), ecKey('P-256')];
    const point = (key: string) => converted(key, '-pubout', '-outform', 'DER').subarray(-65);
    const forged = Buffer.concat([pkcs8Of(pem).subarray(0, -65), point(other)]);
    expect(await shownPublicKey(await imported({ type: 'ecdsa-p256', ciphertext: wrapped(forged) }))).toBe(
      publicPem(pem).trimEnd(),
    );
  });
});

describe('private keys in forms of their own', () => {
  const [vector] = (fixture('ed25519') as { sign: { seed: string; public: string }[] }).sign;
  const seed = vector?.seed ?? '';

  it.each([
    [
      '1.3.6.1.4.1.11591.15.1, with a public key',
      `3067020100301406072a8648ce3d020106092b06010401da470f01044c304a0201010420${seed}a123032100${vector?.public}`,
    ],
    [
      '1.3.101.110, without one',
      `303e020100300e06072a8648ce3d020106032b656e04293027020101042 0${seed}a000`.replace(' ', ''),
    ],
  ])("NSS's form of ed25519, with the curve %s, comes in", async (_curve, der) => {
    const name = await imported({ type: 'ed25519', ciphertext: wrapped(hexed(der)) });
    expect(unb64(await shownPublicKey(name)).toString('hex')).toBe(vector?.public);
    const { signature } = await transit.write(`sign/${name}`, { input: 'YQ==' });
    expect(await transit.write(`verify/${name}`, { input: 'YQ==', signature: signature ?? '' })).toEqual({
      valid: true,
    });
  });

  it.each([[], ['-pkeyopt', 'rsa_pss_keygen_md:sha256', '-pkeyopt', 'rsa_pss_keygen_saltlen:32']])(
    'an RSA key for RSASSA-PSS comes in %j',
    async (...options) => {
      const pem = genpkey('RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', ...options.flat());
      const name = await imported({ type: 'rsa-2048', ciphertext: wrapped(pkcs8Of(pem)) });
      const { signature } = await transit.write(`sign/${name}`, {
        input: 'YQ==',
        hash_algorithm: 'sha2-256',
        salt_length: 'hash',
      });
      expect(await transit.write(`verify/${name}`, { input: 'YQ==', signature: signature ?? '' })).toEqual({
        valid: true,
      });
      const modulus = (key: string) =>
        openssl(['rsa', '-pubin', '-in', 'key.pem', '-noout', '-modulus'], { 'key.pem': key }).toString();
      expect(modulus(await shownPublicKey(name))).toBe(
        openssl(['rsa', '-in', 'key.pem', '-noout', '-modulus'], { 'key.pem': pem }).toString(),
      );
    },
  );

  it.each([
    [
      'PKCS#1',
      'rsa-2048',
      () => converted(genpkey('RSA', '-pkeyopt', 'rsa_keygen_bits:2048'), '-traditional', '-outform', 'DER'),
    ],
    ['SEC 1', 'ecdsa-p256', () => converted(ecKey('P-256'), '-traditional', '-outform', 'DER')],
    [
      'explicit curve parameters',
      'ecdsa-p256',
      () => pkcs8Of(converted(ecKey('P-256'), '-ec_param_enc', 'explicit').toString()),
    ],
    ['another curve', 'ecdsa-p256', () => pkcs8Of(ecKey('secp256k1'))],
    ['X25519', 'ed25519', () => pkcs8Of(genpkey('X25519'))],
    [
      'an encrypted key',
      'ecdsa-p256',
      () =>
        openssl(['pkcs8', '-topk8', '-in', 'key.pem', '-outform', 'DER', '-passout', 'pass:secret'], {
          'key.pem': ecKey('P-256'),
        }),
    ],
    ['PEM', 'ecdsa-p256', () => Buffer.from(ecKey('P-256'))],
    ['a public key', 'ecdsa-p256', () => converted(ecKey('P-256'), '-pubout', '-outform', 'DER')],
    [
      'a certificate',
      'ecdsa-p256',
      () => openssl(['x509', '-in', 'c.pem', '-outform', 'DER'], { 'c.pem': certificateOf(ecKey('P-256')) }),
    ],
    [
      'a scalar of 0',
      'ecdsa-p256',
      () => hexed(`3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420${'00'.repeat(32)}`),
    ],
    [
      'a scalar above the order',
      'ecdsa-p256',
      () => hexed(`3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420${'ff'.repeat(32)}`),
    ],
    ['nothing', 'ecdsa-p256', () => Buffer.alloc(1)],
  ] as [string, string, () => Buffer][])('%s is refused', async (_what, type, make) => {
    expect(
      await transit.failure('write', `keys/refused${++made}/import`, { type, ciphertext: wrapped(make()) }),
    ).toMatchObject({ code: 'bad_key', exitStatus: 1 });
  });
});

describe('public_key', () => {
  const rsa = () => genpkey('RSA', '-pkeyopt', 'rsa_keygen_bits:2048');

  it.each([
    ['ecdsa-p521', () => publicPem(ecKey('P-521'))],
    ['rsa-2048', () => publicPem(rsa())],
    ['ed25519', () => publicPem(genpkey('ED25519'))],
    ['ecdsa-p256', () => `a line before\n${publicPem(ecKey('P-256')).replaceAll('\n', '\r\n')}`],
  ] as [string, () => string][])('of type %s comes in as SubjectPublicKeyInfo in PEM', async (type, make) => {
    const public_key = make();
    const shown = await shownPublicKey(await imported({ type, public_key }));
    if (type === 'ed25519')
      expect(converted(public_key, '-pubin', '-outform', 'DER').subarray(-32)).toEqual(unb64(shown));
    else expect(public_key.replaceAll('\r', '')).toContain(shown);
  });

  it.each([
    [
      'a compressed point',
      'ecdsa-p256',
      () => converted(ecKey('P-256'), '-pubout', '-ec_conv_form', 'compressed').toString(),
    ],
    [
      'explicit curve parameters',
      'ecdsa-p256',
      () => converted(ecKey('P-256'), '-pubout', '-ec_param_enc', 'explicit').toString(),
    ],
    [
      'PKCS#1',
      'rsa-2048',
      () => openssl(['rsa', '-in', 'key.pem', '-RSAPublicKey_out'], { 'key.pem': rsa() }).toString(),
    ],
    ['a certificate', 'ecdsa-p256', () => certificateOf(ecKey('P-256'))],
    ['an EC private key', 'ecdsa-p256', () => ecKey('P-256')],
    ['an RSA private key', 'rsa-2048', () => rsa()],
    ['an RSA private key in PKCS#1', 'rsa-2048', () => converted(rsa(), '-traditional').toString()],
    ['an ed25519 private key', 'ed25519', () => genpkey('ED25519')],
    ['a private key before its public key', 'ecdsa-p256', () => ((pem) => pem + publicPem(pem))(ecKey('P-256'))],
    ['an RSA key for RSASSA-PSS', 'rsa-2048', () => publicPem(genpkey('RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'))],
    ['another curve', 'ecdsa-p256', () => publicPem(ecKey('secp256k1'))],
    ['another type', 'ecdsa-p256', () => publicPem(ecKey('P-384'))],
    [
      'a key that is cut short',
      'rsa-2048',
      () =>
        `-----BEGIN PUBLIC KEY-----\n${b64(converted(rsa(), '-pubout', '-outform', 'DER').subarray(0, -3))}\n-----END PUBLIC KEY-----\n`,
    ],
    [
      'a key with more behind it',
      'ed25519',
      () =>
        `-----BEGIN PUBLIC KEY-----\n${b64(Buffer.concat([converted(genpkey('ED25519'), '-pubout', '-outform', 'DER'), Buffer.alloc(3)]))}\n-----END PUBLIC KEY-----\n`,
    ],
    [
      'a point that is not on the curve',
      'ecdsa-p256',
      () =>
        `-----BEGIN PUBLIC KEY-----\n${b64(hexed(`3059301306072a8648ce3d020106082a8648ce3d03010703420004${'01'.repeat(64)}`))}\n-----END PUBLIC KEY-----\n`,
    ],
  ] as [string, string, () => string][])('is refused as %s', async (_what, type, make) => {
    expect(await transit.failure('write', `keys/refused${++made}/import`, { type, public_key: make() })).toMatchObject({
      code: 'bad_key',
      exitStatus: 1,
    });
  });

  it('together with ciphertext comes in, and one that does not belong to it is named', async () => {
    const [pem, other] = [ecKey('P-256'), ecKey('P-256')];
    const data = { type: 'ecdsa-p256', ciphertext: wrapped(pkcs8Of(pem)) };
    expect(
      (await transit.call('write', 'keys/pair/import', { ...data, public_key: publicPem(pem) }))?.warnings,
    ).toEqual([]);
    expect(await shownPublicKey('pair')).toBe(publicPem(pem).trimEnd());
    await transit.write('sign/pair', { input: 'YQ==' });
    for (const [name, public_key] of [
      ['odd', publicPem(other)],
      ['none', 'x'],
    ] as const) {
      const answer = await transit.call('write', `keys/${name}/import`, { ...data, public_key });
      expect(answer?.warnings).toEqual(['public_key was ignored: it is not the public key of the key in ciphertext']);
      expect(await shownPublicKey(name)).toBe(publicPem(pem).trimEnd());
    }
  });

  it('alone is refused for a derived key, in a version too', async () => {
    const public_key = publicPem(genpkey('ED25519'));
    expect(
      await transit.failure('write', `keys/refused${++made}/import`, { type: 'ed25519', derived: true, public_key }),
    ).toMatchObject({ code: 'bad_key', exitStatus: 1 });
    const name = await imported({ type: 'ed25519', derived: true, ciphertext: wrapped(pkcs8Of(genpkey('ED25519'))) });
    expect(await transit.failure('write', `keys/${name}/import_version`, { public_key })).toMatchObject({
      code: 'bad_key',
    });
    const request = { input: 'YQ==', context: 'YQ==' };
    const { signature } = await transit.write(`sign/${name}`, request);
    expect(await transit.write(`verify/${name}`, { ...request, signature: signature ?? '' })).toEqual({ valid: true });
  });
});

describe('import_version', () => {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pemOf = ({ publicKey }: ReturnType<typeof pair>) =>
    publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const wrappedOf = ({ privateKey }: ReturnType<typeof pair>) =>
    wrapped(privateKey.export({ type: 'pkcs8', format: 'der' }));

  it('makes the next version of a private key that does not belong to the newest public key', async () => {
    const [half, whole] = [pair(), pair()];
    const name = await imported({ type: 'ecdsa-p256', public_key: pemOf(half) });
    await transit.write(`keys/${name}/import_version`, { ciphertext: wrappedOf(whole) });
    expect(await transit.read(`keys/${name}`)).toMatchObject({
      latest_version: 2,
      keys: { 1: { public_key: pemOf(half) }, 2: { public_key: pemOf(whole) } },
    });
    // By its number, the older version still takes its private key, and no other.
    expect(
      await transit.failure('write', `keys/${name}/import_version`, { version: 1, ciphertext: wrappedOf(whole) }),
    ).toMatchObject({ code: 'bad_key' });
    await transit.write(`keys/${name}/import_version`, { version: 1, ciphertext: wrappedOf(half) });
    expect(await transit.read(`keys/${name}`)).toMatchObject({ latest_version: 2 });
    expect(await transit.write(`sign/${name}`, { input: 'YQ==', key_version: 1 })).toMatchObject({ key_version: 1 });
  });

  it('completes the newest version when the private key belongs to it', async () => {
    const both = pair();
    const name = await imported({ type: 'ecdsa-p256', public_key: pemOf(both) });
    await transit.write(`keys/${name}/import_version`, { ciphertext: wrappedOf(both) });
    expect(await transit.read(`keys/${name}`)).toMatchObject({ latest_version: 1 });
  });
});

describe('a derived key that was imported', () => {
  it('derives in counter mode, as on a server, and says so in its backup', async () => {
    const { counter } = fixture('derived') as { counter: { key: string; ciphertext: string }[] };
    for (const { key, ciphertext } of counter) {
      const type = key.length === 32 ? 'aes128-gcm96' : 'aes256-gcm96';
      const name = await imported({ type, derived: true, ciphertext: wrapped(hexed(key)) });
      const request = { ciphertext: `vault:v1:${b64(hexed(ciphertext))}`, context: b64('a context') };
      expect(await transit.write(`decrypt/${name}`, request)).toEqual({ plaintext: b64('hello') });
      const { backup } = await transit.read(`backup/${name}`);
      expect((JSON.parse(unb64(backup).toString()) as { policy: JsonObject }).policy).toMatchObject({
        kdf: 0,
        Imported: true,
      });
    }
  });
});

describe('an RSA key whose numbers do not belong together', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const plus = (text: string | undefined, more: bigint) => {
    const number = BigInt(`0x${Buffer.from(text ?? '', 'base64url').toString('hex')}`) + more;
    const hex = number.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
  };
  const altered = {
    e: { e: 'Aw' },
    d: { d: plus(pair.d, 2n) },
    dp: { dp: plus(pair.dp, 2n) },
    qi: { qi: plus(pair.qi, 2n) },
    n: { n: plus(pair.n, 2n) },
  };

  it.each(Object.entries(altered))('is not imported: %s', async (_, change) => {
    const key = createPrivateKey({ key: { ...pair, ...change }, format: 'jwk' }).export({
      type: 'pkcs8',
      format: 'der',
    });
    await expect(imported({ type: 'rsa-2048', ciphertext: wrapped(key) })).rejects.toMatchObject({
      code: 'bad_key',
      message: 'the key is not one of type rsa-2048: its numbers do not belong together',
    });
  });

  it.each(['E', 'D'])('is not restored: %s', async (member) => {
    const name = await imported({
      type: 'rsa-2048',
      ciphertext: wrapped(createPrivateKey({ key: pair, format: 'jwk' }).export({ type: 'pkcs8', format: 'der' })),
    });
    const backup = unb64(text((await transit.read(`backup/${name}`))['backup'])).toString();
    const changed = backup.replace(
      new RegExp(`"${member}":(\\d+)`, 'g'),
      (_all, digits: string) => `"${member}":${BigInt(digits) + 2n}`,
    );
    expect(changed).not.toBe(backup);
    await expect(transit.write(`restore/copy-${name}`, { backup: b64(Buffer.from(changed)) })).rejects.toMatchObject({
      exitStatus: 1,
    });
  });

  // 2^33 and 2^33 + 1 in base64url; BoringSSL takes no larger exponent than 2^33 - 1.
  it.each(['AQ', 'Ag', 'BA', 'AgAAAAA', 'AgAAAAE'])('is no public key either, with the exponent %s', async (e) => {
    const public_key = createPublicKey({ key: { kty: 'RSA', n: pair.n ?? '', e }, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString();
    await expect(imported({ type: 'rsa-2048', public_key })).rejects.toMatchObject({
      code: 'bad_key',
      message: expect.stringContaining('its public exponent is ') as string,
    });
  });

  it('is no public key with an even modulus', async () => {
    const key = createPublicKey({ key: { kty: 'RSA', n: plus(pair.n, 1n), e: 'AQAB' }, format: 'jwk' });
    const public_key = key.export({ type: 'spki', format: 'pem' }).toString();
    await expect(imported({ type: 'rsa-2048', public_key })).rejects.toMatchObject({
      code: 'bad_key',
      message: 'the key is not one of type rsa-2048: its modulus is even',
    });
  });
});
