import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { inverse, toBase64Url } from './bigint.ts';

/** An RSA key pair of its primes and exponents; the rest follows (RFC 8017 section 3.2). */
export function rsaKeyOf({ e, d, p, q }: { e: bigint; d: bigint; p: bigint; q: bigint }): KeyObject {
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  return createPrivateKey({ key: jwk(numbers), format: 'jwk' });
}

export function rsaPublicKeyOf(numbers: { n: bigint; e: bigint }): KeyObject {
  return createPublicKey({ key: jwk(numbers), format: 'jwk' });
}

/** RFC 7518 section 6.3. */
function jwk(numbers: { readonly [name: string]: bigint }): JsonWebKey {
  return { kty: 'RSA', ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, toBase64Url(value)])) };
}
