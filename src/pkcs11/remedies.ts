import type { ErrorCode, Hint } from '../errors.ts';
import { rejected } from './capabilities.ts';
import { CKR } from './constants.ts';
import { LOGIN, loginRemedy } from './login-remedies.ts';

export interface Advice {
  /** What the operator can do about it. */
  readonly hint: Hint;
  /** The stable code of the error; `ckr_` and the name in lower case where null. */
  readonly code: ErrorCode<3> | null;
}

/**
 * What to do about a CKR_ value that `operation` (a C_ function) returned. Null for values that only a bug in
 * coffer can cause and for a vendor's own: there the name or number is all that can be said.
 */
export function remedyFor(operation: string, rv: number): Advice | null {
  const hint =
    BY_OPERATION[operation]?.get(rv) ??
    (CHECKS_A_PIN.has(operation) ? loginRemedy(rv, REMEDIES.get(rv)) : undefined) ??
    (rv === CKR.FUNCTION_REJECTED && operation !== 'C_Initialize' ? rejected(operation) : undefined) ??
    (operation === 'C_Initialize' && !OF_THE_MACHINE.has(rv) ? MODULE_CONFIGURATION : REMEDIES.get(rv));
  return hint === undefined ? null : { hint, code: codeFor(operation, rv) };
}

function codeFor(operation: string, rv: number): ErrorCode<3> | null {
  if (operation === 'C_GenerateRandom' && rv === CKR.FUNCTION_NOT_SUPPORTED) return 'rng_missing';
  if (operation === 'C_Initialize' && rv === CKR.TOKEN_NOT_PRESENT) return null; // it speaks of no slot
  return CODES.get(rv) ?? null;
}

/** Codes that scripts wait for get a name of their own, the same whoever noticed: the token's flags or C_Login. */
const CODES: ReadonlyMap<number, ErrorCode<3>> = new Map([
  [CKR.PIN_INCORRECT, 'pin_incorrect'],
  [CKR.PIN_LOCKED, 'pin_locked'],
  [CKR.USER_PIN_NOT_INITIALIZED, 'pin_not_initialised'],
  [CKR.TOKEN_NOT_PRESENT, 'token_not_present'],
  [CKR.KEY_TYPE_INCONSISTENT, 'key_type'],
  [CKR.KEY_FUNCTION_NOT_PERMITTED, 'key_use'],
  [CKR.RANDOM_NO_RNG, 'rng_missing'],
  [CKR.TOKEN_NOT_INITIALIZED, 'token_not_initialised'],
]);

const MODULE_CONFIGURATION =
  "the module could not start: check its own configuration and that this user may read it (SoftHSM: SOFTHSM2_CONF and its token directory; a network HSM: the client's configuration file and the connection)";

/** What C_Initialize can say that is not about the module's own configuration: it knows no session, token or key yet. */
const OF_THE_MACHINE: ReadonlySet<number> = new Set([
  CKR.HOST_MEMORY,
  CKR.NEED_TO_CREATE_THREADS,
  CKR.FIPS_SELF_TEST_FAILED,
  CKR.LIBRARY_LOAD_FAILED,
]);

const RESTART = 'run the command again; if it stays, restart the HSM or its client and look at its log';
const OUT_OF_SESSIONS =
  'the token has no session left: end other programs that use it, or raise the limit in the HSM. A session whose program was killed may stay open for a while (YubiHSM: half a minute)';
const WRONG_BYTES =
  'the bytes are not what this key encrypted: the stored wrap was altered, or it belongs to another key (check key_label and key_id)';
const NO_ANSWER = `the module cannot read what the HSM answered: check the connection to it, then ${RESTART}`;
const NO_PLAINTEXT = `either ${WRONG_BYTES}; or the HSM has a problem: ${RESTART}`;
const CHOOSE_MECHANISM = 'choose another mechanism in the seal stanza, one that the token and the key support';
const ATTRIBUTES =
  'the token does not accept the attributes coffer gives to a new key: create the key with the HSM\'s own tool and set generate_key = "false"';
const KEY_GONE = 'the key was removed while coffer used it; check that it is still on the token';
const LOGIN_LOST =
  'the login ended while coffer used it; another program may have logged out or reset the token. Run the command again';
const NO_GENERATOR =
  'the HSM has no random number generator to ask: remove the entropy stanza, or use an HSM that has one';
export const NO_USER_PIN =
  "set one with the HSM's own tool (C_InitPIN); a token whose initialisation stopped half way is initialised again with `coffer hsm init-token`";
const NEW_PIN = "set a new user PIN with the HSM's own tool, then give it to coffer";
const NOT_INITIALISED =
  "initialise the token with `coffer hsm init-token` or the HSM's own tool, or choose another with slot or token_label";
const LABEL_TOO_LONG: Hint = { remedy: 'shorten-key-name' };
const NOT_TOLD = "the token does not tell this attribute of the object; look at the key with the HSM's own tool";
const CHOOSE_PIN = 'choose another PIN: the token sets limits to its length and characters';
const SIZE_NOT_MADE: Hint = { remedy: 'choose-key-size' };

const REMEDIES = hints({
  CANCEL: 'the operation was cancelled at the HSM; run the command again',
  FUNCTION_CANCELED: 'the operation was cancelled at the HSM; run the command again',
  HOST_MEMORY: 'this machine ran out of memory; free some and run the command again',
  SLOT_ID_INVALID: 'there is no such slot; check slot in the seal stanza, or choose the token by token_label',
  GENERAL_ERROR: `the HSM gave no reason; ${RESTART}`,
  FUNCTION_FAILED: `the HSM gave no reason; ${RESTART}`,
  ARGUMENTS_BAD:
    'the module does not accept the arguments; check the mechanism in the seal stanza, and that lib is the module for this HSM',
  ATTRIBUTE_READ_ONLY: ATTRIBUTES,
  ATTRIBUTE_SENSITIVE: ATTRIBUTES,
  ATTRIBUTE_TYPE_INVALID: ATTRIBUTES,
  ATTRIBUTE_VALUE_INVALID: ATTRIBUTES,
  ACTION_PROHIBITED: "the token's policy forbids it; check the policy or use another key",
  DATA_INVALID: `the token does not accept the data with this mechanism; ${CHOOSE_MECHANISM}`,
  DATA_LEN_RANGE: 'the data is too long, too short or not whole blocks for this mechanism; ' + CHOOSE_MECHANISM,
  DEVICE_ERROR: `the HSM has a problem; check that it is powered and reachable, then ${RESTART}`,
  DEVICE_MEMORY: 'the token is full: remove objects that are not needed, or use a larger token',
  DEVICE_REMOVED: 'the token was removed: connect it again and run the command again',
  AEAD_DECRYPT_FAILED: NO_ANSWER,
  ENCRYPTED_DATA_INVALID: NO_ANSWER,
  ENCRYPTED_DATA_LEN_RANGE: NO_ANSWER,
  FUNCTION_NOT_SUPPORTED:
    'the module lacks this function; check that lib is the right module and look for a newer version of it',
  KEY_HANDLE_INVALID: KEY_GONE,
  OBJECT_HANDLE_INVALID: KEY_GONE,
  KEY_SIZE_RANGE: 'the token does not support a key of this size with this mechanism; use a 256-bit AES key',
  KEY_TYPE_INCONSISTENT:
    'the key is of another type than the mechanism needs: key_label names an AES or RSA key, hmac_key_label a generic secret of 32 bytes; `coffer hsm keys` shows the types',
  KEY_FUNCTION_NOT_PERMITTED:
    'the key does not allow this use: it needs CKA_ENCRYPT and CKA_DECRYPT (an HMAC key CKA_SIGN and CKA_VERIFY)',
  KEY_UNEXTRACTABLE: 'the key may not leave the token; coffer does not need it to',
  MECHANISM_INVALID: `the token does not support the mechanism with this key; ${CHOOSE_MECHANISM}`,
  MECHANISM_PARAM_INVALID: `the token does not accept the mechanism's parameters; ${CHOOSE_MECHANISM}`,
  OPERATION_ACTIVE: 'the session has an operation under way; run the command again',
  PIN_INCORRECT:
    'the PIN was tried once and is not tried again, because a token locks after a few wrong ones. Check where it comes from: COFFER_HSM_PIN, then pin in the seal stanza',
  PIN_INVALID: NEW_PIN,
  PIN_LEN_RANGE:
    'the PIN is too short or too long for this token, so it cannot be the right one. Check where it comes from (a newline at the end of the file?)',
  PIN_EXPIRED: `the PIN has expired: ${NEW_PIN}`,
  PIN_LOCKED: "too many wrong PINs were tried: the security officer has to unlock it with the HSM's own tool",
  SESSION_CLOSED: LOGIN_LOST,
  SESSION_HANDLE_INVALID: LOGIN_LOST,
  SESSION_COUNT: OUT_OF_SESSIONS,
  SESSION_READ_ONLY:
    'creating a key needs a read-write session, which the token may forbid: create the keys with the HSM\'s own tool, or set force_rw_session = "true" in the seal stanza',
  SESSION_READ_ONLY_EXISTS: 'a read-only session is open that forbids it; end other programs that use the token',
  SESSION_READ_WRITE_SO_EXISTS: 'the security officer is logged in; end that session first',
  SIGNATURE_INVALID: "the signature is not the token's: the record was altered, or made with another HMAC key",
  SIGNATURE_LEN_RANGE: "the signature is not the token's: the record was altered, or made with another HMAC key",
  TEMPLATE_INCOMPLETE: ATTRIBUTES,
  TEMPLATE_INCONSISTENT: ATTRIBUTES,
  TOKEN_NOT_PRESENT: 'put the token into the slot, or choose another with slot or token_label',
  TOKEN_NOT_RECOGNIZED: 'the module does not know the token in this slot; check that lib is the module for it',
  TOKEN_WRITE_PROTECTED:
    'the token is write-protected: create the keys beforehand, set generate_key = "false" and leave force_rw_session out',
  USER_NOT_LOGGED_IN: LOGIN_LOST,
  USER_PIN_NOT_INITIALIZED: `the token has no user PIN yet: ${NO_USER_PIN}`,
  USER_TYPE_INVALID: 'the token knows no normal user: initialise it with a user PIN',
  USER_ANOTHER_ALREADY_LOGGED_IN: 'somebody else is logged in to the token; end that session first',
  USER_TOO_MANY_TYPES: 'too many users are logged in to the token; end other sessions first',
  RANDOM_NO_RNG: NO_GENERATOR,
  BUFFER_TOO_SMALL:
    "the module returned more bytes than any known mechanism makes; report it with the module's name and version",
  CRYPTOKI_NOT_INITIALIZED: 'the module was shut down while in use; run the command again',
  NEED_TO_CREATE_THREADS: 'the module needs threads of its own, which this process did not allow',
  FIPS_SELF_TEST_FAILED: 'the HSM failed its own self-test: take it out of service and call its vendor',
  PIN_TOO_WEAK: CHOOSE_PIN,
  TOKEN_RESOURCE_EXCEEDED:
    'the token has no room left for another operation or session: end other programs that use it, or remove objects that are not needed',
  OPERATION_CANCEL_FAILED: 'the session has an operation under way; run the command again',
  KEY_EXHAUSTED:
    'the key may not be used any more often: make another, name it in the seal stanza, and run: coffer sealwrap rewrap',
  SEED_RANDOM_REQUIRED: "the HSM's random number generator wants a seed first: give it one with the HSM's own tool",
  OPERATION_NOT_VALIDATED: `the token's policy allows only validated operations (FIPS mode); ${CHOOSE_MECHANISM}`,
  PARAMETER_SET_NOT_SUPPORTED: CHOOSE_MECHANISM,
  CURVE_NOT_SUPPORTED: 'the token does not know this curve: choose another type of key',
  TOKEN_NOT_INITIALIZED: NOT_INITIALISED,
  LIBRARY_LOAD_FAILED: "the module could not load a library that it needs; reinstall the HSM's client software",
});

const ONLY_READ_WRITE = `some tokens open no read-only sessions: try force_rw_session = "true" in the seal stanza; else ${RESTART}`;
const NOT_GENERATED =
  "the token makes no key of this kind: create it with the HSM's own tool and name it in the seal stanza";

const GENERATION = hints({
  MECHANISM_INVALID: NOT_GENERATED,
  FUNCTION_NOT_SUPPORTED: NOT_GENERATED,
  DATA_LEN_RANGE: LABEL_TOO_LONG,
  KEY_SIZE_RANGE: SIZE_NOT_MADE,
});

/** The user's, or the security officer's. */
const CHECKS_A_PIN: ReadonlySet<string> = new Set(['C_InitToken', 'C_Login']);

/** Where the function says more than the value alone. */
const BY_OPERATION: Readonly<Record<string, ReadonlyMap<number, Hint>>> = {
  C_Initialize: hints({
    ARGUMENTS_BAD:
      "the module does not accept its configuration, or finds none: see in its documentation what it needs, and whether library_parameters in the seal stanza names it; NSS (libsoftokn3.so) needs library_parameters in the seal stanza, e.g. \"configdir='sql:/etc/pki/nssdb' certPrefix='' keyPrefix='' secmod='secmod.db' flags=\"",
    CANT_LOCK:
      'the module cannot be used from several threads and says so even to a program that asks for one only; look in its documentation',
  }),
  C_GetSlotList: hints({
    GENERAL_ERROR: MODULE_CONFIGURATION,
    FUNCTION_FAILED: MODULE_CONFIGURATION,
    DEVICE_ERROR: MODULE_CONFIGURATION,
    TOKEN_NOT_PRESENT: MODULE_CONFIGURATION,
  }),
  C_InitToken: hints({
    DATA_LEN_RANGE: LABEL_TOO_LONG,
    FUNCTION_NOT_SUPPORTED: "the module initialises no tokens: do it with the HSM's own tool (YubiHSM: its reset)",
    PIN_INVALID: CHOOSE_PIN,
    PIN_LEN_RANGE: CHOOSE_PIN,
  }),
  C_Login: LOGIN,
  C_InitPIN: forAll(CHOOSE_PIN, CKR.PIN_INVALID, CKR.PIN_LEN_RANGE, CKR.PIN_INCORRECT),
  C_OpenSession: hints({ FUNCTION_FAILED: ONLY_READ_WRITE, TOKEN_RESOURCE_EXCEEDED: OUT_OF_SESSIONS }),
  C_FindObjectsInit: forAll(LABEL_TOO_LONG, CKR.DATA_LEN_RANGE, CKR.ATTRIBUTE_VALUE_INVALID, CKR.ARGUMENTS_BAD),
  C_GetAttributeValue: forAll(NOT_TOLD, CKR.ATTRIBUTE_SENSITIVE, CKR.ATTRIBUTE_TYPE_INVALID),
  C_SetAttributeValue: hints({ DATA_LEN_RANGE: LABEL_TOO_LONG }),
  C_GenerateKey: GENERATION,
  C_GenerateKeyPair: GENERATION,
  C_EncryptInit: hints({ KEY_FUNCTION_NOT_PERMITTED: mayNot('encrypt', 'CKA_ENCRYPT') }),
  C_DecryptInit: hints({ KEY_FUNCTION_NOT_PERMITTED: mayNot('decrypt', 'CKA_DECRYPT') }),
  C_SignInit: hints({ KEY_FUNCTION_NOT_PERMITTED: mayNot('sign', 'CKA_SIGN') }),
  C_VerifyInit: hints({ KEY_FUNCTION_NOT_PERMITTED: mayNot('verify', 'CKA_VERIFY') }),
  C_GenerateRandom: hints({ FUNCTION_NOT_SUPPORTED: NO_GENERATOR }),
  C_Decrypt: new Map([
    ...forAll(NO_PLAINTEXT, CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED, CKR.DATA_INVALID, CKR.DATA_LEN_RANGE),
    ...forAll(WRONG_BYTES, CKR.AEAD_DECRYPT_FAILED, CKR.ENCRYPTED_DATA_INVALID, CKR.ENCRYPTED_DATA_LEN_RANGE),
  ]),
};

function mayNot(use: string, attribute: string): string {
  return `the key may not ${use}: its ${attribute} is false. Name another key, or make one with: coffer hsm keygen`;
}

/** By value what is written by name. */
function hints(byName: { readonly [name in keyof typeof CKR]?: Hint }): ReadonlyMap<number, Hint> {
  const values: Readonly<Record<string, number | undefined>> = CKR;
  return new Map(Object.entries(byName).map(([name, hint]) => [values[name] ?? -1, hint]));
}

function forAll(hint: Hint, ...values: readonly number[]): ReadonlyMap<number, Hint> {
  return new Map(values.map((rv) => [rv, hint]));
}
