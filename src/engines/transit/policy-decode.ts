import { createPublicKey, type KeyObject } from 'node:crypto';
import { zero } from '../../bytes.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue } from '../../json.ts';
import { acceptPrivateKey, acceptPublicKey, acceptPublicPem, acceptSecret, isPublic } from './accept.ts';
import { toBytes } from './bigint.ts';
import { publicOf } from './generate.ts';
import { ecPrivateKey } from './generate-ec.ts';
import { decodeBase64 } from './input.ts';
import type { KeyVersion, Material } from './key.ts';
import { ED25519_BYTES, ed25519PrivateKey, ed25519PublicKey } from './material.ts';
import { EntryFault } from './policy-error.ts';
import { isUnset, memberText, memberWhole } from './policy-member.ts';
import { rsaKeyOf, rsaPublicKeyOf } from './rsa-key.ts';
import type { EcType, KeyType } from './types.ts';

/** The members that hold the key itself, of each family of types. */
const MEMBERS: { readonly [family in KeyType['family']]: readonly string[] } = {
  aead: ['key'],
  hmac: ['key'],
  ed25519: ['key', 'public_key'],
  ec: ['ec_x', 'ec_y', 'ec_d', 'public_key'],
  rsa: ['rsa_key', 'rsa_public_key', 'public_key'],
};
const ALL_MEMBERS = new Set(Object.values(MEMBERS).flat());

/**
 * One version of a key in a backup.
 * @throws EntryFault when it contradicts itself; UsageError `bad_key`, or another error, when it is not one of the type
 */
export function decodeEntry(type: KeyType, entry: JsonObject): KeyVersion {
  for (const name of ALL_MEMBERS) {
    if (!MEMBERS[type.family].includes(name) && !isUnset(entry[name]))
      throw new EntryFault(`it has ${name}, and a key of type ${type.name} has none`);
  }
  const time = Date.parse(memberText(entry, 'time'));
  const seconds = memberWhole(entry, 'creation_time');
  const material = decodeSecret(type, entry);
  checkPublicKey(type, entry, material);
  return {
    created: Number.isFinite(time) && time > 0 ? time : seconds * 1000,
    ...material,
    hmac: isUnset(entry['hmac_key']) ? null : memberBytes(entry, 'hmac_key'),
  };
}

function decodeSecret(type: KeyType, entry: JsonObject): Material {
  switch (type.family) {
    case 'aead':
    case 'hmac':
      return accepted(type, memberBytes(entry, 'key'));
    case 'ed25519': {
      const pair = memberBytes(entry, 'key');
      if (pair.length === 0) return acceptPublicKey(type, ed25519PublicKey(memberBytes(entry, 'public_key')));
      if (pair.length !== 2 * ED25519_BYTES)
        throw new EntryFault('its key is not a seed and a public key, of 32 bytes each');
      const privateKey = ed25519PrivateKey(pair.subarray(0, ED25519_BYTES));
      const publicKey = ed25519PublicKey(pair.subarray(ED25519_BYTES));
      zero(pair);
      return pairOf(acceptPrivateKey(type, privateKey), publicKey);
    }
    case 'ec': {
      const publicKey = ecPublicKey(type, bigint(entry['ec_x']), bigint(entry['ec_y']));
      if ((entry['ec_d'] ?? null) === null) return acceptPublicKey(type, publicKey);
      return pairOf(acceptPrivateKey(type, ecPrivateKey(type, bigint(entry['ec_d']))), publicKey);
    }
    case 'rsa': {
      const pair = entry['rsa_key'];
      const half = entry['rsa_public_key'];
      const publicKey = isJsonObject(half) ? rsaPublicKeyOf({ n: bigint(half['N']), e: bigint(half['E']) }) : null;
      if (isJsonObject(pair)) {
        const material = acceptPrivateKey(type, decodeRsa(pair));
        return publicKey === null ? material : pairOf(material, publicKey, 'rsa_public_key');
      }
      if (publicKey === null) throw new EntryFault('it has no RSA key');
      return acceptPublicKey(type, publicKey);
    }
  }
}

/** @throws EntryFault when the public key is not that of the private key */
function pairOf(material: Material, publicKey: KeyObject, name = 'public key'): Material {
  if (isPublic(material, publicOf(publicKey))) return material;
  throw new EntryFault(`its ${name} belongs to another private key`);
}

/** @param bytes are zeroed */
function accepted(type: KeyType, bytes: Uint8Array): Material {
  try {
    return acceptSecret(type, bytes);
  } finally {
    zero(bytes);
  }
}

/** A server writes the public key once more in `public_key`: of ed25519 its 32 bytes in base64, else PEM. */
function checkPublicKey(type: KeyType, entry: JsonObject, material: Material): void {
  const text = memberText(entry, 'public_key');
  if (text === '' || isPublic(material, givenPublicKey(type, text))) return;
  const fault = material.key === null ? 'is another than its public key' : 'belongs to another private key';
  throw new EntryFault(`its public_key ${fault}`);
}

function givenPublicKey(type: KeyType, text: string): Uint8Array | null {
  try {
    if (type.family !== 'ed25519') return acceptPublicPem(type, text).public;
    return acceptPublicKey(type, ed25519PublicKey(decodeBase64(text, 'public_key'))).public;
  } catch {
    throw new EntryFault('its public_key is not a public key of its type');
  }
}

function decodeRsa(pair: JsonObject): KeyObject {
  const primes = pair['Primes'];
  const [p, q, more] = Array.isArray(primes) ? primes : [];
  if (more !== undefined) throw new EntryFault('an RSA key has two primes');
  const numbers = { e: bigint(pair['E']), d: bigint(pair['D']), p: bigint(p), q: bigint(q) };
  if (numbers.p * numbers.q !== bigint(pair['N'])) throw new EntryFault('its primes do not make its modulus');
  return rsaKeyOf(numbers);
}

function ecPublicKey(type: EcType, x: bigint, y: bigint): KeyObject {
  const { bytes } = type;
  const [wideX, wideY] = [toBytes(x, bytes).toString('base64url'), toBytes(y, bytes).toString('base64url')];
  return createPublicKey({ key: { kty: 'EC', crv: type.curve, x: wideX, y: wideY }, format: 'jwk' });
}

function memberBytes(entry: JsonObject, name: string): Buffer {
  return decodeBase64(memberText(entry, name), name);
}

function bigint(value: JsonValue | undefined): bigint {
  const text = isLosslessNumber(value) ? value.value : String(typeof value === 'number' ? value : '');
  if (!/^\d+$/.test(text)) throw new TypeError('not an integer');
  return BigInt(text);
}
