import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { nearest } from '../../nearest.ts';
import type { PathParts } from '../engine.ts';
import { optionalText } from '../parameters.ts';

/** A hash function: FIPS 180-4 (sha1, sha2) or FIPS 202 (sha3). */
export interface Hash {
  /** As Vault calls it. */
  readonly name: string;
  /** As OpenSSL calls it. */
  readonly openssl: string;
  /** Of the digest. */
  readonly bytes: number;
  /** Its AlgorithmIdentifier's object identifier, the DER value in hex (RFC 8017 appendix B.1). */
  readonly oid: string;
}

const NIST_HASHES = '60864801650304020'; // 2.16.840.1.101.3.4.2, and half a byte

const HASHES: readonly Hash[] = [
  { name: 'sha2-224', openssl: 'sha224', bytes: 28, oid: `${NIST_HASHES}4` },
  { name: 'sha2-256', openssl: 'sha256', bytes: 32, oid: `${NIST_HASHES}1` },
  { name: 'sha2-384', openssl: 'sha384', bytes: 48, oid: `${NIST_HASHES}2` },
  { name: 'sha2-512', openssl: 'sha512', bytes: 64, oid: `${NIST_HASHES}3` },
  { name: 'sha3-224', openssl: 'sha3-224', bytes: 28, oid: `${NIST_HASHES}7` },
  { name: 'sha3-256', openssl: 'sha3-256', bytes: 32, oid: `${NIST_HASHES}8` },
  { name: 'sha3-384', openssl: 'sha3-384', bytes: 48, oid: `${NIST_HASHES}9` },
  { name: 'sha3-512', openssl: 'sha3-512', bytes: 64, oid: `${NIST_HASHES}a` },
];
/** Only where a caller asks for it by name, in hmac, sign and verify. */
const SHA1: Hash = { name: 'sha1', openssl: 'sha1', bytes: 20, oid: '2b0e03021a' };

const DEFAULT = 'sha2-256';

/**
 * The hash that a request names: in the path first, then in the first of `names` that is given; else SHA-256.
 * @throws UsageError `unknown_hash`
 */
export function hashOf(data: JsonObject, parts: PathParts, names: readonly string[], options: { sha1: boolean }): Hash {
  return parseHash(hashName(data, parts, names), options);
}

export function hashName(data: JsonObject, parts: PathParts, names: readonly string[]): string {
  const given = names.map((name) => optionalText(data, name)).find((text) => text !== null);
  return parts['algorithm'] ?? given ?? DEFAULT;
}

/** Whether it is one of FIPS 202. */
export function isSha3({ name }: Hash): boolean {
  return name.startsWith('sha3-');
}

/** @throws UsageError `unknown_hash` */
export function parseHash(name: string, { sha1 }: { sha1: boolean }): Hash {
  const known = sha1 ? [...HASHES, SHA1] : HASHES;
  const hash = known.find((candidate) => candidate.name === name);
  if (hash !== undefined) return hash;
  const names = known.map((candidate) => candidate.name);
  const meant = nearest(name, names);
  throw new UsageError('unknown_hash', `there is no hash algorithm ${JSON.stringify(name)}`, {
    hint: meant === null ? `there are: ${names.join(', ')}` : `did you mean ${meant}?`,
  });
}
