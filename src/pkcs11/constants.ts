/**
 * Names and numbers of PKCS#11 that coffer uses, so that messages and templates need no native module.
 * PKCS#11 v2.40 base specification, appendix B; pkcs11t.h. CKR_AEAD_DECRYPT_FAILED is v3.0.
 */

import { CKM } from '../ckm.ts';

export { CKM };

/** Flags of sessions (RW_SESSION, SERIAL_SESSION), of C_Initialize (OS_LOCKING_OK) and of tokens (CK_TOKEN_INFO, section 3.2). */
export const CKF = {
  RW_SESSION: 0x2,
  SERIAL_SESSION: 0x4,
  OS_LOCKING_OK: 0x2,
  WRITE_PROTECTED: 0x2,
  LOGIN_REQUIRED: 0x4,
  USER_PIN_INITIALIZED: 0x8,
  PROTECTED_AUTHENTICATION_PATH: 0x100,
  TOKEN_INITIALIZED: 0x400,
  USER_PIN_COUNT_LOW: 0x10000,
  USER_PIN_FINAL_TRY: 0x20000,
  USER_PIN_LOCKED: 0x40000,
  SO_PIN_FINAL_TRY: 0x200000,
  SO_PIN_LOCKED: 0x400000,
} as const;

/** User types. */
export const CKU = { SO: 0, USER: 1 } as const;

/** Object classes. */
export const CKO = { DATA: 0, PUBLIC_KEY: 2, PRIVATE_KEY: 3, SECRET_KEY: 4 } as const;

/** Key types. */
export const CKK = {
  RSA: 0x0,
  EC: 0x3,
  GENERIC_SECRET: 0x10,
  DES3: 0x15,
  AES: 0x1f,
  SHA256_HMAC: 0x2b,
} as const;

/** Attributes. */
export const CKA = {
  CLASS: 0x0,
  TOKEN: 0x1,
  PRIVATE: 0x2,
  LABEL: 0x3,
  APPLICATION: 0x10,
  VALUE: 0x11,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  VERIFY: 0x10a,
  DERIVE: 0x10c,
  MODULUS: 0x120,
  MODULUS_BITS: 0x121,
  PUBLIC_EXPONENT: 0x122,
  VALUE_LEN: 0x161,
  EXTRACTABLE: 0x162,
  LOCAL: 0x163,
  NEVER_EXTRACTABLE: 0x164,
  ALWAYS_SENSITIVE: 0x165,
  MODIFIABLE: 0x170,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
} as const;

/** Mask generation functions (PKCS#11 v2.40 mechanisms, section 2.1.7). */
export const CKG = {
  MGF1_SHA1: 0x1,
  MGF1_SHA256: 0x2,
  MGF1_SHA384: 0x3,
  MGF1_SHA512: 0x4,
  MGF1_SHA224: 0x5,
} as const;

/** Where CKM_RSA_PKCS_OAEP finds its label. */
export const CKZ = { DATA_SPECIFIED: 0x1 } as const;

/** CK_RV values: all of PKCS#11 v3.2. */
export const CKR = {
  OK: 0x0,
  CANCEL: 0x1,
  HOST_MEMORY: 0x2,
  SLOT_ID_INVALID: 0x3,
  GENERAL_ERROR: 0x5,
  FUNCTION_FAILED: 0x6,
  ARGUMENTS_BAD: 0x7,
  NO_EVENT: 0x8,
  NEED_TO_CREATE_THREADS: 0x9,
  CANT_LOCK: 0xa,
  ATTRIBUTE_READ_ONLY: 0x10,
  ATTRIBUTE_SENSITIVE: 0x11,
  ATTRIBUTE_TYPE_INVALID: 0x12,
  ATTRIBUTE_VALUE_INVALID: 0x13,
  ACTION_PROHIBITED: 0x1b,
  DATA_INVALID: 0x20,
  DATA_LEN_RANGE: 0x21,
  DEVICE_ERROR: 0x30,
  DEVICE_MEMORY: 0x31,
  DEVICE_REMOVED: 0x32,
  AEAD_DECRYPT_FAILED: 0x35,
  ENCRYPTED_DATA_INVALID: 0x40,
  ENCRYPTED_DATA_LEN_RANGE: 0x41,
  FUNCTION_CANCELED: 0x50,
  FUNCTION_NOT_PARALLEL: 0x51,
  FUNCTION_NOT_SUPPORTED: 0x54,
  KEY_HANDLE_INVALID: 0x60,
  KEY_SIZE_RANGE: 0x62,
  KEY_TYPE_INCONSISTENT: 0x63,
  KEY_NOT_NEEDED: 0x64,
  KEY_CHANGED: 0x65,
  KEY_NEEDED: 0x66,
  KEY_INDIGESTIBLE: 0x67,
  KEY_FUNCTION_NOT_PERMITTED: 0x68,
  KEY_NOT_WRAPPABLE: 0x69,
  KEY_UNEXTRACTABLE: 0x6a,
  MECHANISM_INVALID: 0x70,
  MECHANISM_PARAM_INVALID: 0x71,
  OBJECT_HANDLE_INVALID: 0x82,
  OPERATION_ACTIVE: 0x90,
  OPERATION_NOT_INITIALIZED: 0x91,
  PIN_INCORRECT: 0xa0,
  PIN_INVALID: 0xa1,
  PIN_LEN_RANGE: 0xa2,
  PIN_EXPIRED: 0xa3,
  PIN_LOCKED: 0xa4,
  SESSION_CLOSED: 0xb0,
  SESSION_COUNT: 0xb1,
  SESSION_HANDLE_INVALID: 0xb3,
  SESSION_PARALLEL_NOT_SUPPORTED: 0xb4,
  SESSION_READ_ONLY: 0xb5,
  SESSION_EXISTS: 0xb6,
  SESSION_READ_ONLY_EXISTS: 0xb7,
  SESSION_READ_WRITE_SO_EXISTS: 0xb8,
  SIGNATURE_INVALID: 0xc0,
  SIGNATURE_LEN_RANGE: 0xc1,
  TEMPLATE_INCOMPLETE: 0xd0,
  TEMPLATE_INCONSISTENT: 0xd1,
  TOKEN_NOT_PRESENT: 0xe0,
  TOKEN_NOT_RECOGNIZED: 0xe1,
  TOKEN_WRITE_PROTECTED: 0xe2,
  UNWRAPPING_KEY_HANDLE_INVALID: 0xf0,
  UNWRAPPING_KEY_SIZE_RANGE: 0xf1,
  UNWRAPPING_KEY_TYPE_INCONSISTENT: 0xf2,
  USER_ALREADY_LOGGED_IN: 0x100,
  USER_NOT_LOGGED_IN: 0x101,
  USER_PIN_NOT_INITIALIZED: 0x102,
  USER_TYPE_INVALID: 0x103,
  USER_ANOTHER_ALREADY_LOGGED_IN: 0x104,
  USER_TOO_MANY_TYPES: 0x105,
  WRAPPED_KEY_INVALID: 0x110,
  WRAPPED_KEY_LEN_RANGE: 0x112,
  WRAPPING_KEY_HANDLE_INVALID: 0x113,
  WRAPPING_KEY_SIZE_RANGE: 0x114,
  WRAPPING_KEY_TYPE_INCONSISTENT: 0x115,
  RANDOM_SEED_NOT_SUPPORTED: 0x120,
  RANDOM_NO_RNG: 0x121,
  DOMAIN_PARAMS_INVALID: 0x130,
  CURVE_NOT_SUPPORTED: 0x140,
  BUFFER_TOO_SMALL: 0x150,
  SAVED_STATE_INVALID: 0x160,
  INFORMATION_SENSITIVE: 0x170,
  STATE_UNSAVEABLE: 0x180,
  CRYPTOKI_NOT_INITIALIZED: 0x190,
  CRYPTOKI_ALREADY_INITIALIZED: 0x191,
  MUTEX_BAD: 0x1a0,
  MUTEX_NOT_LOCKED: 0x1a1,
  NEW_PIN_MODE: 0x1b0,
  NEXT_OTP: 0x1b1,
  EXCEEDED_MAX_ITERATIONS: 0x1b5,
  FIPS_SELF_TEST_FAILED: 0x1b6,
  LIBRARY_LOAD_FAILED: 0x1b7,
  PIN_TOO_WEAK: 0x1b8,
  PUBLIC_KEY_INVALID: 0x1b9,
  FUNCTION_REJECTED: 0x200,
  TOKEN_RESOURCE_EXCEEDED: 0x201,
  OPERATION_CANCEL_FAILED: 0x202,
  KEY_EXHAUSTED: 0x203,
  PENDING: 0x204,
  SESSION_ASYNC_NOT_SUPPORTED: 0x205,
  SEED_RANDOM_REQUIRED: 0x206,
  OPERATION_NOT_VALIDATED: 0x207,
  TOKEN_NOT_INITIALIZED: 0x208,
  PARAMETER_SET_NOT_SUPPORTED: 0x209,
} as const;

/** "CKM_AES_GCM", or "mechanism 0x80000001" for a number that is not in the table. */
export function mechanismName(type: number): string {
  return MECHANISM_NAMES.get(type) ?? `mechanism ${hexNumber(type)}`;
}

/** "AES", "0x80000001" for a type that is not in the table, or "unknown" for one that the token does not tell. */
export function keyTypeName(type: number | null): string {
  if (type === null) return 'unknown';
  return KEY_TYPE_NAMES.get(type) ?? hexNumber(type);
}

/** "CKR_DEVICE_ERROR", or null for a value that is not in the table (a vendor's own). */
export function returnValueName(rv: number): string | null {
  return RETURN_VALUE_NAMES.get(rv) ?? null;
}

/** "0x30". */
export function hexNumber(value: number): string {
  return `0x${value.toString(16)}`;
}

const MECHANISM_NAMES = namesIn(CKM, 'CKM_');
const KEY_TYPE_NAMES = namesIn(CKK, '');
const RETURN_VALUE_NAMES = namesIn(CKR, 'CKR_');

function namesIn(table: Readonly<Record<string, number>>, prefix: string): ReadonlyMap<number, string> {
  return new Map(Object.entries(table).map(([name, value]) => [value, prefix + name]));
}
