import { numberIn, readAttributes } from './attributes.ts';
import { CKA, CKK } from './constants.ts';
import type { OpenSession } from './open.ts';
import type { Key, KeyShape } from './types.ts';

/**
 * The length of an AES key, modulus and exponent of an RSA key, curve and point of a public EC key; null for others, and where the
 * token does not tell. A key whose type it does not tell is what its attributes make of it; an HMAC key can look like an AES key then.
 */
export function shapeOf(session: OpenSession, key: Key): KeyShape | null {
  const may = (type: number): boolean => key.type === null || key.type === type;
  const read = (...types: number[]): (Buffer | null)[] => readAttributes(session, key.handle, types);
  if (key.class === 'secret') {
    const bytes = may(CKK.AES) ? numberIn(read(CKA.VALUE_LEN)[0]) : null;
    return bytes === null ? null : { kind: 'aes', bytes };
  }
  if (may(CKK.RSA)) {
    const [modulus = null, exponent] = read(CKA.MODULUS, CKA.PUBLIC_EXPONENT);
    if (modulus !== null) return { kind: 'rsa', modulus, exponent: exponent ?? Buffer.alloc(0) };
  }
  if (may(CKK.EC) && key.class === 'public') {
    const [parameters = null, point = null] = read(CKA.EC_PARAMS, CKA.EC_POINT);
    if (parameters !== null && point !== null) return { kind: 'ec', parameters, point };
  }
  return null;
}
