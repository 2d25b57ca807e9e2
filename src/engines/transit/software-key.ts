import { createHmac, type KeyObject } from 'node:crypto';
import type { EngineContext } from '../engine.ts';
import { aeadDecrypt, aeadEncrypt, type AeadOptions } from './aead.ts';
import type { AeadCipher } from './aead-cipher.ts';
import type { CipherType, KeyHolder, Mac, Signer, SigningType } from './holder.ts';
import { hmacKey } from './hmac-key.ts';
import type { FoundVersion, Key } from './key.ts';
import { privateKeyOf, publicKeyOf, secretOf } from './material.ts';
import { oaepDecrypt, oaepEncrypt } from './rsa-oaep.ts';
import type { SignOptions } from './sign-options.ts';
import { signatureScheme } from './signature.ts';

/** A key whose secret is in the store. */
export class SoftwareKey implements KeyHolder {
  readonly #context: EngineContext;
  readonly #key: Key;
  readonly #aead: AeadCipher | null;
  /** By version, each parsed once. */
  readonly #privateKeys = new Map<number, KeyObject>();

  /** @param aead the cipher of a key for authenticated encryption, null of other keys */
  constructor(context: EngineContext, key: Key, aead: AeadCipher | null) {
    this.#context = context;
    this.#key = key;
    this.#aead = aead;
  }

  encrypt(type: CipherType, found: FoundVersion, plaintext: Uint8Array, options: AeadOptions): Uint8Array {
    if (type.family === 'rsa') return oaepEncrypt(type, publicKeyOf(this.#key, found, null), plaintext, 'sha256');
    return aeadEncrypt(this.#cipher(), this.#key, secretOf(this.#key, found), plaintext, options);
  }

  decrypt(type: CipherType, found: FoundVersion, ciphertext: Uint8Array, options: AeadOptions): Uint8Array {
    if (type.family === 'rsa') return oaepDecrypt(this.#privateKey(found, null), ciphertext);
    return aeadDecrypt(this.#cipher(), this.#key, secretOf(this.#key, found), ciphertext, options);
  }

  async signer(type: SigningType, options: SignOptions): Promise<Signer> {
    const scheme = await signatureScheme(type, options);
    return (found, input, context) => scheme.sign(this.#privateKey(found, context), input);
  }

  mac(): Mac {
    return (found, { openssl }, input) =>
      createHmac(openssl, hmacKey(this.#context, this.#key, found))
        .update(input)
        .digest();
  }

  #cipher(): AeadCipher {
    if (this.#aead === null) throw new TypeError(`a key of type ${this.#key.type} has no cipher`);
    return this.#aead;
  }

  /** A derived key is another for each context, and is made anew. */
  #privateKey(found: FoundVersion, context: Uint8Array | null): KeyObject {
    if (this.#key.derived) return privateKeyOf(this.#key, found, context);
    const parsed = this.#privateKeys.get(found.number) ?? privateKeyOf(this.#key, found, null);
    this.#privateKeys.set(found.number, parsed);
    return parsed;
  }
}
