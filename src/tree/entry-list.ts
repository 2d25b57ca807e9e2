import { bytesFor, digitsOf } from './digits.ts';
import type { Entry } from './leaf.ts';

/** Of an entry: its key and its digest, 16 bytes each. */
const BYTES = 32;
const KEY_BYTES = 16;
const FIRST_CAPACITY = 1024;

/** The entries of a whole store in 32 bytes each, so that a million of them fit in memory. */
export class EntryList {
  #bytes = Buffer.allocUnsafe(FIRST_CAPACITY * BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add({ key, digest }: Entry): void {
    if (this.#length * BYTES === this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * this.#bytes.length);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    this.#bytes.write(key, this.#length * BYTES, 'latin1');
    digest.copy(this.#bytes, this.#length * BYTES + KEY_BYTES);
    this.#length++;
  }

  /** Into the order of keys. */
  sort(): void {
    // Numbers compare much faster than bytes: 48 bits of each half, and the bytes themselves where these are equal.
    const firsts = new Float64Array(this.#length);
    const seconds = new Float64Array(this.#length);
    for (let at = 0; at < this.#length; at++) {
      firsts[at] = this.#bytes.readUIntBE(at * BYTES, 6);
      seconds[at] = this.#bytes.readUIntBE(at * BYTES + KEY_BYTES / 2, 6);
    }
    const order = Uint32Array.from({ length: this.#length }, (_, at) => at).sort(
      (a, b) => (firsts[a] ?? 0) - (firsts[b] ?? 0) || this.#compare(a, b, seconds),
    );
    const sorted = Buffer.allocUnsafe(Math.max(this.#length, FIRST_CAPACITY) * BYTES);
    for (const [at, from] of order.entries()) this.#bytes.copy(sorted, at * BYTES, from * BYTES, (from + 1) * BYTES);
    this.#bytes = sorted;
  }

  /** Of entries with the same first six bytes, which as a rule have the same first half. */
  #compare(a: number, b: number, seconds: Float64Array): number {
    const [x, y] = [a * BYTES, b * BYTES];
    return (
      this.#bytes.readUInt16BE(x + 6) - this.#bytes.readUInt16BE(y + 6) ||
      (seconds[a] ?? 0) - (seconds[b] ?? 0) ||
      this.#bytes.readUInt16BE(x + 14) - this.#bytes.readUInt16BE(y + 14)
    );
  }

  /** @param at below `length` */
  entry(at: number): Entry {
    const bytes = this.#bytes.subarray(at * BYTES, (at + 1) * BYTES);
    return { key: bytes.toString('latin1', 0, KEY_BYTES), digest: bytes.subarray(KEY_BYTES) };
  }

  /** The digit of a key, 0 to 3. */
  digit(at: number, place: number): number {
    const byte = this.#bytes[at * BYTES + (place >> 2)] ?? 0;
    return (byte >> (6 - 2 * (place & 3))) & 3;
  }

  /** The first digits of a key. */
  prefix(at: number, digits: number): string {
    return digitsOf(this.#bytes.subarray(at * BYTES, at * BYTES + bytesFor(digits))).slice(0, digits);
  }
}

/** Of every key. */
export const KEY_DIGITS = 4 * KEY_BYTES;
