import { createPublicKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { isJsonObject, isLosslessNumber, LosslessNumber } from '../../json.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import { acceptPrivateKey, acceptPublicKey, acceptSecret } from './accept.ts';
import type { Material } from './accept.ts';
import { toBigInt, toBytes } from './bigint.ts';
import { curveOf } from './curves.ts';
import { publicText, timestamp } from './describe.ts';
import { publicOf } from './generate.ts';
import { ecPrivateKey } from './generate-ec.ts';
import type { Key, KeyVersion } from './key.ts';
import { ED25519_BYTES, ed25519PrivateKey, ed25519PublicKey, ed25519PublicOf, privateKeyOf } from './material.ts';
import { decodeBase64 } from './input.ts';
import { memberText, memberWhole } from './policy-member.ts';
import { rsaKeyOf, rsaPublicKeyOf } from './rsa-key.ts';
import { signs, typeOf } from './types.ts';
import type { EcType, KeyType } from './types.ts';

/** One version of a key in Vault's backup. Integers of EC and RSA keys are JSON numbers of any size. */
export const EMPTY_ENTRY: JsonObject = {
  key: null,
  hmac_key: null,
  time: '0001-01-01T00:00:00Z',
  ec_x: null,
  ec_y: null,
  ec_d: null,
  rsa_key: null,
  rsa_public_key: null,
  public_key: '',
  convergent_version: 0,
  creation_time: 0,
  public_key_imported: false,
};

export function isEmptyEntry(entry: JsonObject): boolean {
  return ['key', 'ec_x', 'rsa_key', 'rsa_public_key'].every((name) => (entry[name] ?? null) === null) && memberText(entry, 'public_key') === '';
}

/** Of a KeyVersion and its type. */
export function encodeEntry(key: Key, version: KeyVersion): JsonObject {
  const type = typeOf(key.type);
  const publicOnly = signs(type) && version.key === null;
  const master = { ...key, derived: false };
  return {
    ...EMPTY_ENTRY,
    ...encodeSecret(type, master, version),
    hmac_key: type.family === 'hmac' ? version.key : version.hmac || null,
    time: timestamp(version.created),
    public_key: signs(type) && type.family !== 'rsa' ? publicText(master, { number: 0, version }, null) : '',
    convergent_version: key.convergent ? 3 : 0,
    creation_time: Math.floor(version.created / 1000),
    public_key_imported: publicOnly,
  };
}

/** @throws UsageError or another error when the entry is not one of the type */
export function decodeEntry(type: KeyType, entry: JsonObject): KeyVersion {
  const time = Date.parse(memberText(entry, 'time'));
  const seconds = memberWhole(entry, 'creation_time');
  return {
    created: Number.isFinite(time) && time > 0 ? time : seconds * 1000,
    ...decodeSecret(type, entry),
    hmac: memberBytes(entry, 'hmac_key').toString('base64'),
  };
}

function encodeSecret(type: KeyType, key: Key, version: KeyVersion): JsonObject {
  switch (type.family) {
    case 'aead':
    case 'hmac':
      return { key: version.key };
    case 'ed25519':
      if (version.key === null) return {};
      return { key: Buffer.concat([Buffer.from(version.key, 'base64'), ed25519PublicOf(version)]).toString('base64') };
    case 'ec': {
      const { x, y, d } = jwkOf(key, version);
      return { ec_x: integer(x), ec_y: integer(y), ec_d: integer(d) };
    }
    case 'rsa': {
      const { n, e, d, p, q, dp, dq, qi } = jwkOf(key, version);
      const modulus = { N: integer(n), E: integer(e) };
      if (d === undefined) return { rsa_public_key: modulus };
      const precomputed = { Dp: integer(dp), Dq: integer(dq), Qinv: integer(qi), CRTValues: [] };
      return { rsa_key: { ...modulus, D: integer(d), Primes: [integer(p), integer(q)], Precomputed: precomputed } };
    }
  }
}

function decodeSecret(type: KeyType, entry: JsonObject): Material {
  switch (type.family) {
    case 'aead':
    case 'hmac':
      return acceptSecret(type, memberBytes(entry, 'key'));
    case 'ed25519': {
      const pair = memberBytes(entry, 'key');
      if (pair.length === 0) return acceptPublicKey(type, ed25519PublicKey(memberBytes(entry, 'public_key')));
      if (pair.length !== 2 * ED25519_BYTES) throw new RangeError('the key is not a seed and a public key');
      return pairOf(acceptPrivateKey(type, ed25519PrivateKey(pair.subarray(0, ED25519_BYTES))), ed25519PublicKey(pair.subarray(ED25519_BYTES)));
    }
    case 'ec': {
      const publicKey = ecPublicKey(type, bigint(entry['ec_x']), bigint(entry['ec_y']));
      if ((entry['ec_d'] ?? null) === null) return acceptPublicKey(type, publicKey);
      return pairOf(acceptPrivateKey(type, ecPrivateKey(type, bigint(entry['ec_d']))), publicKey);
    }
    case 'rsa': {
      const pair = entry['rsa_key'];
      const half = entry['rsa_public_key'];
      if (isJsonObject(pair)) return acceptPrivateKey(type, decodeRsa(pair));
      if (!isJsonObject(half)) throw new TypeError('there is no RSA key');
      return acceptPublicKey(type, rsaPublicKeyOf({ n: bigint(half['N']), e: bigint(half['E']) }));
    }
  }
}

/** @throws RangeError when the public key is not that of the private key */
function pairOf(material: Material, publicKey: KeyObject): Material {
  if (material.public === publicOf(publicKey)) return material;
  throw new RangeError('the public key belongs to another private key');
}

function decodeRsa(pair: JsonObject): KeyObject {
  const primes = pair['Primes'];
  const [p, q, more] = Array.isArray(primes) ? primes : [];
  if (more !== undefined) throw new RangeError('an RSA key has two primes');
  const numbers = { e: bigint(pair['E']), d: bigint(pair['D']), p: bigint(p), q: bigint(q) };
  if (numbers.p * numbers.q !== bigint(pair['N'])) throw new RangeError('the primes do not make the modulus');
  return rsaKeyOf(numbers);
}

function ecPublicKey(type: EcType, x: bigint, y: bigint): KeyObject {
  const { bytes } = curveOf(type);
  const [wideX, wideY] = [toBytes(x, bytes).toString('base64url'), toBytes(y, bytes).toString('base64url')];
  return createPublicKey({ key: { kty: 'EC', crv: type.curve, x: wideX, y: wideY }, format: 'jwk' });
}

function jwkOf(key: Key, version: KeyVersion): JsonWebKey {
  const found = { number: 0, version };
  if (version.key !== null) return privateKeyOf(key, found, null).export({ format: 'jwk' });
  return createPublicKey({ key: Buffer.from(version.public ?? '', 'base64'), format: 'der', type: 'spki' }).export({ format: 'jwk' });
}

function integer(base64url: string | undefined): LosslessNumber | null {
  return base64url === undefined ? null : new LosslessNumber(toBigInt(Buffer.from(base64url, 'base64url')).toString());
}

function memberBytes(entry: JsonObject, name: string): Buffer {
  return decodeBase64(memberText(entry, name), name);
}

function bigint(value: JsonValue | undefined): bigint {
  const text = isLosslessNumber(value) ? value.value : String(typeof value === 'number' ? value : '');
  if (!/^\d+$/.test(text)) throw new TypeError('not an integer');
  return BigInt(text);
}
