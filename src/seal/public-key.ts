import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { asBuffer } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import type { Key, KeyShape, Session } from '../pkcs11/index.ts';

/**
 * What the token says of a private key's public half: its own attributes where they suffice (RSA), else those of the
 * public key object with the same id.
 * @throws HsmError `public_key_missing`
 */
export function publicShape(session: Session, key: Key): KeyShape | null {
  const own = session.shapeOf(key);
  if (own?.kind === 'rsa' && own.exponent.length > 0) return own;
  return session.shapeOf(requirePublicKey(session, key));
}

/** The public key object of a private key. @throws HsmError `public_key_missing` */
export function requirePublicKey(session: Session, key: Key): Key {
  const half = session.publicKeyOf(key);
  if (half !== null && (half.type === key.type || half.type === null || key.type === null)) return half;
  const problem = `token "${session.token.label}" has no public key object for the private key "${key.label}"`;
  throw new HsmError('public_key_missing', problem, {
    hint: 'put the public key on the token with the CKA_ID of the private key. One that does nothing but unwrap (see `coffer hsm keys`) has none on a YubiHSM, and cannot be used',
  });
}

/** @throws HsmError `public_key_missing` */
export function rsaPublicKey(session: Session, key: Key): KeyObject {
  const shape = publicShape(session, key);
  if (shape?.kind === 'rsa') return publicKeyOf(rsaJwk(shape.modulus, shape.exponent));
  throw new HsmError('key_type', `the HSM key "${key.label}" is not an RSA key`);
}

/** A modulus as some tokens have it, without the zeros in front. */
export function withoutLeadingZeros(modulus: Uint8Array): Uint8Array {
  return modulus.subarray(modulus.findIndex((byte) => byte !== 0));
}

export function publicKeyOf(jwk: JsonWebKey): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' });
}

export function rsaJwk(modulus: Uint8Array, exponent: Uint8Array): JsonWebKey {
  return { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) };
}

export function base64url(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64url');
}
