import { HsmError } from '../errors.ts';
import { CKF, CKR, CKU } from './constants.ts';
import { isReturnValue } from './errors.ts';
import type { Module } from './module.ts';
import type { SessionOptions, TokenDescription } from './types.ts';

/**
 * The PIN for C_Login, or null where the token wants no login. A token with its own PIN pad
 * (CKF_PROTECTED_AUTHENTICATION_PATH) gets the empty PIN and nobody is asked. Looks at the token's flags first and
 * never spends one of the last tries unasked. Throws HsmError `pin_locked`, `pin_low`, `pin_not_initialised`
 * or `pin_missing`.
 */
export async function pinFor(
  token: TokenDescription,
  options: Pick<SessionOptions, 'pin' | 'pinPad' | 'forceLogin'>,
): Promise<string | null> {
  if ((token.flags & CKF.LOGIN_REQUIRED) === 0) {
    return null;
  }
  refuseRiskyLogin(token, options.forceLogin);
  if ((token.flags & CKF.PROTECTED_AUTHENTICATION_PATH) !== 0) {
    options.pinPad(token);
    return '';
  }
  const pin = await options.pin(token);
  // An empty variable or file is no PIN, and would cost a try.
  if (pin === null || pin === '') {
    throw new HsmError('pin_missing', `no PIN was given for token "${token.label}"`, {
      hint: 'set COFFER_HSM_PIN, or pin = "env:NAME", "file:/path" or "credential:NAME" in the seal stanza, or run coffer on a terminal to be asked',
    });
  }
  return pin;
}

/**
 * C_Login as the normal user, once: never tried again, whatever it says.
 *
 * For a PIN pad PKCS#11 v2.40 section 5.6 wants a null pPin; pkcs11js can only pass a pointer with length 0, which
 * OpenSC and nShield take for the same.
 */
export function login(module: Module, session: Buffer, pin: string): void {
  try {
    module.call('C_Login', (api) => api.C_Login(session, CKU.USER, pin));
  } catch (error) {
    if (!isReturnValue(error, CKR.USER_ALREADY_LOGGED_IN)) {
      throw error;
    }
  }
}

function refuseRiskyLogin({ label, flags }: TokenDescription, forceLogin: boolean): void {
  if ((flags & CKF.USER_PIN_LOCKED) !== 0) {
    throw new HsmError('pin_locked', `the user PIN of token "${label}" is locked; nothing was tried`, {
      hint: "too many wrong PINs were tried: the security officer has to unlock it with the HSM's own tool",
    });
  }
  if ((flags & CKF.USER_PIN_INITIALIZED) === 0) {
    throw new HsmError('pin_not_initialised', `token "${label}" has no user PIN yet`, {
      hint: "set one with the HSM's own tool (C_InitPIN), then give it to coffer",
    });
  }
  if (forceLogin) {
    return;
  }
  if ((flags & CKF.USER_PIN_FINAL_TRY) !== 0) {
    throw risky(`one more wrong PIN locks token "${label}"; nothing was tried`);
  }
  if ((flags & CKF.USER_PIN_COUNT_LOW) !== 0) {
    throw risky(`token "${label}" has seen a wrong PIN since the last login; nothing was tried`);
  }
}

function risky(message: string): HsmError {
  return new HsmError('pin_low', message, {
    hint: 'check the PIN (COFFER_HSM_PIN, pin in the seal stanza), then log in once with: coffer hsm test -force',
  });
}
