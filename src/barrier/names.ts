import type { aessiv } from '@noble/ciphers/aes.js';
import { asBuffer, fromUtf8, MalformedBytes, utf8 } from '../bytes.ts';
import { IntegrityError } from '../errors.ts';

/**
 * Encrypts path segments, deterministically so that they can be looked up: AES-SIV (RFC 5297) under the keyring's
 * 64-byte path key, with the stored path of the parent as its associated data, written as base64url. The same name
 * under two parents looks different.
 */
export class Names {
  readonly #pathKey: Uint8Array;
  readonly #aessiv: typeof aessiv;

  private constructor(pathKey: Uint8Array, siv: typeof aessiv) {
    this.#pathKey = pathKey;
    this.#aessiv = siv;
  }

  /** @param pathKey 64 bytes. Loads the cipher, whose tables take milliseconds to fill, only now. */
  static async open(pathKey: Uint8Array): Promise<Names> {
    return new Names(pathKey, (await import('@noble/ciphers/aes.js')).aessiv);
  }

  /** The stored path of `segments` below the stored folder `root`. */
  encrypt(root: string, segments: readonly string[]): string {
    return segments.reduce((parent, segment) => {
      const sealed = this.#aessiv(this.#pathKey, utf8(parent)).encrypt(utf8(segment));
      return `${parent}/${asBuffer(sealed).toString('base64url')}`;
    }, root);
  }

  /** The name behind a stored segment. @throws IntegrityError `name_altered` */
  decrypt(parent: string, segment: string): string {
    try {
      const sealed = Buffer.from(segment, 'base64url');
      if (sealed.toString('base64url') !== segment) throw new MalformedBytes('not base64url as coffer writes it');
      return fromUtf8(this.#aessiv(this.#pathKey, utf8(parent)).decrypt(sealed));
    } catch (error) {
      throw new IntegrityError('name_altered', 'an encrypted name in the store was altered', {
        hint: 'restore the store from a backup and find out who could write to it',
        cause: error,
      });
    }
  }
}
