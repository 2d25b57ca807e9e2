import type { PKCS11 } from 'pkcs11js';
import { CKA, CKK } from './constants.ts';
import type { OpenSession } from './open.ts';
import { keySubject } from './template.ts';
import type { Key, KeyShape } from './types.ts';
import { ulongToNumber } from './ulong.ts';

/** The length of an AES key, modulus and exponent of an RSA key, curve and point of a public EC key; null for others. */
export function shapeOf(session: OpenSession, key: Key): KeyShape | null {
  if (key.type === CKK.AES && key.class === 'secret') {
    const [length] = attributes(session, key, CKA.VALUE_LEN);
    return { kind: 'aes', bytes: length.length === 0 ? 0 : ulongToNumber(length) };
  }
  if (key.type === CKK.RSA && key.class !== 'secret') {
    const [modulus, exponent] = attributes(session, key, CKA.MODULUS, CKA.PUBLIC_EXPONENT);
    return { kind: 'rsa', modulus, exponent };
  }
  if (key.type === CKK.EC && key.class === 'public') {
    const [parameters, point] = attributes(session, key, CKA.EC_PARAMS, CKA.EC_POINT);
    return { kind: 'ec', parameters, point };
  }
  return null;
}

function attributes({ module, handle }: OpenSession, key: Key, first: number, second = first): [Buffer, Buffer] {
  const template = (first === second ? [first] : [first, second]).map((type) => ({ type }));
  const read = (api: PKCS11): { value: Buffer }[] => api.C_GetAttributeValue(handle, key.handle, template);
  const [one, other] = module.call('C_GetAttributeValue', read, keySubject(key));
  const empty = Buffer.alloc(0);
  return [one?.value ?? empty, other?.value ?? empty];
}
