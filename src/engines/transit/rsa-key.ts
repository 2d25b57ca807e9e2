import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { inverse, toBase64Url, toBigInt } from './bigint.ts';

/** An RSA key pair of its primes and exponents; the rest follows (RFC 8017 section 3.2). */
export function rsaKeyOf({ e, d, p, q }: { e: bigint; d: bigint; p: bigint; q: bigint }): KeyObject {
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  return createPrivateKey({ key: jwk(numbers), format: 'jwk' });
}

export function rsaPublicKeyOf(numbers: { n: bigint; e: bigint }): KeyObject {
  return createPublicKey({ key: jwk(numbers), format: 'jwk' });
}

/**
 * Whether the numbers of an RSA key pair belong together (RFC 8017 section 3.2): OpenSSL takes others too, and what such a key
 * encrypts, nobody decrypts.
 */
export function isConsistent(key: KeyObject): boolean {
  const pair = key.export({ format: 'jwk' });
  const of = (text: string | undefined): bigint => toBigInt(Buffer.from(text ?? '', 'base64url'));
  const [n, e, d, p, q] = [of(pair.n), of(pair.e), of(pair.d), of(pair.p), of(pair.q)];
  if (p < 3n || q < 3n || n !== p * q) return false;
  const fits = (prime: bigint, exponent: bigint): boolean =>
    (e * d) % (prime - 1n) === 1n && exponent === d % (prime - 1n);
  return fits(p, of(pair.dp)) && fits(q, of(pair.dq)) && (of(pair.qi) * q) % p === 1n;
}

/** RFC 7518 section 6.3. */
function jwk(numbers: { readonly [name: string]: bigint }): JsonWebKey {
  return {
    kty: 'RSA',
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, toBase64Url(value)])),
  };
}
