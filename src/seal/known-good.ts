import { randomFillSync } from 'node:crypto';
import { KEY_BYTES } from '../aead.ts';
import { hasCode, HsmError } from '../errors.ts';
import { type Cipher, CKR, isCiphertextInvalid, isReturnValue, type Key } from '../pkcs11/index.ts';
import { isMethodRefused, type WrapMethod } from './method.ts';
import { isSameOnce, unwrapWith, type Wrapped, type WrapPlace, wrapWith } from './wrapping.ts';

/**
 * A known-good operation: the key decrypts what was encrypted for it just now, for an RSA key in this process.
 * @returns false where nothing can be encrypted for the key: it may not encrypt, or nothing tells its public half
 * @throws HsmError when the HSM fails at it, so that a failure before was not the data's fault
 */
export async function decryptsFresh(place: Omit<WrapPlace, 'local'>, key: Key, method: WrapMethod): Promise<boolean> {
  const secret = randomFillSync(new Uint8Array(KEY_BYTES));
  const wrapped = await encryptFresh(() => wrapWith({ ...place, local: true }, key, method, secret));
  if (wrapped === null) return false;
  requireSame(key, secret, await unwrapKnown(place.cipher, key, method, wrapped));
  return true;
}

/** An error of decrypting what is surely a ciphertext of the key: none of them is about the ciphertext. */
export function withoutExcuse<E>(error: E, { label }: Pick<Key, 'label'>): E | HsmError {
  return isCiphertextInvalid(error)
    ? wrongAnswer(
        `the HSM does not decrypt even what is surely encrypted for its key "${label}": ${error.message}`,
        error,
      )
    : error;
}

/** @throws HsmError unless `opened` is `plaintext`; it is zeroed */
export function requireSame({ label }: Pick<Key, 'label'>, plaintext: Uint8Array, opened: Uint8Array): void {
  if (!isSameOnce(opened, plaintext))
    throw wrongAnswer(`the HSM decrypts what was just encrypted for its key "${label}" to something else`);
}

/** Decrypts what is surely a wrap of the key. @throws HsmError, which never says that the wrap is wrong */
export async function unwrapKnown(cipher: Cipher, key: Key, method: WrapMethod, wrapped: Wrapped): Promise<Uint8Array> {
  try {
    return await unwrapWith(cipher, key, method, wrapped);
  } catch (error) {
    throw withoutExcuse(error, key);
  }
}

async function encryptFresh(encrypt: () => Promise<Wrapped>): Promise<Wrapped | null> {
  try {
    return await encrypt();
  } catch (error) {
    const isImpossible =
      isMethodRefused(error) ||
      isReturnValue(error, CKR.KEY_FUNCTION_NOT_PERMITTED) ||
      hasCode(error, HsmError, 'public_key_missing');
    if (isImpossible) return null;
    throw error;
  }
}

function wrongAnswer(message: string, cause?: unknown): HsmError {
  return new HsmError('hsm_wrong_answer', message, {
    hint: 'restart the HSM or its client and look at its log; if it stays, have the HSM checked',
    cause,
  });
}
