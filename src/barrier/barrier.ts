import { createSecretKey, type KeyObject, randomFillSync } from 'node:crypto';
import { GCM_IV_BYTES, gcmDecrypt, gcmEncrypt } from '../aead.ts';
import { asBuffer, ByteReader, ByteWriter, concat, MalformedBytes, utf8 } from '../bytes.ts';
import { IntegrityError } from '../errors.ts';
import { activeTerm, type Keyring, type Term } from './keyring.ts';

const VERSION = 1;

/**
 * Encrypts values under the active term and opens what any term encrypted. The additional data is the value's header
 * and the path it is stored at, so that a value cannot be moved to another row. Byte layout: coffer-format(7), "Barrier
 * value".
 */
export class Barrier {
  readonly #keyring: Keyring;
  /** By the number of the term. Node.js takes ten times as long for the bytes of a key. */
  readonly #keys = new Map<number, KeyObject>();
  readonly #ivs = new RandomIvs();
  #active: Active | null = null;
  #encryptions = 0;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /** How many values this barrier has encrypted; the store adds it to the term's count. */
  get encryptions(): number {
    return this.#encryptions;
  }

  encrypt(storedPath: string, plaintext: Uint8Array): Uint8Array {
    const { key, header } = (this.#active ??= this.#begin());
    const iv = this.#ivs.next();
    this.#encryptions++;
    return concat(header, iv, gcmEncrypt(key, iv, concat(header, utf8(storedPath)), plaintext));
  }

  #begin(): Active {
    const term = activeTerm(this.#keyring);
    return { key: this.#keyOf(term), header: new ByteWriter().u8(VERSION).u32(term.number).finish() };
  }

  #keyOf({ number, key: bytes }: Term): KeyObject {
    const known = this.#keys.get(number);
    if (known !== undefined) return known;
    const key = createSecretKey(asBuffer(bytes));
    this.#keys.set(number, key);
    return key;
  }

  /** The term that values are encrypted under now. */
  get activeTerm(): number {
    return activeTerm(this.#keyring).number;
  }

  /**
   * @param name what an error calls the value
   * @throws IntegrityError `value_altered`
   */
  decrypt(storedPath: string, value: Uint8Array, name: string): Uint8Array {
    try {
      const reader = new ByteReader(value);
      if (reader.u8() !== VERSION) throw new MalformedBytes('an unknown version');
      const number = reader.u32();
      const header = value.subarray(0, reader.offset);
      const iv = reader.raw(GCM_IV_BYTES);
      const term = this.#keyring.terms.find((candidate) => candidate.number === number);
      if (term === undefined) throw new MalformedBytes(`an unknown term ${number}`);
      const plaintext = gcmDecrypt(
        this.#keyOf(term),
        iv,
        concat(header, utf8(storedPath)),
        reader.raw(reader.remaining),
      );
      if (plaintext === null) throw new MalformedBytes('it does not authenticate');
      return plaintext;
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      throw new IntegrityError('value_altered', `the stored value of ${name} was altered: ${error.message}`, {
        hint: 'nothing of it was used; restore the store from a backup and find out who could write to it',
      });
    }
  }
}

interface Active {
  readonly key: KeyObject;
  /** Of what it encrypts. */
  readonly header: Uint8Array;
}

const IVS = 256;

/** IVs from the system, many at a time: for each by itself asking takes longer than encrypting a small value. */
class RandomIvs {
  readonly #bytes = new Uint8Array(IVS * GCM_IV_BYTES);
  #at = this.#bytes.length;

  /** A copy, each of other bytes. */
  next(): Uint8Array {
    if (this.#at === this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#at = 0;
    }
    this.#at += GCM_IV_BYTES;
    return this.#bytes.slice(this.#at - GCM_IV_BYTES, this.#at);
  }
}

/** The number of the term that a value says it was encrypted under, which only opening it proves; null where it is no such value. */
export function termOf(value: Uint8Array): number | null {
  const reader = new ByteReader(value);
  return reader.remaining >= HEADER_BYTES && reader.u8() === VERSION ? reader.u32() : null;
}

const HEADER_BYTES = 5;
