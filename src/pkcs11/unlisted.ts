import { HsmError } from '../errors.ts';
import { mechanismName } from './constants.ts';
import { CryptokiError, isWithoutReason } from './errors.ts';
import { isWayRefused } from './ways.ts';

/**
 * Runs what makes a key. Where the token refuses, or gives no reason, and its own list lacks the mechanism, that is the reason: a YubiHSM 2
 * of firmware 2.2 says CKR_FUNCTION_FAILED to an AES key.
 * @param lacks what the list says; asked only then
 * @throws HsmError `mechanism_refused`, and what `make` throws
 */
export function orUnlisted<T>(mechanism: number, lacks: (mechanism: number) => boolean, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(isWithoutReason(error) || isWayRefused(error)) || !isSo(() => lacks(mechanism))) throw error;
    throw new HsmError(
      'mechanism_refused',
      `${error.message}, and the token does not list ${mechanismName(mechanism)}`,
      {
        hint: 'it makes no key of this kind: choose another; `coffer hsm mechanisms` shows what it has',
        cause: error,
      },
    );
  }
}

function isSo(question: () => boolean): boolean {
  try {
    return question();
  } catch (error) {
    if (error instanceof CryptokiError) return false;
    throw error;
  }
}
