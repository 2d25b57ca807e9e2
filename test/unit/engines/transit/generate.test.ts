import { checkPrimeSync, createHash, createPublicKey } from 'node:crypto';
import { rngAesCtrDrbg256 } from '@noble/ciphers/aes.js';
import { describe, expect, it } from 'vitest';
import { ecPrivateKey, generateEcFrom } from '../../../../src/engines/transit/generate-ec.ts';
import { generateRsaFrom } from '../../../../src/engines/transit/generate-rsa.ts';
import type { Entropy } from '../../../../src/entropy/index.ts';
import { CtrDrbg } from './ctr-drbg.ts';
import { hexed, text } from '../../../support/encoding.ts';
import { openssl } from '../../../support/openssl.ts';
import { CURVES, ecType, fixture, mount } from './support.ts';

/** A source that can be repeated and that counts. */
function counted(seed: string): Entropy & { asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    async bytes(length) {
      asked.push(length);
      const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, at) =>
        createHash('sha512').update(`${seed} ${asked.length} ${at}`).digest(),
      );
      return Buffer.concat(blocks).subarray(0, length);
    },
  };
}

function integer(base64url: string | undefined): bigint {
  return BigInt(`0x${Buffer.from(base64url ?? '', 'base64url').toString('hex')}`);
}

describe('the private scalar of an EC key', () => {
  it.each(CURVES)('%s: is (c mod (n - 1)) + 1, from 1 to n - 1', async (name, n, asked) => {
    const most = 256n ** BigInt(asked) - 1n;
    const cases = [
      [0n, 1n],
      [n - 2n, n - 1n],
      [n - 1n, 1n],
      [n, 2n],
      [most, (most % (n - 1n)) + 1n],
    ] as const;
    for (const [c, scalar] of cases) {
      const key = await generateEcFrom(
        { bytes: async (length) => hexed(c.toString(16).padStart(2 * length, '0')) },
        ecType(name),
      );
      expect(integer(key.export({ format: 'jwk' }).d)).toBe(scalar);
    }
  });

  it.each(CURVES)('%s: makes a key that openssl finds valid, at both ends too', async (name, n, asked) => {
    const type = ecType(name);
    const entropy = counted('ec');
    const keys = [await generateEcFrom(entropy, type), ecPrivateKey(type, 1n), ecPrivateKey(type, n - 1n)];
    expect(entropy.asked).toEqual([asked]);
    for (const key of keys) {
      const checked = openssl(['pkey', '-in', 'key.pem', '-check', '-pubcheck', '-noout'], {
        'key.pem': key.export({ type: 'pkcs8', format: 'pem' }),
      });
      expect(checked.toString()).toContain('Key is valid');
    }
  });

  it.each(CURVES)('%s: is refused when it is 0 or the order', (name, n) => {
    expect(() => ecPrivateKey(ecType(name), 0n)).toThrow();
    expect(() => ecPrivateKey(ecType(name), n)).toThrow();
  });
});

describe('the generator of RSA candidates', () => {
  const { drbg: vector } = fixture('derivation') as { drbg: { entropy: string; bytes: number; output: string } };

  it('gives what NIST CAVP expects, and so does what it is compared with', () => {
    const seed = hexed(vector.entropy);
    const [library, ours] = [rngAesCtrDrbg256(Uint8Array.from(seed)), new CtrDrbg(seed)];
    library.randomBytes(vector.bytes);
    ours.bytes(vector.bytes);
    expect(Buffer.from(library.randomBytes(vector.bytes)).toString('hex')).toBe(vector.output);
    expect(ours.bytes(vector.bytes).toString('hex')).toBe(vector.output);
  });

  it('is CTR_DRBG of 48 bytes of entropy, with the type of the key as its personalization', async () => {
    const drbg = new CtrDrbg(await counted('rsa').bytes(48), 'coffer transit rsa-2048');
    const prime = (): bigint => {
      for (;;) {
        const candidate = BigInt(`0x${drbg.bytes(128).toString('hex')}`) | 1n;
        if (candidate * candidate >= 2n ** 2047n && (candidate - 1n) % 65_537n !== 0n && checkPrimeSync(candidate))
          return candidate;
      }
    };
    const jwk = (await generateRsaFrom(counted('rsa'), 2048)).export({ format: 'jwk' });
    expect([integer(jwk.p), integer(jwk.q)].sort()).toEqual([prime(), prime()].sort());
  });
});

describe('an RSA key from entropy', () => {
  it.each([2048, 3072])('of %i bits is valid, from 48 bytes, and the same from the same bytes', async (bits) => {
    const entropy = counted('rsa');
    const key = await generateRsaFrom(entropy, bits);
    expect(entropy.asked).toEqual([48]);
    expect(key.asymmetricKeyDetails).toEqual({ modulusLength: bits, publicExponent: 65_537n });
    const checked = openssl(['rsa', '-in', 'key.pem', '-check', '-noout'], {
      'key.pem': key.export({ type: 'pkcs1', format: 'pem' }),
    });
    expect(checked.toString()).toContain('RSA key ok');

    const jwk = key.export({ format: 'jwk' });
    const number = (name: 'n' | 'e' | 'd' | 'p' | 'q') => integer(jwk[name]);
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
  it.each(['a', 'b', 'c', 'd', 'e'])(
    'are at least √2 · 2^1023, so that the modulus has all its bits: seed %s',
    async (seed) => {
      const jwk = (await generateRsaFrom(counted(seed), 2048)).export({ format: 'jwk' });
      for (const prime of [jwk.p, jwk.q]) {
        const value = integer(prime);
        expect(value < 2n ** 1024n && value * value >= 2n ** 2047n).toBe(true);
      }
    },
  );
});

describe('a mount with external entropy', () => {
  it.each([
    ['aes128-gcm96', [16, 32]],
    ['aes256-gcm96', [32, 32]],
    ['chacha20-poly1305', [32, 32]],
    ['hmac', [32, 32]],
    ['ed25519', [32, 32]],
    ['ecdsa-p256', [48, 32]],
    ['ecdsa-p384', [72, 32]],
    ['ecdsa-p521', [99, 32]],
    ['rsa-2048', [48, 32]],
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
    expect(entropy.asked).toEqual([48, 32]);
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
