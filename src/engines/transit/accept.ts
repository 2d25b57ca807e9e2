import type { KeyObject } from 'node:crypto';
import { sameBytes, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import { exported, publicOf } from './generate.ts';
import type { Material } from './key.ts';
import { ED25519_BYTES } from './material.ts';
import { parsePkcs8 } from './pkcs8.ts';
import { isConsistent, publicFault } from './rsa-key.ts';
import { parsePublicPem } from './spki.ts';
import { HMAC_KEY_BYTES, type KeyType } from './types.ts';

// Key material from outside, checked to be of its type.

/** @param bytes a raw key of aes, chacha20 and hmac types, PKCS#8 in DER of the others; a copy is made, which is the caller's to zero @throws UsageError `bad_key` */
export function acceptSecret(type: KeyType, bytes: Uint8Array): Material {
  switch (type.family) {
    case 'aead':
      if (bytes.length !== type.keyBytes) throw badKey(type, `it has ${bytes.length} bytes, not ${type.keyBytes}`);
      return { key: Uint8Array.from(bytes), public: null };
    case 'hmac':
      if (bytes.length < HMAC_KEY_BYTES.min || bytes.length > HMAC_KEY_BYTES.max) {
        throw badKey(type, `it has ${bytes.length} bytes, not ${HMAC_KEY_BYTES.min} to ${HMAC_KEY_BYTES.max}`);
      }
      return { key: Uint8Array.from(bytes), public: null };
    default:
      return acceptPrivateKey(type, privateKeyIn(type, bytes));
  }
}

/** @returns the secret in it is the caller's to zero @throws UsageError `bad_key` */
export function acceptPrivateKey(type: KeyType, key: KeyObject): Material {
  checkKind(type, key);
  if (type.family === 'rsa' && !isConsistent(key)) throw badKey(type, 'its numbers do not belong together');
  if (type.family !== 'ed25519') return exported(key);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const seed = Uint8Array.from(der.subarray(16, 16 + ED25519_BYTES)); // RFC 8410 section 7
  zero(der);
  return { key: seed, public: publicOf(key) };
}

/** @param text PEM of SubjectPublicKeyInfo @throws UsageError `bad_key` */
export function acceptPublicPem(type: KeyType, text: string): Material {
  if (type.family === 'aead' || type.family === 'hmac') throw badKey(type, 'the type has no public key');
  let key;
  try {
    key = parsePublicPem(text);
  } catch {
    throw badKey(type, 'public_key is not a public key of transit in PEM', MAKE_PEM);
  }
  return acceptPublicKey(type, key);
}

/** @throws UsageError `bad_key` */
export function acceptPublicKey(type: KeyType, key: KeyObject): Material {
  checkKind(type, key);
  return { key: null, public: publicOf(key) };
}

/** Whether the public key of the material is that one. @param spki SubjectPublicKeyInfo in DER */
export function isPublic({ public: own }: Material, spki: Uint8Array | null): boolean {
  return own !== null && spki !== null && sameBytes(own, spki);
}

function privateKeyIn(type: KeyType, pkcs8: Uint8Array): KeyObject {
  try {
    return parsePkcs8(pkcs8);
  } catch {
    throw badKey(type, 'it is not a private key of transit in PKCS#8', MAKE_PKCS8);
  }
}

function checkKind(type: KeyType, key: KeyObject): void {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  const found =
    asymmetricKeyType === 'ec'
      ? asymmetricKeyDetails?.namedCurve
      : asymmetricKeyType === 'rsa'
        ? asymmetricKeyDetails?.modulusLength
        : asymmetricKeyType;
  const wanted = type.family === 'ec' ? type.opensslCurve : type.family === 'rsa' ? type.bits : type.family;
  const fault = asymmetricKeyType === 'rsa' ? publicFault(key) : null;
  if (fault !== null) throw badKey(type, fault);
  if (found === wanted) return;
  const kind = found === asymmetricKeyType ? '' : ` ${String(found)}`;
  throw badKey(type, `it is ${asymmetricKeyType ?? 'another'}${kind}`);
}

const MAKE_PEM = 'make it with: openssl pkey -pubout; of a certificate: openssl x509 -noout -pubkey';
const MAKE_PKCS8 = 'convert it with: openssl pkcs8 -topk8 -nocrypt -outform DER';

function badKey(type: KeyType, why: string, hint?: string): UsageError {
  return new UsageError('bad_key', `the key is not one of type ${type.name}: ${why}`, { hint });
}
