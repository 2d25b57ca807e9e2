import { HsmError } from '../errors.ts';
import { CKR } from './constants.ts';
import { isReturnValue } from './errors.ts';
import type { LoginOptions, TokenUser } from './session-options.ts';
import type { TokenDescription } from './types.ts';

type Memory = Pick<LoginOptions, 'pinMemory' | 'retryPin' | 'note'>;

/**
 * Stops before a PIN that the token refused already. Another one goes on, with a note.
 * @returns whether the token refused any since its last login
 * @throws HsmError `pin_refused`, `so_pin_refused`
 */
export function refuseKnownPin(
  token: TokenDescription,
  user: TokenUser,
  pin: string,
  { pinMemory, retryPin, note }: Memory,
): boolean {
  const refusals = pinMemory.recall(token, user);
  if (refusals === null) return false;
  if (!refusals.includes(pin)) {
    note(`token "${token.label}" refused another ${NAMES[user]} before; this one is tried once`);
  } else if (!retryPin) {
    throw known(token, user);
  }
  return true;
}

/**
 * Remembers the PIN when the error says that it is wrong. Any other error of a login is no word about the PIN: to remember
 * it then could keep the right one from a token that was only out of order.
 */
export function tellOfRefusal(
  token: TokenDescription,
  user: TokenUser,
  pin: string,
  error: unknown,
  { pinMemory, note }: Memory,
): void {
  // Nothing is known of what somebody enters on a PIN pad.
  if (pin === '' || !isReturnValue(error, CKR.PIN_INCORRECT, CKR.PIN_INVALID, CKR.PIN_LEN_RANGE)) return;
  const problem = pinMemory.remember(token, user, pin);
  if (problem !== null)
    note(
      `cannot remember that this ${NAMES[user]} is wrong, so that the next command may spend another try on it: ${problem}`,
    );
}

const NAMES = { user: 'PIN', so: "security officer's PIN" } as const;

function known({ label }: TokenDescription, user: TokenUser): HsmError {
  const source =
    user === 'user' ? 'COFFER_HSM_PIN, then pin in the seal stanza' : 'COFFER_HSM_SO_PIN, else the question';
  return new HsmError(
    user === 'user' ? 'pin_refused' : 'so_pin_refused',
    `token "${label}" refused this ${NAMES[user]} before; nothing was tried`,
    {
      hint: [
        `check where it comes from: ${source}. If it is the right one now (or the one PIN in 1024 that looks like a wrong one), `,
        { remedy: user === 'user' ? 'retry-pin' : 'retry-so-pin' },
      ],
    },
  );
}
