import type { Attribute } from 'pkcs11js';
import { CKA, CKK, CKM, CKO, CKR } from './constants.ts';
import { isReturnValue } from './errors.ts';
import type { OpenSession } from './open.ts';
import { names, newId, secretAttributes, subject, uses } from './template.ts';
import type { GeneratedKey } from './types.ts';
import { numberToUlong } from './ulong.ts';

const PUBLIC_EXPONENT = Buffer.of(1, 0, 1);

/** RSA for wrapping: the public half encrypts and wraps, the private half decrypts and unwraps. @returns the private key */
export function generateRsaKey(session: OpenSession, label: string, id: Uint8Array | null, bits: number): GeneratedKey {
  const kind = { mechanism: CKM.RSA_PKCS_KEY_PAIR_GEN, type: CKK.RSA };
  try {
    return generatePair(session, label, id, {
      ...kind,
      public: [...rsaShape(bits), ...uses([CKA.ENCRYPT, CKA.WRAP], [CKA.VERIFY])],
      private: uses([CKA.DECRYPT, CKA.UNWRAP], [CKA.SIGN]),
    });
  } catch (error) {
    if (!isReturnValue(error, ...OTHER_TEMPLATE_WANTED)) throw error;
    const least = { ...kind, public: [...rsaShape(bits), ...uses([CKA.ENCRYPT])], private: uses([CKA.DECRYPT]) };
    return unlessRefused(error, () => generatePair(session, label, id, least));
  }
}

/** What modules say that have their own idea of what an RSA key may do beside decrypting; tpm2-pkcs11 1.9 the last. */
const OTHER_TEMPLATE_WANTED = [
  CKR.ATTRIBUTE_READ_ONLY,
  CKR.ATTRIBUTE_TYPE_INVALID,
  CKR.ATTRIBUTE_VALUE_INVALID,
  CKR.TEMPLATE_INCONSISTENT,
  CKR.GENERAL_ERROR,
];

/** Where the second way is refused too, the first error is the one to tell. */
function unlessRefused<T>(first: unknown, again: () => T): T {
  try {
    return again();
  } catch {
    throw first;
  }
}

/** What the public half says of an RSA key that is to be made. */
export function rsaShape(bits: number): Attribute[] {
  return [
    { type: CKA.MODULUS_BITS, value: numberToUlong(bits) },
    { type: CKA.PUBLIC_EXPONENT, value: PUBLIC_EXPONENT },
  ];
}

export interface PairKind {
  readonly mechanism: number;
  readonly type: number;
  readonly public: readonly Attribute[];
  readonly private: readonly Attribute[];
}

/** A key pair whose private half can never leave the token. @returns the private key */
export function generatePair(
  { module, handle }: OpenSession,
  label: string,
  givenId: Uint8Array | null,
  kind: PairKind,
): GeneratedKey {
  const id = givenId ?? newId();
  const { mechanism, type } = kind;
  const publicTemplate = [
    { type: CKA.CLASS, value: CKO.PUBLIC_KEY },
    { type: CKA.KEY_TYPE, value: type },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: false },
    ...names(label, id),
    ...kind.public,
  ];
  const privateTemplate = [
    { type: CKA.CLASS, value: CKO.PRIVATE_KEY },
    { type: CKA.KEY_TYPE, value: type },
    ...secretAttributes(label, id),
    ...kind.private,
  ];
  const pair = module.call(
    'C_GenerateKeyPair',
    (api) => api.C_GenerateKeyPair(handle, { mechanism }, publicTemplate, privateTemplate),
    subject(mechanism, label),
  );
  return { handle: pair.privateKey, class: 'private', type, label, id, publicHalf: pair.publicKey };
}
