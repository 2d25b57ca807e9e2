import { randomBytes } from 'node:crypto';
import type { Attribute } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { CKA, CKK, CKM, CKO, mechanismName } from './constants.ts';
import type { OpenSession } from './open.ts';
import type { GeneratedKind, Key, KeyShape } from './types.ts';
import { numberToUlong, ulongToNumber } from './ulong.ts';

const KEY_ID_BYTES = 16;
const AES_BYTES = 32;
const PUBLIC_EXPONENT = Buffer.of(1, 0, 1);

/** The secret half can never leave the token, and does nothing but encrypt, decrypt or sign: no wrapping of other keys. */
export function generateKey(session: OpenSession, label: string, kind: GeneratedKind): Key {
  return kind.kind === 'aes' ? generateAes(session, label) : generatePair(session, label, kind);
}

function generateAes({ module, handle }: OpenSession, label: string): Key {
  const id = randomBytes(KEY_ID_BYTES);
  const template = [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.AES },
    { type: CKA.VALUE_LEN, value: AES_BYTES },
    ...secretAttributes(label, id),
    ...uses([CKA.ENCRYPT, CKA.DECRYPT], [CKA.WRAP, CKA.UNWRAP]),
  ];
  const key = module.call('C_GenerateKey', (api) => api.C_GenerateKey(handle, { mechanism: CKM.AES_KEY_GEN }, template), subject(CKM.AES_KEY_GEN, label));
  return { handle: key, class: 'secret', type: CKK.AES, label, id };
}

function generatePair({ module, handle }: OpenSession, label: string, kind: Exclude<GeneratedKind, { kind: 'aes' }>): Key {
  const id = randomBytes(KEY_ID_BYTES);
  const isRsa = kind.kind === 'rsa';
  const mechanism = isRsa ? CKM.RSA_PKCS_KEY_PAIR_GEN : CKM.EC_KEY_PAIR_GEN;
  const type = isRsa ? CKK.RSA : CKK.EC;
  const publicTemplate = [
    { type: CKA.CLASS, value: CKO.PUBLIC_KEY },
    { type: CKA.KEY_TYPE, value: type },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: false },
    ...names(label, id),
    ...(isRsa
      ? [{ type: CKA.MODULUS_BITS, value: numberToUlong(kind.bits) }, { type: CKA.PUBLIC_EXPONENT, value: PUBLIC_EXPONENT }, ...uses([CKA.ENCRYPT, CKA.VERIFY], [CKA.WRAP])]
      : [{ type: CKA.EC_PARAMS, value: asBuffer(kind.parameters) }, ...uses([CKA.VERIFY])]),
  ];
  const privateTemplate = [
    { type: CKA.CLASS, value: CKO.PRIVATE_KEY },
    { type: CKA.KEY_TYPE, value: type },
    ...secretAttributes(label, id),
    ...(isRsa ? uses([CKA.DECRYPT, CKA.SIGN], [CKA.UNWRAP]) : uses([CKA.SIGN], [CKA.DECRYPT, CKA.UNWRAP])),
  ];
  const pair = module.call(
    'C_GenerateKeyPair',
    (api) => api.C_GenerateKeyPair(handle, { mechanism }, publicTemplate, privateTemplate),
    subject(mechanism, label),
  );
  return { handle: pair.privateKey, class: 'private', type, label, id };
}

function secretAttributes(label: string, id: Buffer): Attribute[] {
  return [
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    ...names(label, id),
  ];
}

function names(label: string, id: Buffer): Attribute[] {
  return [{ type: CKA.LABEL, value: label }, { type: CKA.ID, value: id }];
}

/** @param forbidden said expressly, since modules allow what a template leaves out */
function uses(allowed: readonly number[], forbidden: readonly number[] = []): Attribute[] {
  return [...allowed.map((type) => ({ type, value: true })), ...forbidden.map((type) => ({ type, value: false }))];
}

function subject(mechanism: number, label: string): () => string {
  return () => `${mechanismName(mechanism)}, label "${label}"`;
}

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

function attributes({ module, handle }: OpenSession, key: Key, first: number, second: number = first): [Buffer, Buffer] {
  const types = first === second ? [first] : [first, second];
  const values = module
    .call('C_GetAttributeValue', (api) => api.C_GetAttributeValue(handle, key.handle, types.map((type) => ({ type }))), () => `key "${key.label}"`)
    .map(({ value }) => value);
  const empty = Buffer.alloc(0);
  return [values[0] ?? empty, values[1] ?? empty];
}
