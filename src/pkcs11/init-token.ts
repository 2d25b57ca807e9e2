import { HsmError } from '../errors.ts';
import { CKF, CKU } from './constants.ts';
import { describeSituation } from './faults.ts';
import { type Module, withModule } from './module.ts';
import { refuseKnownPin, tellOfRefusal } from './refused-pin.ts';
import type { LoginOptions } from './session-options.ts';
import { describeToken, isInitialised, slotsWithToken } from './tokens.ts';
import { slotHandle } from './ulong.ts';
import type { ModuleOptions, TokenDescription } from './types.ts';

/** Labels of tokens have 32 bytes, padded with blanks (PKCS#11 v2.40 section 5.5, C_InitToken). */
const LABEL_BYTES = 32;

export interface NewToken {
  /** At most 32 bytes of UTF-8. */
  readonly label: string;
  /** Both are empty where they are entered on the token's PIN pad. */
  readonly soPin: string;
  readonly pin: string;
}

/** How the security officer's PIN is handled. */
export type OfficerOptions = Pick<LoginOptions, 'pinMemory' | 'retryPin' | 'note'>;

/**
 * C_InitToken, which erases what is in the slot, then C_InitPIN as the security officer. The module is started anew in
 * between: SoftHSM gives a token its lasting slot number only then. The security officer's PIN is checked by C_InitToken,
 * and no try is spent on one that the token refused before. Throws HsmError, `so_pin_locked`, `so_pin_low` and
 * `so_pin_refused` before anything is done; every error after C_InitToken says that the token was erased.
 * @returns the token with its PIN set
 */
export async function initToken(
  options: ModuleOptions,
  slot: bigint,
  { label, soPin, pin }: NewToken,
  officer: OfficerOptions,
): Promise<TokenDescription> {
  const padded = label + ' '.repeat(LABEL_BYTES - Buffer.byteLength(label));
  const before = await withModule(options, async (module) => {
    const there = tokens(module);
    const old = there.find((token) => token.slot === slot);
    if (old !== undefined) refuseRiskyOfficer(old, soPin, officer);
    describeSituation(MAYBE_ERASED);
    const subject = (): string => `slot ${slot}`;
    try {
      module.call('C_InitToken', (api) => api.C_InitToken(slotHandle(slot), soPin, padded), subject);
    } catch (error) {
      if (old !== undefined) tellOfRefusal(old, 'so', soPin, error, officer);
      throw error;
    }
    describeSituation(ERASED);
    // What was remembered is about a token that is no more.
    if (old !== undefined) forgetAll(old, officer);
    return there;
  });
  try {
    return await withModule(options, async (module) => {
      const token = made(tokens(module), before, slot, label);
      const session = module.openSession(token, true);
      const officerLogin = (): string => 'security officer';
      module.call('C_Login', (api) => api.C_Login(session, CKU.SO, soPin), officerLogin);
      module.call('C_InitPIN', (api) => api.C_InitPIN(session, pin));
      describeSituation('the token is initialised');
      forgetAll(token, officer);
      return describeToken(module, token.slot);
    });
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    throw new HsmError(error.code, error.message, { hint: [`${ERASED}. `, error.hint ?? ''], cause: error });
  }
}

const MAYBE_ERASED = 'whether the token was erased is not known: look with `coffer hsm slots`, and initialise it again';
const ERASED = 'the token was erased and has no user PIN yet: initialise it again';

function refuseRiskyOfficer(token: TokenDescription, soPin: string, officer: OfficerOptions): void {
  const name = `the security officer's PIN of token "${token.label}"`;
  // Of a token that is not initialised, SoftHSM says that this PIN is locked.
  const flags = isInitialised(token) ? token.flags : 0;
  if ((flags & CKF.SO_PIN_LOCKED) !== 0) {
    throw new HsmError('so_pin_locked', `${name} is locked; nothing was tried`, {
      hint: "see in the HSM's documentation what can be done about it",
    });
  }
  if ((flags & CKF.SO_PIN_FINAL_TRY) !== 0) {
    throw new HsmError('so_pin_low', `one more wrong try locks ${name}; nothing was tried`, {
      hint: "a token whose security officer is locked out may be lost for good: check the PIN, and use the last try with the HSM's own tool",
    });
  }
  if (soPin !== '') refuseKnownPin(token, 'so', soPin, officer);
}

function forgetAll(token: TokenDescription, { pinMemory }: OfficerOptions): void {
  for (const user of ['so', 'user'] as const) pinMemory.forget(token, user);
}

function tokens(module: Module): TokenDescription[] {
  return slotsWithToken(module).map((slot) => describeToken(module, slot));
}

/**
 * The token of a serial number that was not there before, where slots were numbered anew, or the one in the slot. NSS says
 * that its token is initialised, and what its label is, only after C_InitPIN.
 */
function made(
  after: readonly TokenDescription[],
  before: readonly TokenDescription[],
  slot: bigint,
  label: string,
): TokenDescription {
  const inSlot = after.find((token) => token.slot === slot);
  const initialised = after.filter((token) => token.label === label && isInitialised(token));
  const found =
    initialised.find((token) => !before.some(({ serial }) => serial === token.serial)) ??
    initialised.find((token) => token.slot === slot) ??
    (before.some(({ serial }) => serial === inSlot?.serial) ? inSlot : undefined);
  if (found !== undefined) return found;
  throw new HsmError('token_not_found', `the token "${label}" is not to be seen after C_InitToken in slot ${slot}`, {
    hint: 'look at the slots with: coffer hsm slots',
  });
}
