import type { Hint } from '../errors.ts';
import { CKR, hexNumber, returnValueName } from './constants.ts';

/*
 * What to do about a login that failed. It is no reason to send the PIN again, so no hint says to run the command again.
 */

const MAYBE_A_TRY =
  'the HSM does not say that the PIN is wrong, but may have counted a try: see that it is powered and reachable, and look at its log, before anything logs in again';

const PIN_ITSELF =
  'the PIN is too short or too long for this token, or of another form than it takes (YubiHSM: 4 hexadecimal digits of the authentication key, then its password), so it cannot be the right one. Check where it comes from: COFFER_HSM_PIN, then pin in the seal stanza';
const ACCOUNT =
  'the account that the PIN names is not on this token (YubiHSM: the authentication key that the first 4 digits of the PIN name). Check where the PIN comes from: COFFER_HSM_PIN, then pin in the seal stanza; and that it is the right token';

/** What C_Login says of the PIN or of whom it names. */
export const LOGIN: ReadonlyMap<number, Hint> = new Map([
  [CKR.ARGUMENTS_BAD, PIN_ITSELF],
  [CKR.OBJECT_HANDLE_INVALID, ACCOUNT],
  [CKR.PIN_INVALID, PIN_ITSELF],
  [CKR.PIN_LEN_RANGE, PIN_ITSELF],
]);

/**
 * Of all else that a function says which checks a PIN. What is no word about user, token or session may have come after the PIN was looked
 * at, whatever the value means elsewhere.
 * @param general the hint for the value alone
 */
export function loginRemedy(rv: number, general: Hint | undefined): Hint {
  if (ABOUT_THE_LOGIN.has(rv) && general !== undefined) return general;
  return returnValueName(rv) === null
    ? `the HSM may have counted a try: look up ${hexNumber(rv)} in its documentation before anything logs in again`
    : MAYBE_A_TRY;
}

const ABOUT_THE_LOGIN: ReadonlySet<number> = new Set([
  CKR.ACTION_PROHIBITED,
  CKR.DEVICE_MEMORY,
  CKR.FIPS_SELF_TEST_FAILED,
  CKR.FUNCTION_NOT_SUPPORTED,
  CKR.PIN_EXPIRED,
  CKR.PIN_INCORRECT,
  CKR.PIN_LOCKED,
  CKR.PIN_TOO_WEAK,
  CKR.SESSION_COUNT,
  CKR.SESSION_READ_ONLY_EXISTS,
  CKR.SESSION_READ_WRITE_SO_EXISTS,
  CKR.SLOT_ID_INVALID,
  CKR.TOKEN_NOT_INITIALIZED,
  CKR.TOKEN_NOT_PRESENT,
  CKR.TOKEN_NOT_RECOGNIZED,
  CKR.TOKEN_RESOURCE_EXCEEDED,
  CKR.TOKEN_WRITE_PROTECTED,
  CKR.USER_ANOTHER_ALREADY_LOGGED_IN,
  CKR.USER_PIN_NOT_INITIALIZED,
  CKR.USER_TOO_MANY_TYPES,
  CKR.USER_TYPE_INVALID,
]);
