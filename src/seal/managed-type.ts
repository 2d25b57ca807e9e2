import type { JsonWebKey } from 'node:crypto';
import { hex } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import type { HsmKeyDescription, HsmKeyType } from '../hsm-keys.ts';
import type { GeneratedKind, Key, Session } from '../pkcs11/index.ts';
import { base64url, publicKeyOf, publicShape, rsaJwk, withoutLeadingZeros } from './public-key.ts';

/** What a managed key can be. `oid` is the curve's object identifier in DER, `bytes` the length of a key or a coordinate. */
const TYPES = [
  { name: 'aes128', kind: 'aes', bytes: 16 },
  { name: 'aes256', kind: 'aes', bytes: 32 },
  { name: 'rsa-2048', kind: 'rsa', bits: 2048 },
  { name: 'rsa-3072', kind: 'rsa', bits: 3072 },
  { name: 'rsa-4096', kind: 'rsa', bits: 4096 },
  { name: 'ecdsa-p256', kind: 'ec', curve: 'P-256', oid: '06082a8648ce3d030107', bytes: 32 },
  { name: 'ecdsa-p384', kind: 'ec', curve: 'P-384', oid: '06052b81040022', bytes: 48 },
  { name: 'ecdsa-p521', kind: 'ec', curve: 'P-521', oid: '06052b81040023', bytes: 66 },
] as const;
type EcType = Extract<(typeof TYPES)[number], { readonly kind: 'ec' }>;

/** What a key object is, by what the token says of it. @throws HsmError `key_type`, `public_key_missing` */
export function describeManaged(session: Session, key: Key): HsmKeyDescription {
  const { label, id } = key;
  const shape = key.class === 'secret' ? session.shapeOf(key) : publicShape(session, key);
  for (const type of TYPES) {
    const named = { label, id, type: type.name };
    if (type.kind === 'aes' && shape?.kind === 'aes' && shape.bytes === type.bytes)
      return { ...named, publicKey: null };
    if (type.kind === 'rsa' && shape?.kind === 'rsa' && bitsOf(shape.modulus) === type.bits) {
      return { ...named, publicKey: spki(rsaJwk(withoutLeadingZeros(shape.modulus), shape.exponent)) };
    }
    if (type.kind === 'ec' && shape?.kind === 'ec' && hex(shape.parameters) === type.oid)
      return { ...named, publicKey: ecPublicKey(type, shape.point) };
  }
  const problem = `the HSM key "${label}" (CKA_KEY_TYPE ${key.type === null ? 'unknown' : `0x${key.type.toString(16)}`}) cannot be a managed key`;
  throw new HsmError('key_type', problem, {
    hint: 'a managed key is AES of 128 or 256 bits, RSA of 2048, 3072 or 4096, or EC on P-256, P-384 or P-521',
  });
}

/** What the token is asked to make; for AES always 256 bits. */
export function kindOf(name: HsmKeyType): GeneratedKind {
  const type = TYPES.find((each) => each.name === name);
  if (type?.kind === 'rsa') return { kind: 'rsa', bits: type.bits };
  return type?.kind === 'ec' ? { kind: 'ec', parameters: Buffer.from(type.oid, 'hex') } : { kind: 'aes' };
}

/** Null for a modulus that does not fill its first byte. */
function bitsOf(modulus: Uint8Array): number | null {
  const bytes = withoutLeadingZeros(modulus);
  return (bytes[0] ?? 0) >= 0x80 ? 8 * bytes.length : null;
}

/** @param point CKA_EC_POINT: an uncompressed point, in a DER OCTET STRING or, from some modules, without it */
function ecPublicKey({ curve, bytes }: EcType, point: Uint8Array): Uint8Array {
  const coordinates = point.subarray(-2 * bytes);
  const [x, y] = [base64url(coordinates.subarray(0, bytes)), base64url(coordinates.subarray(bytes))];
  return spki({ kty: 'EC', crv: curve, x, y });
}

function spki(jwk: JsonWebKey): Uint8Array {
  return publicKeyOf(jwk).export({ type: 'spki', format: 'der' });
}
