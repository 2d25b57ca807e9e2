import { HsmError, UsageError } from '../../errors.ts';
import {
  CKR,
  type CryptokiError,
  initToken,
  isReturnValue,
  type ModuleOptions,
  type NewToken,
  type OfficerOptions,
  type SlotDescription,
  type TokenDescription,
} from '../../pkcs11/index.ts';
import { visible } from '../../visible.ts';
import { pinMemory } from '../pin-memory.ts';
import { surveySlots, tokenState } from './slots.ts';

/**
 * The slot whose token is to be initialised: the one of that number, or the only one whose token is not initialised yet.
 * @throws HsmError `token_not_found`, `token_ambiguous`, `token_not_present`
 */
export async function slotForToken(
  module: ModuleOptions,
  slot: bigint | null,
): Promise<SlotDescription & { token: TokenDescription }> {
  const { slots } = await surveySlots(module);
  const there = slots
    .map((one) => `  slot ${one.slot}: ${one.token === null ? 'no token' : describe(one.token)}`)
    .join('\n');
  const present = slots.flatMap((one) => (one.token === null ? [] : [{ ...one, token: one.token }]));
  if (slot !== null) {
    const found = present.find((one) => one.slot === slot);
    if (found !== undefined) return found;
    throw slots.some((one) => one.slot === slot)
      ? new HsmError('token_not_present', `there is no token in slot ${slot}`, {
          hint: `put one in, or choose another slot:\n${there}`,
        })
      : new HsmError('token_not_found', `the module has no slot ${slot}`, {
          hint: [{ remedy: 'choose-slot-shown' }, `:\n${there}`],
        });
  }
  const blank = present.filter(({ token }) => !tokenState(token).initialized);
  const [only, ...others] = blank;
  if (only !== undefined && others.length === 0) return only;
  throw only === undefined
    ? new HsmError('token_not_found', 'the module has no token that is not initialised yet', {
        hint: [{ remedy: 'erase-slot' }, `:\n${there}`],
      })
    : new HsmError('token_ambiguous', `${blank.length} tokens are not initialised yet`, {
        hint: [{ remedy: 'choose-slot' }, `:\n${there}`],
      });
}

/** CK_TOKEN_INFO has room for this many bytes of UTF-8. */
const LABEL_BYTES = 32;

/** @throws UsageError `bad_label` */
export function checkTokenLabel(label: string): string {
  const bytes = Buffer.byteLength(label);
  if (label.trim() !== '' && label.trimEnd() === label && bytes <= LABEL_BYTES) return label;
  throw new UsageError('bad_label', `${JSON.stringify(label)} is no label for a token`, {
    hint: `it has 1 to ${LABEL_BYTES} bytes and does not end with a blank, which tokens pad labels with`,
  });
}

/** How the security officer's PIN is handled; `state` as in Context. */
export interface Officer extends Pick<OfficerOptions, 'retryPin' | 'note'> {
  readonly state: string | null;
}

/**
 * Initialises the token (C_InitToken), which erases what is on it, and sets its user PIN. Some modules number their slots
 * anew then.
 * @returns the token where it is now
 * @throws UsageError `bad_label`, `pin_length`, before anything is sent to it
 */
export async function initialiseToken(
  module: ModuleOptions,
  token: TokenDescription,
  wanted: NewToken,
  officer: Officer,
): Promise<TokenDescription> {
  checkTokenLabel(wanted.label);
  checkLength(token, 'user PIN', wanted.pin);
  // One that has a security officer takes their PIN, whatever it says of PINs.
  if (!tokenState(token).initialized) checkLength(token, 'security officer PIN', wanted.soPin);
  try {
    return await initToken(module, token.slot, wanted, { ...officer, pinMemory: pinMemory(officer.state) });
  } catch (error) {
    throw isReturnValue(error, CKR.PIN_INCORRECT) ? wrongSoPin(error) : error;
  }
}

/** Why the token would not take it as a new PIN, such as "has 3 bytes, and the token takes 4 to 255"; null where it would. */
export function newPinProblem({ pinBytes }: TokenDescription, pin: string): string | null {
  const bytes = Buffer.byteLength(pin);
  if (pinBytes === null || (bytes >= pinBytes.least && bytes <= pinBytes.most)) return null;
  const { least, most } = pinBytes;
  const range = least === most ? String(least) : `${least} to ${most}`;
  return `has ${bytes} ${bytes === 1 ? 'byte' : 'bytes'}, and the token takes ${range}`;
}

/** An empty one is entered on the token's PIN pad. */
function checkLength(token: TokenDescription, name: string, pin: string): void {
  const problem = pin === '' ? null : newPinProblem(token, pin);
  if (problem === null) return;
  throw new UsageError('pin_length', `the new ${name} ${problem}; nothing was sent to it`, {
    hint: 'choose another PIN',
  });
}

/** Here it is not the user's PIN that is wrong. */
function wrongSoPin(error: CryptokiError): HsmError {
  return new HsmError('so_pin_incorrect', error.message, {
    hint: "the security officer's PIN (COFFER_HSM_SO_PIN) is not the one of this token; it was tried once, because a token locks after a few wrong ones",
    cause: error,
  });
}

function describe(token: TokenDescription): string {
  const { initialized, halfMade } = tokenState(token);
  if (!initialized) return 'a token that is not initialised';
  const named = `token "${visible(token.label)}", serial ${visible(token.serial)}`;
  return halfMade ? `${named}, half made: it has no user PIN` : named;
}
