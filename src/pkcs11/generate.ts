import type { Attribute } from 'pkcs11js';
import { KEY_BYTES } from '../aead.ts';
import { asBuffer } from '../bytes.ts';
import { CKA, CKK, CKM, CKO, CKR } from './constants.ts';
import { type CryptokiError, isReturnValue } from './errors.ts';
import { generatePair, rsaShape } from './generate-pair.ts';
import type { OpenSession } from './open.ts';
import { foregroundCipher } from './run.ts';
import { keySubject, newId, secretAttributes, subject, uses } from './template.ts';
import type { GeneratedKey, GeneratedKind, Key } from './types.ts';

/** AES-256 for wrapping: encrypt, decrypt, wrap and unwrap, and it can never leave the token. */
export function generateAesKey(session: OpenSession, label: string, id: Uint8Array | null): GeneratedKey {
  const allowed = uses([CKA.ENCRYPT, CKA.DECRYPT, CKA.WRAP, CKA.UNWRAP], [CKA.SIGN, CKA.VERIFY]);
  return generateSecret(session, AES, label, id, allowed);
}

interface SecretKind {
  readonly mechanism: number;
  readonly type: number;
}

const AES: SecretKind = { mechanism: CKM.AES_KEY_GEN, type: CKK.AES };
/** What modules let serve for CKM_SHA256_HMAC, the usual first. */
const HMAC_KINDS: readonly SecretKind[] = [
  { mechanism: CKM.GENERIC_SECRET_KEY_GEN, type: CKK.GENERIC_SECRET },
  { mechanism: CKM.GENERIC_SECRET_KEY_GEN, type: CKK.SHA256_HMAC },
  AES,
];

const OTHER_KIND_WANTED = [
  CKR.ATTRIBUTE_TYPE_INVALID,
  CKR.ATTRIBUTE_VALUE_INVALID,
  CKR.FUNCTION_NOT_SUPPORTED,
  CKR.KEY_FUNCTION_NOT_PERMITTED,
  CKR.KEY_SIZE_RANGE,
  CKR.KEY_TYPE_INCONSISTENT,
  CKR.MECHANISM_INVALID,
  CKR.TEMPLATE_INCONSISTENT,
];

/**
 * 32 random bytes for an HMAC: sign and verify, and they can never leave the token. Each kind of key is tried with one
 * HMAC, and destroyed again where the token does not want it for that.
 */
export function generateHmacKey(session: OpenSession, label: string, id: Uint8Array | null): GeneratedKey {
  const allowed = uses([CKA.SIGN, CKA.VERIFY], [CKA.ENCRYPT, CKA.DECRYPT, CKA.WRAP, CKA.UNWRAP]);
  let first: CryptokiError | null = null;
  for (const kind of HMAC_KINDS) {
    let key: GeneratedKey | null = null;
    try {
      key = generateSecret(session, kind, label, id, allowed);
      foregroundCipher(session).sign(key, { type: CKM.SHA256_HMAC }, new Uint8Array(1));
      return key;
    } catch (error) {
      if (key !== null) destroyKey(session, key);
      if (!isReturnValue(error, ...OTHER_KIND_WANTED)) throw error;
      first ??= error;
    }
  }
  throw first ?? new RangeError('there is a kind to try');
}

export function destroyKey({ module, handle }: OpenSession, key: Key): void {
  module.call('C_DestroyObject', (api) => api.C_DestroyObject(handle, key.handle), keySubject(key));
}

/** Gives a key another CKA_ID. */
export function setId({ module, handle }: OpenSession, key: Key, id: Uint8Array): void {
  const template = [{ type: CKA.ID, value: asBuffer(id) }];
  module.call('C_SetAttributeValue', (api) => api.C_SetAttributeValue(handle, key.handle, template), keySubject(key));
}

/** The secret half can never leave the token, and does nothing but encrypt, decrypt or sign: no wrapping of other keys. */
export function generateKey(session: OpenSession, label: string, kind: GeneratedKind): GeneratedKey {
  switch (kind.kind) {
    case 'aes':
      return generateSecret(session, AES, label, null, uses([CKA.ENCRYPT, CKA.DECRYPT], [CKA.WRAP, CKA.UNWRAP]));
    case 'rsa':
      return generatePair(session, label, null, {
        mechanism: CKM.RSA_PKCS_KEY_PAIR_GEN,
        type: CKK.RSA,
        public: [...rsaShape(kind.bits), ...uses([CKA.ENCRYPT, CKA.VERIFY], [CKA.WRAP])],
        private: uses([CKA.DECRYPT, CKA.SIGN], [CKA.UNWRAP]),
      });
    case 'ec':
      return generatePair(session, label, null, {
        mechanism: CKM.EC_KEY_PAIR_GEN,
        type: CKK.EC,
        public: [{ type: CKA.EC_PARAMS, value: asBuffer(kind.parameters) }, ...uses([CKA.VERIFY])],
        private: uses([CKA.SIGN], [CKA.DECRYPT, CKA.UNWRAP]),
      });
  }
}

function generateSecret(
  { module, handle }: OpenSession,
  { mechanism, type }: SecretKind,
  label: string,
  givenId: Uint8Array | null,
  more: readonly Attribute[],
): GeneratedKey {
  const id = givenId ?? newId();
  const template = [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: type },
    { type: CKA.VALUE_LEN, value: KEY_BYTES },
    ...secretAttributes(label, id),
    ...more,
  ];
  const about = subject(mechanism, label);
  const key = module.call('C_GenerateKey', (api) => api.C_GenerateKey(handle, { mechanism }, template), about);
  return { handle: key, class: 'secret', type, label, id, publicHalf: null };
}
