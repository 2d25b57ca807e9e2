import { sivDecrypt, sivEncrypt } from '../aes-siv.ts';
import { asBuffer, fromUtf8, MalformedBytes, utf8 } from '../bytes.ts';
import { IntegrityError } from '../errors.ts';

/**
 * Encrypts path segments, deterministically so that they can be looked up: AES-SIV (RFC 5297) under the keyring's
 * 64-byte path key, with the stored path of the parent as its associated data, written as base64url. The same name
 * under two parents looks different.
 */
export class Names {
  readonly #pathKey: Uint8Array;

  /** @param pathKey 64 bytes */
  constructor(pathKey: Uint8Array) {
    this.#pathKey = pathKey;
  }

  /** The stored path of `segments` below the stored folder `root`. */
  encrypt(root: string, segments: readonly string[]): string {
    return segments.reduce((parent, segment) => {
      const sealed = sivEncrypt(this.#pathKey, [utf8(parent)], utf8(segment));
      return `${parent}/${asBuffer(sealed).toString('base64url')}`;
    }, root);
  }

  /** The name behind a stored segment. @throws IntegrityError `name_altered` */
  decrypt(parent: string, segment: string): string {
    try {
      const sealed = Buffer.from(segment, 'base64url');
      if (sealed.toString('base64url') !== segment) throw new MalformedBytes('not base64url as coffer writes it');
      const name = sivDecrypt(this.#pathKey, [utf8(parent)], sealed);
      if (name === null) throw new MalformedBytes('not what was encrypted');
      return fromUtf8(name);
    } catch (error) {
      throw new IntegrityError('name_altered', 'an encrypted name in the store was altered', {
        hint: 'restore the store from a backup and find out who could write to it',
        cause: error,
      });
    }
  }
}
