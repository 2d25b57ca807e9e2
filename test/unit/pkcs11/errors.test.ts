import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import { HsmError } from '../../../src/errors.ts';
import { CKA, CKF, CKK, CKM, CKO, CKR, CKU, mechanismName, returnValueName } from '../../../src/pkcs11/constants.ts';
import { CryptokiError, isCiphertextInvalid, isCiphertextSuspect, returnValueOf } from '../../../src/pkcs11/errors.ts';
import { remedyFor } from '../../../src/pkcs11/remedies.ts';
import { present } from './fixture.ts';

/** RSA Security's header, which pkcs11js is compiled with. */
const HEADER = readFileSync(
  fileURLToPath(new URL('../../../node_modules/pkcs11js/includes/pkcs11/pkcs11t.h', import.meta.url)),
  'utf8',
);
const DEFINED = new Map(
  [...HEADER.matchAll(/^\s*#define\s+(CK\w+)\s+\(?(0x[0-9A-Fa-f]+|\d+)(?:UL)?\)?/gm)].map(([, name, value]) => [
    name ?? '',
    Number(value),
  ]),
);

/** Of PKCS#11 v3.0 and v3.2, which that header does not know: the header files of those versions have them. */
const SINCE_3_0 = new Map(
  Object.entries({
    CKR_AEAD_DECRYPT_FAILED: 0x35,
    CKR_TOKEN_RESOURCE_EXCEEDED: 0x201,
    CKR_OPERATION_CANCEL_FAILED: 0x202,
    CKR_KEY_EXHAUSTED: 0x203,
    CKR_PENDING: 0x204,
    CKR_SESSION_ASYNC_NOT_SUPPORTED: 0x205,
    CKR_SEED_RANDOM_REQUIRED: 0x206,
    CKR_OPERATION_NOT_VALIDATED: 0x207,
    CKR_TOKEN_NOT_INITIALIZED: 0x208,
    CKR_PARAMETER_SET_NOT_SUPPORTED: 0x209,
  }),
);

describe('constants', () => {
  it('name every return value of PKCS#11 v2.40 and of v3.2', () => {
    const others = ['CKR_VENDOR_DEFINED'];
    for (const [name, value] of [...DEFINED, ...SINCE_3_0]) {
      if (name.startsWith('CKR_') && !others.includes(name))
        expect([name, returnValueName(value)]).toEqual([name, name]);
    }
  });

  it.each(Object.entries({ CKA, CKF, CKK, CKM, CKO, CKR, CKU }))('%s agrees with pkcs11t.h', (prefix, table) => {
    for (const [name, value] of Object.entries(table)) {
      const full = `${prefix}_${name}`;
      if (!SINCE_3_0.has(full)) expect([full, value]).toEqual([full, DEFINED.get(full)]);
    }
  });

  it('name values and mechanisms', () => {
    expect(returnValueName(0x30)).toBe('CKR_DEVICE_ERROR');
    expect(returnValueName(0x80000123)).toBeNull();
    expect(mechanismName(0x1085)).toBe('CKM_AES_CBC_PAD');
    expect(mechanismName(0x80000123)).toBe('mechanism 0x80000123');
  });
});

/** Codes that scripts may rely on, other than `ckr_` and the name. */
const NAMED_CODES: Readonly<Record<string, string>> = {
  CKR_PIN_INCORRECT: 'pin_incorrect',
  CKR_PIN_LOCKED: 'pin_locked',
  CKR_USER_PIN_NOT_INITIALIZED: 'pin_not_initialised',
  CKR_TOKEN_NOT_PRESENT: 'token_not_present',
  CKR_KEY_TYPE_INCONSISTENT: 'key_type',
  CKR_KEY_FUNCTION_NOT_PERMITTED: 'key_use',
  CKR_RANDOM_NO_RNG: 'rng_missing',
  CKR_TOKEN_NOT_INITIALIZED: 'token_not_initialised',
};

/** What only a bug in coffer, or a function coffer never calls, can return. */
const WITHOUT_REMEDY = new Set(
  (
    'OK NO_EVENT FUNCTION_NOT_PARALLEL KEY_NOT_NEEDED KEY_CHANGED KEY_NEEDED KEY_INDIGESTIBLE KEY_NOT_WRAPPABLE OPERATION_NOT_INITIALIZED ' +
    'SESSION_PARALLEL_NOT_SUPPORTED SESSION_EXISTS UNWRAPPING_KEY_HANDLE_INVALID UNWRAPPING_KEY_SIZE_RANGE UNWRAPPING_KEY_TYPE_INCONSISTENT ' +
    'USER_ALREADY_LOGGED_IN WRAPPED_KEY_INVALID WRAPPED_KEY_LEN_RANGE WRAPPING_KEY_HANDLE_INVALID WRAPPING_KEY_SIZE_RANGE ' +
    'WRAPPING_KEY_TYPE_INCONSISTENT RANDOM_SEED_NOT_SUPPORTED DOMAIN_PARAMS_INVALID SAVED_STATE_INVALID ' +
    'INFORMATION_SENSITIVE STATE_UNSAVEABLE CRYPTOKI_ALREADY_INITIALIZED MUTEX_BAD MUTEX_NOT_LOCKED NEW_PIN_MODE NEXT_OTP ' +
    'EXCEEDED_MAX_ITERATIONS PUBLIC_KEY_INVALID CANT_LOCK PENDING SESSION_ASYNC_NOT_SUPPORTED'
  ).split(' '),
);

describe('remedies', () => {
  it.each(Object.entries(CKR))('of CKR_%s from a login do not have the PIN sent again', (_, rv) => {
    for (const operation of ['C_Login', 'C_InitToken'])
      expect(hintText(remedyFor(operation, rv)?.hint ?? '')).not.toMatch(/run the command again|try (it )?again/i);
  });

  it.each(Object.entries(CKR).filter(([name]) => !WITHOUT_REMEDY.has(name)))(
    'CKR_%s has one, fit to be shown',
    (name, rv) => {
      const hint = hintText(remedyFor('C_Sign', rv)?.hint ?? '');
      expect(hint.length).toBeGreaterThan(20);
      expect(hint).not.toMatch(/\.$|\s$|undefined|^[A-Z][a-z]/);
      const error = new CryptokiError('C_Sign', rv);
      expect(error.hint).toBe(hint);
      expect(error.code).toBe(NAMED_CODES[`CKR_${name}`] ?? `ckr_${name.toLowerCase()}`);
      expect(error.message).toBe(`C_Sign failed: CKR_${name} (0x${rv.toString(16)})`);
    },
  );

  it.each([...WITHOUT_REMEDY])('CKR_%s has none of its own, and the hint names it', (name) => {
    const rv = present((CKR as Readonly<Record<string, number>>)[name]);
    expect(remedyFor('C_Sign', rv)).toBeNull();
    expect(new CryptokiError('C_Sign', rv).hint).toContain(`CKR_${name}`);
  });

  it('differ for C_Initialize, which has no key or session to blame', () => {
    expect(remedyFor('C_Initialize', CKR.GENERAL_ERROR)?.hint).toContain('could not start');
    expect(remedyFor('C_Initialize', CKR.HOST_MEMORY)).toEqual(remedyFor('C_Sign', CKR.HOST_MEMORY));
    expect(remedyFor('C_Initialize', CKR.CANT_LOCK)?.hint).toContain('threads');
    const blamed = Object.entries(CKR).filter(([, rv]) =>
      /session|slot or token_label|smart|put the token|the key/.test(
        hintText(remedyFor('C_Initialize', rv)?.hint ?? ''),
      ),
    );
    expect(blamed.map(([name]) => name)).toEqual([]);
    expect(new CryptokiError('C_Initialize', CKR.TOKEN_NOT_PRESENT).code).toBe('ckr_token_not_present');
  });
});

describe('remedies by function', () => {
  it.each([
    ['C_GetSlotList', CKR.DEVICE_ERROR, 'could not start'],
    ['C_FindObjectsInit', CKR.DATA_LEN_RANGE, 'label or id is too long'],
    ['C_GenerateKey', CKR.DATA_LEN_RANGE, 'label or id is too long'],
    ['C_GenerateKeyPair', CKR.KEY_SIZE_RANGE, 'no key of this size'],
    ['C_InitToken', CKR.DATA_LEN_RANGE, 'label or id is too long'],
    ['C_InitPIN', CKR.PIN_LEN_RANGE, 'choose another PIN'],
    ['C_InitToken', CKR.PIN_TOO_WEAK, 'choose another PIN'],
    ['C_InitToken', CKR.FUNCTION_NOT_SUPPORTED, "the HSM's own tool"],
    ['C_Login', CKR.PIN_LEN_RANGE, 'cannot be the right one'],
    ['C_Login', CKR.ARGUMENTS_BAD, 'of another form'],
    ['C_Login', CKR.OBJECT_HANDLE_INVALID, 'the account that the PIN names'],
    ['C_Login', CKR.FUNCTION_REJECTED, 'may have counted a try'],
    ['C_Login', CKR.DATA_LEN_RANGE, 'may have counted a try'],
    ['C_Login', CKR.MECHANISM_INVALID, 'may have counted a try'],
    ['C_Login', 0x8000_0123, 'may have counted a try'],
    ['C_Login', CKR.SESSION_COUNT, 'no session left'],
    ['C_Decrypt', CKR.ENCRYPTED_DATA_INVALID, 'the stored wrap was altered'],
    ['C_Encrypt', CKR.ENCRYPTED_DATA_INVALID, 'check the connection'],
    ['C_FindObjectsInit', CKR.ENCRYPTED_DATA_INVALID, 'check the connection'],
    ['C_SignInit', CKR.FUNCTION_REJECTED, 'sign-hmac'],
    ['C_GenerateKey', CKR.FUNCTION_REJECTED, 'capability'],
    ['C_FindObjectsInit', CKR.FUNCTION_REJECTED, 'capability'],
    ['C_Initialize', CKR.ARGUMENTS_BAD, 'library_parameters'],
    ['C_OpenSession', CKR.TOKEN_RESOURCE_EXCEEDED, 'no session left'],
    ['C_GetAttributeValue', CKR.ATTRIBUTE_SENSITIVE, 'does not tell'],
  ])('%s and 0x%s', (operation, rv, words) => {
    expect(hintText(remedyFor(operation, rv)?.hint ?? '')).toContain(words);
  });
});

describe('CryptokiError', () => {
  it('is an HsmError with the function and the number', () => {
    const error = new CryptokiError('C_DecryptInit', 0x70, 'CKM_AES_GCM, key "k"');
    expect(error).toBeInstanceOf(HsmError);
    expect(error).toMatchObject({ exitStatus: 3, operation: 'C_DecryptInit', rv: 0x70, code: 'ckr_mechanism_invalid' });
    expect(error.message).toBe('C_DecryptInit (CKM_AES_GCM, key "k") failed: CKR_MECHANISM_INVALID (0x70)');
  });

  it("shows a vendor's number in hex", () => {
    const error = new CryptokiError('C_Sign', 0x8000_0123);
    expect(error).toMatchObject({ code: 'ckr_0x80000123', message: 'C_Sign failed: vendor error 0x80000123' });
  });
});

describe('isCiphertextInvalid', () => {
  it('is about what C_Decrypt says of its input', () => {
    for (const rv of [
      CKR.ENCRYPTED_DATA_INVALID,
      CKR.ENCRYPTED_DATA_LEN_RANGE,
      CKR.AEAD_DECRYPT_FAILED,
      CKR.GENERAL_ERROR,
    ]) {
      expect(isCiphertextInvalid(new CryptokiError('C_Decrypt', rv))).toBe(true);
      expect(isCiphertextInvalid(new CryptokiError('C_DecryptInit', rv))).toBe(false);
    }
  });

  it('is not about a broken HSM', () => {
    for (const rv of [
      CKR.DEVICE_ERROR,
      CKR.DEVICE_REMOVED,
      CKR.SESSION_HANDLE_INVALID,
      CKR.HOST_MEMORY,
      CKR.KEY_HANDLE_INVALID,
    ]) {
      expect(isCiphertextInvalid(new CryptokiError('C_Decrypt', rv))).toBe(false);
    }
    expect(isCiphertextInvalid(new Error('CKR_ENCRYPTED_DATA_INVALID:64'))).toBe(false);
    expect(isCiphertextInvalid(null)).toBe(false);
  });
});

describe('isCiphertextSuspect', () => {
  it.each([
    CKR.ENCRYPTED_DATA_INVALID,
    CKR.DEVICE_ERROR,
    CKR.GENERAL_ERROR,
    CKR.FUNCTION_FAILED,
    CKR.ARGUMENTS_BAD,
    0x8000_0123,
  ])('is whatever may be about the data: 0x%x', (rv) => {
    expect(isCiphertextSuspect(new CryptokiError('C_Decrypt', rv))).toBe(true);
    expect(isCiphertextSuspect(new CryptokiError('C_DecryptInit', rv))).toBe(false);
  });

  it.each([
    CKR.SESSION_HANDLE_INVALID,
    CKR.USER_NOT_LOGGED_IN,
    CKR.KEY_HANDLE_INVALID,
    CKR.DEVICE_REMOVED,
    CKR.TOKEN_NOT_PRESENT,
    CKR.HOST_MEMORY,
  ])('is nothing about login, session, key or token: 0x%x', (rv) =>
    expect(isCiphertextSuspect(new CryptokiError('C_Decrypt', rv))).toBe(false),
  );
});

describe('returnValueOf', () => {
  it('reads both shapes that pkcs11js throws', () => {
    expect(returnValueOf(Object.assign(new Error('CKR_DEVICE_ERROR'), { code: 48 }))).toBe(48);
    expect(returnValueOf(new Error('CKR_VENDOR_DEFINED:2147483939'))).toBe(0x80000123);
  });

  it('is null for anything else', () => {
    expect(returnValueOf(new TypeError('Argument 1 has wrong type'))).toBeNull();
    expect(returnValueOf(Object.assign(new Error('ENOENT'), { code: 'ENOENT' }))).toBeNull();
    expect(returnValueOf('CKR_DEVICE_ERROR:48')).toBeNull();
  });
});
