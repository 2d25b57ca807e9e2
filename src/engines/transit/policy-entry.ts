import type { JsonWebKey } from 'node:crypto';
import { base64 } from '../../bytes.ts';
import { type JsonObject, LosslessNumber } from '../../json.ts';
import { timestamp } from '../engine.ts';
import { toBigInt } from './bigint.ts';
import { publicText } from './describe.ts';
import type { Key, KeyVersion } from './key.ts';
import { base64Pair, privateKeyOf, spkiOf } from './material.ts';
import { memberText } from './policy-member.ts';
import { type KeyType, signs, typeOf } from './types.ts';

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
  const isKeyless = ['key', 'ec_x', 'rsa_key', 'rsa_public_key'].every((name) => (entry[name] ?? null) === null);
  return isKeyless && memberText(entry, 'public_key') === '';
}

/** Of a KeyVersion and its type. */
export function encodeEntry(key: Key, version: KeyVersion): JsonObject {
  const type = typeOf(key.type);
  const publicOnly = signs(type) && version.key === null;
  const master = { ...key, derived: false };
  return {
    ...EMPTY_ENTRY,
    ...encodeSecret(type, master, version),
    hmac_key: base64OrNull(type.family === 'hmac' ? version.key : version.hmac),
    time: timestamp(version.created),
    public_key: signs(type) && type.family !== 'rsa' ? publicText(master, { number: 0, version }, null) : '',
    convergent_version: key.convergent ? 3 : 0,
    creation_time: Math.floor(version.created / 1000),
    public_key_imported: publicOnly,
  };
}

function encodeSecret(type: KeyType, key: Key, version: KeyVersion): JsonObject {
  switch (type.family) {
    case 'aead':
    case 'hmac':
      return { key: base64OrNull(version.key) };
    case 'ed25519':
      if (version.key === null) return {};
      return { key: base64Pair(version.key, version) };
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

function jwkOf(key: Key, version: KeyVersion): JsonWebKey {
  const found = { number: 0, version };
  if (version.key !== null) return privateKeyOf(key, found, null).export({ format: 'jwk' });
  return spkiOf(version).export({ format: 'jwk' });
}

function base64OrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : base64(bytes);
}

function integer(base64url: string | undefined): LosslessNumber | null {
  return base64url === undefined ? null : new LosslessNumber(toBigInt(Buffer.from(base64url, 'base64url')).toString());
}
