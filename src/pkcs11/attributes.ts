import { CofferError, hasCode, HsmError } from '../errors.ts';
import { isNotTold, isWithoutReason } from './errors.ts';
import type { OpenSession } from './open.ts';
import { ulongToNumber } from './ulong.ts';

/**
 * The values of attributes (CKA_ numbers) of an object; null for each that the token does not tell. All are asked for at once, which
 * pkcs11js makes two C_GetAttributeValue calls of: lengths, then values. Where the token refuses that, each is asked for alone.
 * @throws CryptokiError for anything else, and where a token fails without a reason at several, and tells none of them
 */
export function readAttributes(session: OpenSession, object: Buffer, types: readonly number[]): (Buffer | null)[] {
  try {
    return readTogether(session, object, types);
  } catch (error) {
    if (!isNotTold(error) && !isNoLength(error)) throw error;
    if (types.length === 1) return [null];
    const alone = types.map((type) => readAttribute(session, object, type));
    if ((isWithoutReason(error) || isNoLength(error)) && alone.every((value) => value === null)) throw error;
    return alone;
  }
}

/** The same of one attribute. */
export function readAttribute(session: OpenSession, object: Buffer, type: number): Buffer | null {
  return readAttributes(session, object, [type])[0] ?? null;
}

/** A CK_ULONG; null for what is none. */
export function numberIn(value: Buffer | null | undefined): number | null {
  return value?.length === 4 || value?.length === 8 ? ulongToNumber(value) : null;
}

/**
 * All in one call of pkcs11js, or none.
 * @throws CryptokiError; HsmError `hsm_wrong_answer` for a length that no value has
 */
export function readTogether(
  { module, handle }: OpenSession,
  object: Buffer,
  types: readonly number[],
): (Buffer | null)[] {
  const template = types.map((type) => ({ type }));
  try {
    const found: readonly { value?: Buffer }[] = module.call('C_GetAttributeValue', (api) =>
      api.C_GetAttributeValue(handle, object, template),
    );
    return types.map((_, at) => found[at]?.value ?? null); // none for CK_UNAVAILABLE_INFORMATION
  } catch (cause) {
    if (cause instanceof CofferError) throw cause;
    // There is no memory for so many bytes.
    throw new HsmError(
      'hsm_wrong_answer',
      'the module gives an attribute a length that none has (C_GetAttributeValue)',
      {
        hint: "look for a newer version of the module, and tell its vendor: it is no fault of the key's or of the configuration",
        cause,
      },
    );
  }
}

function isNoLength(error: unknown): error is HsmError {
  return hasCode(error, HsmError, 'hsm_wrong_answer');
}
