import { createHash, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { curveOf } from '../../../src/engines/transit/curves.ts';
import { ecPrivateKey, generateEcFrom, scalarFrom } from '../../../src/engines/transit/generate-ec.ts';
import { generateRsaFrom } from '../../../src/engines/transit/generate-rsa.ts';
import { parseType } from '../../../src/engines/transit/types.ts';
import type { EcType } from '../../../src/engines/transit/types.ts';
import type { Entropy } from '../../../src/entropy/index.ts';
import { hexed, mount, openssl, text } from './support.ts';

/** A source that can be repeated and that counts. */
function counted(seed: string): Entropy & { asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    async bytes(length) {
      asked.push(length);
      const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, at) => createHash('sha512').update(`${seed} ${asked.length} ${at}`).digest());
      return Buffer.concat(blocks).subarray(0, length);
    },
  };
}

function ecType(name: string): EcType {
  const type = parseType(name);
  if (type.family !== 'ec') throw new TypeError(name);
  return type;
}

describe('the private scalar of an EC key', () => {
  it.each(['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521'])('%s: is (c mod (n - 1)) + 1, from 1 to n - 1', (name) => {
    const curve = curveOf(ecType(name));
    const bytes = Math.ceil((curve.bits + 64) / 8);
    const wide = (value: bigint) => hexed(value.toString(16).padStart(2 * bytes, '0'));
    expect(scalarFrom(curve, wide(0n))).toBe(1n);
    expect(scalarFrom(curve, wide(curve.n - 2n))).toBe(curve.n - 1n);
    expect(scalarFrom(curve, wide(curve.n - 1n))).toBe(1n);
    expect(scalarFrom(curve, wide(curve.n))).toBe(2n);
    const most = 2n ** BigInt(curve.bits + 64) - 1n;
    expect(scalarFrom(curve, wide(most))).toBe((most % (curve.n - 1n)) + 1n);
    expect(scalarFrom(curve, Buffer.alloc(bytes, 0xff))).toBe((most % (curve.n - 1n)) + 1n);
  });

  it.each(['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521'])('%s: makes a key that openssl finds valid, at both ends too', async (name) => {
    const type = ecType(name);
    const { n } = curveOf(type);
    const entropy = counted('ec');
    const keys = [await generateEcFrom(entropy, type), ecPrivateKey(type, 1n), ecPrivateKey(type, n - 1n)];
    expect(entropy.asked).toEqual([Math.ceil((curveOf(type).bits + 64) / 8)]);
    for (const key of keys) {
      const checked = openssl(['pkey', '-in', 'key.pem', '-check', '-pubcheck', '-noout'], { 'key.pem': key.export({ type: 'pkcs8', format: 'pem' }) });
      expect(checked.toString()).toContain('Key is valid');
    }
  });

  it('knows the curves as OpenSSL does: n - 1 has the x of the base point, and p its coordinates', () => {
    for (const name of ['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521']) {
      const type = ecType(name);
      const [base, last] = [1n, curveOf(type).n - 1n].map((scalar) => createPublicKey(ecPrivateKey(type, scalar)).export({ format: 'jwk' }));
      expect(last?.x).toBe(base?.x);
      const sum = [base, last].reduce((total, point) => total + BigInt(`0x${Buffer.from(point?.y ?? '', 'base64url').toString('hex')}`), 0n);
      expect(sum).toBe(curveOf(type).p); // a point and its opposite
    }
  });
});

describe('an RSA key from entropy', () => {
  it.each([2048, 3072])('of %i bits is valid, from 80 bytes, and the same from the same bytes', async (bits) => {
    const entropy = counted('rsa');
    const key = await generateRsaFrom(entropy, bits);
    expect(entropy.asked).toEqual([80]);
    expect(key.asymmetricKeyDetails).toEqual({ modulusLength: bits, publicExponent: 65_537n });
    const checked = openssl(['rsa', '-in', 'key.pem', '-check', '-noout'], { 'key.pem': key.export({ type: 'pkcs1', format: 'pem' }) });
    expect(checked.toString()).toContain('RSA key ok');

    const jwk = key.export({ format: 'jwk' });
    const number = (name: 'n' | 'e' | 'd' | 'p' | 'q') => BigInt(`0x${Buffer.from(jwk[name] ?? '', 'base64url').toString('hex')}`);
    const [p, q, d] = [number('p'), number('q'), number('d')];
    expect(p * q).toBe(number('n'));
    expect((number('e') * d) % (p - 1n)).toBe(1n);
    expect((number('e') * d) % (q - 1n)).toBe(1n);
    expect(p - q > 2n ** BigInt(bits / 2 - 100)).toBe(true);
    expect(d > 2n ** BigInt(bits / 2)).toBe(true);
    for (const prime of [p, q]) expect(prime * prime >= 2n ** BigInt(bits - 1)).toBe(true);

    if (bits > 2048) return;
    const [again, other] = [await generateRsaFrom(counted('rsa'), bits), await generateRsaFrom(counted('other'), bits)];
    expect(again.export({ format: 'jwk' })).toEqual(jwk);
    expect(other.export({ format: 'jwk' }).n).not.toBe(jwk.n);
  });
});

describe('the primes of RSA keys from entropy', () => {
  it.each(['a', 'b', 'c', 'd', 'e'])('are at least √2 · 2^1023, so that the modulus has all its bits: seed %s', async (seed) => {
    const jwk = (await generateRsaFrom(counted(seed), 2048)).export({ format: 'jwk' });
    for (const prime of [jwk.p, jwk.q]) {
      const value = BigInt(`0x${Buffer.from(prime ?? '', 'base64url').toString('hex')}`);
      expect(value < 2n ** 1024n && value * value >= 2n ** 2047n).toBe(true);
    }
  });
});

describe('a mount with external entropy', () => {
  it.each([
    ['aes128-gcm96', [16, 32]],
    ['aes256-gcm96', [32, 32]],
    ['chacha20-poly1305', [32, 32]],
    ['hmac', [32, 32]],
    ['ed25519', [32, 32]],
    ['ecdsa-p256', [40, 32]],
    ['ecdsa-p384', [56, 32]],
    ['ecdsa-p521', [74, 32]],
    ['rsa-2048', [80, 32]],
  ])('makes %s keys of bytes %j of it: the same bytes, the same keys', async (type, asked) => {
    const made: unknown[] = [];
    for (let at = 0; at < 2; at++) {
      const entropy = counted('mount');
      const transit = mount({ entropy, externalEntropy: true });
      await transit.write('keys/k', { type, exportable: true, allow_plaintext_backup: true });
      expect(entropy.asked).toEqual(asked);
      made.push((await transit.read('backup/k'))['backup']);
    }
    expect(made[1]).toBe(made[0]);
  });

  it('makes data keys of it, but not nonces', async () => {
    const entropy = counted('mount');
    const transit = mount({ entropy, externalEntropy: true });
    await transit.write('keys/k');
    entropy.asked.length = 0;
    await transit.write('datakey/plaintext/k', { bits: 512 });
    expect(entropy.asked).toEqual([64]);
    await transit.write('encrypt/k', { plaintext: 'YQ==' });
    expect(entropy.asked).toEqual([64]);
  });

  it('makes the wrapping key of it', async () => {
    const entropy = counted('mount');
    const transit = mount({ entropy, externalEntropy: true });
    const first = await transit.read('wrapping_key');
    expect(entropy.asked).toEqual([80, 32]);
    expect(await transit.read('wrapping_key')).toEqual(first);
    expect(createPublicKey(text(first['public_key'])).asymmetricKeyDetails?.modulusLength).toBe(4096);
  });
});

describe('a mount without it', () => {
  it.each(['ecdsa-p256', 'rsa-2048'])("leaves %s keys to OpenSSL's generator", async (type) => {
    const entropy = counted('unused');
    const transit = mount({ entropy });
    await transit.write('keys/k', { type });
    expect(entropy.asked).toEqual([32]); // the HMAC key
  });
});
