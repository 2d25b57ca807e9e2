import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { ByteReader } from '../../bytes.ts';
import { inverse, toBase64Url, toBigInt } from './bigint.ts';
import { DER, readDer, readUnsigned } from './der.ts';

/** An RSA key pair of its primes and exponents; the rest follows (RFC 8017 section 3.2). */
export function rsaKeyOf({ e, d, p, q }: { e: bigint; d: bigint; p: bigint; q: bigint }): KeyObject {
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  return createPrivateKey({ key: jwk(numbers), format: 'jwk' });
}

export function rsaPublicKeyOf(numbers: { n: bigint; e: bigint }): KeyObject {
  return createPublicKey({ key: jwk(numbers), format: 'jwk' });
}

/**
 * RSAPrivateKey (RFC 8017 appendix A.1.2). Read here and not by node:crypto: with BoringSSL that refuses numbers that do not
 * belong together, and does not say that this is why.
 * @throws MalformedBytes, or another error of node:crypto's
 */
export function parseRsaPrivateKey(der: Uint8Array): KeyObject {
  const fields = new ByteReader(readDer(new ByteReader(der), DER.sequence));
  readDer(fields, DER.integer);
  return createPrivateKey({ key: jwk(readNumbers(fields, PRIVATE_NUMBERS)), format: 'jwk' });
}

/** RSAPublicKey (RFC 8017 appendix A.1.1). @throws MalformedBytes, or another error of node:crypto's */
export function parseRsaPublicKey(der: Uint8Array): KeyObject {
  const outer = new ByteReader(der);
  const fields = new ByteReader(readDer(outer, DER.sequence));
  outer.end();
  const numbers = readNumbers(fields, PUBLIC_NUMBERS);
  fields.end();
  return createPublicKey({ key: jwk(numbers), format: 'jwk' });
}

/** In the order of the fields, by their names in JWK. */
const PUBLIC_NUMBERS = ['n', 'e'];
const PRIVATE_NUMBERS = [...PUBLIC_NUMBERS, 'd', 'p', 'q', 'dp', 'dq', 'qi'];

function readNumbers(fields: ByteReader, names: readonly string[]): { readonly [name: string]: bigint } {
  return Object.fromEntries(names.map((name) => [name, toBigInt(readUnsigned(fields))]));
}

/**
 * What is wrong with the public key, as the end of a sentence, or null. OpenSSL takes what others do not: a server
 * refuses exponents above 2^31, BoringSSL those above 2^33.
 */
export function publicFault(key: KeyObject): string | null {
  const { n, e } = key.export({ format: 'jwk' });
  const exponent = toBigInt(Buffer.from(e ?? '', 'base64url'));
  if (exponent < 3n || exponent % 2n === 0n || exponent > MOST_EXPONENT)
    return `its public exponent is ${exponent}, and not an odd number from 3 to ${MOST_EXPONENT}`;
  return toBigInt(Buffer.from(n ?? '', 'base64url')) % 2n === 0n ? 'its modulus is even' : null;
}

const MOST_EXPONENT = 2n ** 33n - 1n;

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
  const members = Object.entries(numbers).map(([name, value]) => [name, toBase64Url(value)] as const);
  return { kty: 'RSA', ...Object.fromEntries(members) };
}
