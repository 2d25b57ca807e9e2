import {
  CKF,
  isInitialised,
  type ModuleInfo,
  type ModuleOptions,
  type SlotDescription,
  surveyModule,
  type TokenDescription,
} from '../../pkcs11/index.ts';

export interface Survey {
  readonly info: ModuleInfo;
  readonly slots: readonly SlotDescription[];
}

/**
 * What a module shows without a login.
 * @throws HsmError `module_*`
 */
export async function surveySlots(module: ModuleOptions): Promise<Survey> {
  return surveyModule(module);
}

export type PinState = 'not set' | 'ok' | 'low' | 'final try' | 'locked';

/** The flags of a token that decide what can be done with it. */
export interface TokenState {
  readonly initialized: boolean;
  /** C_InitToken was called and C_InitPIN was not, or has failed: nobody can log in. */
  readonly halfMade: boolean;
  readonly loginRequired: boolean;
  readonly pin: PinState;
  readonly writeProtected: boolean;
  readonly pinPad: boolean;
}

export function tokenState(token: Pick<TokenDescription, 'flags'>): TokenState {
  const has = (flag: number): boolean => (token.flags & flag) !== 0;
  return {
    initialized: isInitialised(token),
    halfMade: isInitialised(token) && has(CKF.LOGIN_REQUIRED) && !has(CKF.USER_PIN_INITIALIZED),
    loginRequired: has(CKF.LOGIN_REQUIRED),
    pin: pinState(has),
    writeProtected: has(CKF.WRITE_PROTECTED),
    pinPad: has(CKF.PROTECTED_AUTHENTICATION_PATH),
  };
}

/** The worst that the token says of its user PIN. */
function pinState(has: (flag: number) => boolean): PinState {
  if (has(CKF.USER_PIN_LOCKED)) return 'locked';
  if (!has(CKF.USER_PIN_INITIALIZED)) return 'not set';
  if (has(CKF.USER_PIN_FINAL_TRY)) return 'final try';
  return has(CKF.USER_PIN_COUNT_LOW) ? 'low' : 'ok';
}
