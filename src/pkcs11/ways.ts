import type { Attribute } from 'pkcs11js';
import { KEY_BYTES } from '../aead.ts';
import { asBuffer } from '../bytes.ts';
import { CKA, CKK, CKM, CKR } from './constants.ts';
import { type CryptokiError, isReturnValue } from './errors.ts';
import { uses } from './template.ts';
import type { GeneratedKind } from './types.ts';
import { numberToUlong } from './ulong.ts';

/*
 * How a key is asked for. For each kind the way of Vault comes first, and then those of tokens that refuse it, or make something else of
 * it: a YubiHSM 2 makes no secret key that may wrap others, no HMAC key of the type CKK_GENERIC_SECRET or with a CKA_VALUE_LEN, and, where
 * CKA_UNWRAP is mentioned, a pair that does nothing but unwrap. tpm2-pkcs11 1.9 wants as few words of an RSA key as can be.
 */

/** What C_GenerateKey or C_GenerateKeyPair is given beside what every key gets. */
export interface Way {
  readonly mechanism: number;
  /** CKA_KEY_TYPE. */
  readonly type: number;
  /** Of a secret key, or of the private half. */
  readonly secret: readonly Attribute[];
  /** Of the public half; null for a secret key. */
  readonly public: readonly Attribute[] | null;
}

const { ENCRYPT, DECRYPT, WRAP, UNWRAP, SIGN, VERIFY } = CKA;
const PUBLIC_EXPONENT = Buffer.of(1, 0, 1);

/** AES-256 for wrapping: encrypt, decrypt, wrap and unwrap. */
export function aesWrappingWays(): Way[] {
  return [
    aes(uses([ENCRYPT, DECRYPT, WRAP, UNWRAP], [SIGN, VERIFY])),
    aes(uses([ENCRYPT, DECRYPT], [SIGN, VERIFY])),
    aes(uses([ENCRYPT, DECRYPT])),
  ];
}

/** Sign and verify, by what modules let serve for CKM_SHA256_HMAC, the usual first. */
export function hmacWays(): Way[] {
  const all = uses([SIGN, VERIFY], [ENCRYPT, DECRYPT, WRAP, UNWRAP]);
  const fewer = uses([SIGN, VERIFY], [ENCRYPT, DECRYPT]);
  const least = uses([SIGN, VERIFY]);
  const generic = (type: number, attributes: readonly Attribute[]): Way =>
    secret(CKM.GENERIC_SECRET_KEY_GEN, type, attributes);
  return [
    generic(CKK.GENERIC_SECRET, [...OF_32_BYTES, ...all]),
    generic(CKK.GENERIC_SECRET, [...OF_32_BYTES, ...fewer]),
    generic(CKK.SHA256_HMAC, [...OF_32_BYTES, ...all]),
    generic(CKK.SHA256_HMAC, all),
    generic(CKK.SHA256_HMAC, least),
    aes(all),
    aes(least),
  ];
}

/** RSA for wrapping: the public half encrypts and wraps, the private half decrypts and unwraps. */
export function rsaWrappingWays(bits: number): Way[] {
  return [
    rsa(bits, uses([ENCRYPT, WRAP], [VERIFY]), uses([DECRYPT, UNWRAP], [SIGN])),
    rsa(bits, uses([ENCRYPT], [VERIFY]), uses([DECRYPT], [SIGN])),
    rsa(bits, uses([ENCRYPT]), uses([DECRYPT])),
  ];
}

/** Of a key that serves callers: it encrypts, decrypts or signs, and wraps no other keys. */
export function servingWays(kind: GeneratedKind): Way[] {
  switch (kind.kind) {
    case 'aes':
      return [aes(uses([ENCRYPT, DECRYPT], [WRAP, UNWRAP])), aes(uses([ENCRYPT, DECRYPT]))];
    case 'rsa':
      return [
        rsa(kind.bits, uses([ENCRYPT, VERIFY], [WRAP]), uses([DECRYPT, SIGN], [UNWRAP])),
        rsa(kind.bits, uses([ENCRYPT, VERIFY]), uses([DECRYPT, SIGN])),
      ];
    case 'ec':
      return [ec(kind.parameters, uses([SIGN], [DECRYPT, UNWRAP])), ec(kind.parameters, uses([SIGN]))];
  }
}

/**
 * Whether a token wants a key asked for in another way; tpm2-pkcs11 1.9 says CKR_GENERAL_ERROR to an RSA template, a YubiHSM 2 of firmware
 * 2.2 CKR_DEVICE_ERROR to one with CKA_UNWRAP. From another call that is a device that fails. To a pair with CKA_UNWRAP a YubiHSM 2 says
 * CKR_FUNCTION_REJECTED where the account may make no wrap keys; it may make a pair that only decrypts.
 */
export function isWayRefused(error: unknown): error is CryptokiError {
  if (isReturnValue(error, CKR.DEVICE_ERROR)) return error.operation.startsWith('C_Generate');
  if (isReturnValue(error, CKR.FUNCTION_REJECTED)) return error.operation === 'C_GenerateKeyPair';
  return isReturnValue(
    error,
    CKR.ATTRIBUTE_READ_ONLY,
    CKR.ATTRIBUTE_TYPE_INVALID,
    CKR.ATTRIBUTE_VALUE_INVALID,
    CKR.FUNCTION_NOT_SUPPORTED,
    CKR.GENERAL_ERROR,
    CKR.KEY_FUNCTION_NOT_PERMITTED,
    CKR.KEY_SIZE_RANGE,
    CKR.KEY_TYPE_INCONSISTENT,
    CKR.MECHANISM_INVALID,
    CKR.TEMPLATE_INCOMPLETE,
    CKR.TEMPLATE_INCONSISTENT,
  );
}

const OF_32_BYTES: readonly Attribute[] = [{ type: CKA.VALUE_LEN, value: KEY_BYTES }];

function aes(attributes: readonly Attribute[]): Way {
  return secret(CKM.AES_KEY_GEN, CKK.AES, [...OF_32_BYTES, ...attributes]);
}

function secret(mechanism: number, type: number, attributes: readonly Attribute[]): Way {
  return { mechanism, type, secret: attributes, public: null };
}

function rsa(bits: number, publicUses: readonly Attribute[], privateUses: readonly Attribute[]): Way {
  const shape: Attribute[] = [
    { type: CKA.MODULUS_BITS, value: numberToUlong(bits) },
    { type: CKA.PUBLIC_EXPONENT, value: PUBLIC_EXPONENT },
  ];
  return {
    mechanism: CKM.RSA_PKCS_KEY_PAIR_GEN,
    type: CKK.RSA,
    secret: privateUses,
    public: [...shape, ...publicUses],
  };
}

function ec(parameters: Uint8Array, privateUses: readonly Attribute[]): Way {
  const curve = { type: CKA.EC_PARAMS, value: asBuffer(parameters) };
  return { mechanism: CKM.EC_KEY_PAIR_GEN, type: CKK.EC, secret: privateUses, public: [curve, ...uses([VERIFY])] };
}
