import { KEY_BYTES } from '../aead.ts';
import { hex, zero } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import {
  type Cipher,
  type CryptokiError,
  isCiphertextInvalid,
  isCiphertextSuspect,
  type Key,
} from '../pkcs11/index.ts';
import type { KeyLookup } from './key-lookup.ts';
import { decryptsFresh, unwrapKnown, withoutExcuse } from './known-good.ts';
import { isMethodRefused, methodName, methodOf, type WrapMethod, wrapMethods } from './method.ts';
import type { Wrap } from './seal.ts';
import { opensAgain, unwrapWith, type Wrapped, type WrapPlace, wrapWith } from './wrapping.ts';

/** Wraps and unwraps 32-byte keys, and chooses the method of it. */
export class KeyWrapper {
  readonly #keys: KeyLookup;
  readonly #place: WrapPlace;
  /** By handle, what each key opened last. What is wrapped by the same method can be opened, too, and comes first. */
  readonly #opened = new Map<string, { readonly method: WrapMethod; readonly wrapped: Wrapped }>();
  /** What the HSM said of wraps that it did not open. */
  readonly #failures = new WeakMap<Wrap, CryptokiError>();

  constructor(keys: KeyLookup, cipher: Cipher) {
    this.#keys = keys;
    this.#place = { session: keys.session, local: keys.config.rsaEncryptLocal, cipher };
  }

  /**
   * Wraps by the first method that the configuration, the key and the token allow, and that the HSM opens again.
   * @param secret 32 bytes
   * @throws HsmError `key_not_found`, `key_ambiguous`, `key_type`; `mechanism_refused`, `hsm_wrong_answer` when there is no such method
   */
  async wrap(secret: Uint8Array): Promise<Wrap> {
    const { config } = this.#keys;
    const key = this.#keys.wrapping();
    const methods = wrapMethods(config, key);
    let refusal: CryptokiError | null = null;
    for (const method of methods.toSorted((a, b) => Number(this.#isProven(key, b)) - Number(this.#isProven(key, a)))) {
      try {
        const wrapped = await this.#wrapBy(method, key, secret);
        if (wrapped !== null) return { seal: config.name, keyLabel: key.label, keyId: key.id, ...wrapped };
      } catch (error) {
        if (!isMethodRefused(error)) throw error;
        refusal ??= error;
      }
    }
    throw noMethod(key, methods, refusal);
  }

  /** As Seal.unwrapKey. */
  async unwrap(wrap: Wrap): Promise<Uint8Array | null> {
    const method = methodOf(wrap); // stored bytes: not yet trusted
    if (method === null) return null;
    const key = this.#keys.maker(wrap);
    let secret: Uint8Array;
    try {
      secret = await unwrapWith(this.#place.cipher, key, method, wrap);
    } catch (error) {
      if (!isCiphertextSuspect(error)) throw error;
      this.#failures.set(wrap, error);
      return null;
    }
    if (secret.length !== KEY_BYTES) {
      zero(secret);
      return null;
    }
    this.#opened.set(hex(key.handle), { method, wrapped: wrap });
    return secret;
  }

  /** As Seal.requireSound. */
  async requireSound(wrap: Wrap): Promise<void> {
    const method = methodOf(wrap);
    if (method === null) return;
    const key = this.#keys.maker(wrap);
    const failure = this.#failures.get(wrap) ?? null;
    if (!(await decryptsFresh(this.#place, key, method)) && !(await this.#opensLast(key))) {
      const isClear: boolean = isCiphertextInvalid(failure);
      if (failure === null || isClear) return;
      throw failure; // nothing tells, so it is taken for what it says
    }
    const secret = await this.unwrap(wrap);
    if (secret === null) return;
    zero(secret);
    if (failure !== null) throw withoutExcuse(failure, key);
  }

  #isProven(key: Key, method: WrapMethod): boolean {
    const proven = this.#opened.get(hex(key.handle))?.method;
    return proven?.mechanism === method.mechanism && proven.hash === method.hash;
  }

  /** Null when the HSM does not open what it wrapped. */
  async #wrapBy(method: WrapMethod, key: Key, secret: Uint8Array): Promise<Wrapped | null> {
    const wrapped = await wrapWith(this.#place, key, method, secret);
    if (this.#isProven(key, method)) return wrapped;
    if (!(await opensAgain(this.#place.cipher, key, method, wrapped, secret))) return null;
    this.#opened.set(hex(key.handle), { method, wrapped });
    return wrapped;
  }

  /** For a key that may only decrypt: whether there is a wrap that it opened before. @throws HsmError when it does not now */
  async #opensLast(key: Key): Promise<boolean> {
    const opened = this.#opened.get(hex(key.handle));
    if (opened === undefined) return false;
    zero(await unwrapKnown(this.#place.cipher, key, opened.method, opened.wrapped));
    return true;
  }
}

function noMethod(key: Key, methods: readonly WrapMethod[], refusal: CryptokiError | null): HsmError {
  const names = methods.map(methodName).join(', ');
  if (refusal === null) {
    const problem = `the HSM does not decrypt what the key "${key.label}" encrypted (${names})`;
    return new HsmError('hsm_wrong_answer', problem, {
      hint: 'nothing was written; set another mechanism in the seal stanza, or have the HSM checked',
    });
  }
  const isOnly = methods.length === 1;
  const message = isOnly
    ? refusal.message
    : `the token does none of ${names} with the key "${key.label}"; the first: ${refusal.message}`;
  const remedy = isOnly
    ? `the token does not do ${names} with the key "${key.label}"`
    : 'use another key, or set hmac_key_label for a token without CKM_AES_GCM';
  return new HsmError('mechanism_refused', message, {
    hint: `${remedy}; \`coffer hsm test\` shows what it does`,
    cause: refusal,
  });
}
