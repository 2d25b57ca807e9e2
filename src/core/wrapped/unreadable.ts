import { type CofferError, hasCode, HsmError, IntegrityError } from '../../errors.ts';
import type { Seal } from '../../seal/index.ts';
import { openKeys, zeroKeys } from '../unsealed/keys.ts';

/** What the HSM surely can do. */
export interface KnownGood {
  readonly seal: Seal;
  /** The store's own record, which it opened before. */
  readonly record: Uint8Array;
}

/**
 * Why one value cannot be read, by its name. What is wrong with one must not be in the way of the others, and an HSM that fails would fail
 * for each: where the error may be the HSM's own, it is put to the test.
 * @returns the error of this value @throws every other error as it is
 */
export async function unreadable(error: unknown, name: string, known: KnownGood): Promise<CofferError> {
  if (error instanceof IntegrityError || hasCode(error, HsmError, 'hsm_decrypt_failed')) return error;
  if (!(error instanceof HsmError)) throw error;
  const isKeyMissing: boolean = hasCode(error, HsmError, 'key_not_found');
  if (!isKeyMissing && !(await isSound(known))) throw error;
  return new HsmError(error.code, `${name} cannot be opened: ${error.message}`, { hint: error.hint, cause: error });
}

async function isSound({ seal, record }: KnownGood): Promise<boolean> {
  try {
    zeroKeys(await openKeys(seal, record));
    return true;
  } catch (error) {
    if (error instanceof HsmError) return false;
    throw error;
  }
}
