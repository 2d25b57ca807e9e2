import { AesSiv, type Bound } from '../aes-siv.ts';
import { fromUtf8, MalformedBytes, utf8 } from '../bytes.ts';
import { IntegrityError } from '../errors.ts';

/**
 * Encrypts path segments, deterministically so that they can be looked up: AES-SIV (RFC 5297) under the keyring's
 * 64-byte path key, with the stored path of the parent as its associated data, written as base64url. The same name
 * under two parents looks different.
 */
export class Names {
  readonly #siv: AesSiv;
  /** By stored path. */
  readonly #folders = new Map<string, Folder>();
  #known = 0;

  /** @param pathKey 64 bytes, not needed afterwards */
  constructor(pathKey: Uint8Array) {
    this.#siv = new AesSiv(pathKey);
  }

  /** The stored path of `segments` below the stored folder `root`. */
  encrypt(root: string, segments: readonly string[]): string {
    let stored = root;
    for (const segment of segments) stored = this.#child(stored, segment);
    return stored;
  }

  #child(parent: string, segment: string): string {
    const { bound, children } = this.#folder(parent);
    const known = children.get(segment);
    if (known !== undefined) return known;
    const stored = `${parent}/${this.#siv.encrypt(bound, utf8(segment)).toString('base64url')}`;
    this.#remember();
    children.set(segment, stored);
    return stored;
  }

  /** Whoever asks for one name of a folder mostly asks for it again, and for others. */
  #folder(parent: string): Folder {
    const known = this.#folders.get(parent);
    if (known !== undefined) return known;
    const folder = { bound: this.#siv.bind([utf8(parent)]), children: new Map<string, string>() };
    this.#remember();
    this.#folders.set(parent, folder);
    return folder;
  }

  /** Before one more. */
  #remember(): void {
    if (++this.#known <= MOST_KNOWN) return;
    this.#folders.clear();
    this.#known = 1;
  }

  /** The name behind a stored segment. @throws IntegrityError `name_altered` */
  decrypt(parent: string, segment: string): string {
    try {
      const sealed = Buffer.from(segment, 'base64url');
      if (sealed.toString('base64url') !== segment) throw new MalformedBytes('not base64url as coffer writes it');
      const name = this.#siv.decrypt(this.#folder(parent).bound, sealed);
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

interface Folder {
  readonly bound: Bound;
  /** Stored paths by name. */
  readonly children: Map<string, string>;
}

/** Names and folders that are remembered, which bounds the memory. */
const MOST_KNOWN = 20_000;
