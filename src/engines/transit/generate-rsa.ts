import { checkPrimeSync, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { utf8, zero } from '../../bytes.ts';
import type { Entropy } from '../../entropy/index.ts';
import { greatestDivisor, inverse, toBigInt } from './bigint.ts';
import { rsaKeyOf } from './rsa-key.ts';

const PUBLIC_EXPONENT = 65_537n;
/** A key and a counter block of AES-256: the seed of CTR_DRBG without a derivation function (SP 800-90A table 3). */
const SEED_BYTES = 32 + 16;

/** A deterministic random bit generator of NIST SP 800-90A. */
interface Drbg {
  /** The caller's to zero. */
  randomBytes(length: number): Uint8Array;
}

/**
 * An RSA key pair of probable primes (FIPS 186-5 appendix A.1.3). The candidates come from a CTR_DRBG: straight from an
 * HSM they would be hundreds of calls. Primality is OpenSSL's Miller-Rabin with 64 rounds or more.
 *
 * The DRBG is of AES-256 and without a derivation function, for the seed has full entropy: the system's generator is in
 * it. It is personalized with the purpose and the size, so that sizes have nothing in common. It is never reseeded: it
 * makes one key, with thousands of requests where 2^48 are allowed (SP 800-90A table 3), and is zeroed.
 * @param bits of the modulus: 2048, 3072 or 4096
 */
export async function generateRsaFrom(entropy: Entropy, bits: number): Promise<KeyObject> {
  const { rngAesCtrDrbg256 } = await import('@noble/ciphers/aes.js');
  const seed = await entropy.bytes(SEED_BYTES);
  const drbg = rngAesCtrDrbg256(seed, utf8(`coffer transit rsa-${bits}`));
  zero(seed);
  try {
    return pairwiseChecked(rsaKey(bits, drbg));
  } finally {
    drbg.clean();
  }
}

function rsaKey(bits: number, drbg: Drbg): KeyObject {
  for (;;) {
    const p = probablePrime(bits / 2, drbg);
    const q = probablePrime(bits / 2, drbg);
    const key = distantEnough(p, q, bits) ? keyOfPrimes(p, q, bits) : null;
    if (key !== null) return key;
  }
}

/** A prime of exactly that many bits, at least √2 · 2^(bits - 1), with p - 1 prime to the public exponent. */
function probablePrime(bits: number, drbg: Drbg): bigint {
  const smallestSquare = 2n ** BigInt(2 * bits - 1);
  for (;;) {
    const random = drbg.randomBytes(bits / 8);
    const candidate = toBigInt(random) | 1n;
    zero(random);
    const isLargeEnough = candidate * candidate >= smallestSquare;
    if (isLargeEnough && (candidate - 1n) % PUBLIC_EXPONENT !== 0n && checkPrimeSync(candidate)) return candidate;
  }
}

function distantEnough(p: bigint, q: bigint, bits: number): boolean {
  const distance = p > q ? p - q : q - p;
  return distance > 2n ** BigInt(bits / 2 - 100);
}

/** Null when the private exponent came out too small, which does not happen in practice. */
function keyOfPrimes(first: bigint, second: bigint, bits: number): KeyObject | null {
  const [p, q] = first > second ? [first, second] : [second, first];
  const d = inverse(PUBLIC_EXPONENT, ((p - 1n) * (q - 1n)) / greatestDivisor(p - 1n, q - 1n));
  return d <= 2n ** BigInt(bits / 2) ? null : rsaKeyOf({ e: PUBLIC_EXPONENT, d, p, q });
}

/** SP 800-56B section 6.4.1.1 asks for a trial of each new pair. */
function pairwiseChecked(key: KeyObject): KeyObject {
  const message = Buffer.from('pairwise consistency');
  if (!verify('sha256', message, createPublicKey(key), sign('sha256', message, key))) {
    throw new Error('a new RSA key pair does not verify what it signed');
  }
  return key;
}
