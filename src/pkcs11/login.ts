import { HsmError } from '../errors.ts';
import { CKF, CKR, CKU } from './constants.ts';
import { isReturnValue } from './errors.ts';
import type { LoginOptions, SessionOptions } from './session-options.ts';
import { pinForm } from './known-modules.ts';
import type { Module } from './module.ts';
import { NO_USER_PIN } from './remedies.ts';
import { refuseKnownPin, tellOfRefusal } from './refused-pin.ts';
import type { TokenDescription } from './types.ts';

/** A login that is as safe as can be known without making it. */
export interface Login {
  /** Empty where it is entered on the token's PIN pad. */
  readonly pin: string;
  /** Whether the token is known to have refused PINs since its last login. */
  readonly followsRefusal: boolean;
}

/**
 * The PIN for C_Login, or null where the token wants no login. A token with its own PIN pad
 * (CKF_PROTECTED_AUTHENTICATION_PATH) gets the empty PIN and nobody is asked. Looks at the token's flags first, never
 * spends the last try unasked, and no try on a PIN that was refused before. Throws HsmError `pin_locked`, `pin_low`,
 * `pin_not_initialised`, `pin_missing`, `pin_malformed` or `pin_refused`.
 */
export async function prepareLogin(token: TokenDescription, options: SessionOptions): Promise<Login | null> {
  if ((token.flags & CKF.LOGIN_REQUIRED) === 0) return null;
  const hasPinPad = (token.flags & CKF.PROTECTED_AUTHENTICATION_PATH) !== 0;
  refuseImpossible(token);
  if (!options.forceLogin) refuseRisky(token, () => !hasPinPad && options.pinMemory.canRemember(token, 'user'));
  if (hasPinPad) {
    options.pinPad(token);
    return { pin: '', followsRefusal: false };
  }
  const pin = await options.pin(token);
  // An empty answer is no PIN, and would cost a try.
  if (pin === null || pin === '') {
    const asked = pin === null ? 'run coffer on a terminal to be asked' : 'type it where coffer asks';
    throw new HsmError('pin_missing', `no PIN was given for token "${token.label}"`, {
      hint: `set COFFER_HSM_PIN, or pin = "env:NAME", "file:/path" or "credential:NAME" in the seal stanza, or ${asked}`,
    });
  }
  refuseMalformed(pin, token, options.module.lib);
  const followsRefusal = refuseKnownPin(token, 'user', pin, options);
  if (!followsRefusal && isCountLow(token)) {
    options.note(`token "${token.label}" has seen a wrong PIN since the last login; the PIN is tried once`);
  }
  return { pin, followsRefusal };
}

/**
 * C_Login as the normal user, once: never tried again, whatever it says. What the token refuses is remembered, and what
 * was remembered is forgotten when it lets us in.
 *
 * For a PIN pad PKCS#11 v2.40 section 5.6 wants a null pPin; pkcs11js can only pass a pointer with length 0, which
 * OpenSC and nShield take for the same.
 */
export function login(
  module: Module,
  session: Buffer,
  token: TokenDescription,
  { pin, followsRefusal }: Login,
  options: LoginOptions,
): void {
  options.onLogin('begins');
  try {
    module.call('C_Login', (api) => api.C_Login(session, CKU.USER, pin));
  } catch (error) {
    if (!isReturnValue(error, CKR.USER_ALREADY_LOGGED_IN)) {
      tellOfRefusal(token, 'user', pin, error, options);
      throw error;
    }
  }
  options.onLogin('done');
  if (followsRefusal) options.pinMemory.forget(token, 'user');
}

/** What is no PIN of this token costs no try. Nothing of it is shown. */
function refuseMalformed(pin: string, token: TokenDescription, lib: string): void {
  const form = pinForm(lib, token);
  if (form === null || form.fits(pin)) return;
  throw new HsmError(
    'pin_malformed',
    `what was given as the PIN of token "${token.label}" cannot be one; the token was not asked`,
    {
      hint: `${form.words}. Check where it comes from: COFFER_HSM_PIN, then pin in the seal stanza`,
    },
  );
}

function isCountLow({ flags }: TokenDescription): boolean {
  return (flags & CKF.USER_PIN_COUNT_LOW) !== 0;
}

function refuseImpossible({ label, flags }: TokenDescription): void {
  if ((flags & CKF.USER_PIN_LOCKED) !== 0) {
    throw new HsmError('pin_locked', `the user PIN of token "${label}" is locked; nothing was tried`, {
      hint: "too many wrong PINs were tried: the security officer has to unlock it with the HSM's own tool",
    });
  }
  if ((flags & CKF.USER_PIN_INITIALIZED) === 0) {
    throw new HsmError('pin_not_initialised', `token "${label}" has no user PIN yet`, {
      hint: NO_USER_PIN,
    });
  }
}

/** @param remembers whether a wrong PIN would be known to the next command */
function refuseRisky(token: TokenDescription, remembers: () => boolean): void {
  if ((token.flags & CKF.USER_PIN_FINAL_TRY) !== 0) {
    throw risky(`one more wrong PIN locks token "${token.label}"; nothing was tried`);
  }
  if (isCountLow(token) && !remembers()) {
    throw risky(`token "${token.label}" has seen a wrong PIN since the last login; nothing was tried`);
  }
}

function risky(message: string): HsmError {
  return new HsmError('pin_low', message, {
    hint: ['check the PIN (COFFER_HSM_PIN, pin in the seal stanza), then ', { remedy: 'force-login' }],
  });
}
