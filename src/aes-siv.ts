import { type Cipher, createCipheriv, timingSafeEqual } from 'node:crypto';
import { zero } from './bytes.ts';

/*
 * AES-SIV (RFC 5297), deterministic authenticated encryption. It is made of AES-CBC and AES-ECB, which every runtime has
 * in node:crypto: BoringSSL has neither SIV nor CMAC there. A library would fill its tables at every start.
 */

const BLOCK_BYTES = 16;
const ZERO_BLOCK = new Uint8Array(BLOCK_BYTES);
/** Of associated data (section 7): the plaintext is one more string, and there are 127. */
const MOST_STRINGS = 126;

type Strings = readonly Uint8Array[];

/** What associated data comes to, which serves any number of plaintexts: 16 bytes. */
export type Bound = Uint8Array;

/** One key, whose schedule and subkeys are made once. */
export class AesSiv {
  readonly #mac: Cmac;
  readonly #ctr: Cipher;
  /** The sum that S2V begins with. */
  readonly #first: Uint8Array;

  /** @param key 32, 48 or 64 bytes: a key for S2V, then as long a one for CTR @throws RangeError */
  constructor(key: Uint8Array) {
    if (![32, 48, 64].includes(key.length)) throw new RangeError('a key of AES-SIV has 32, 48 or 64 bytes');
    const half = key.length / 2;
    this.#mac = new Cmac(key.subarray(0, half));
    this.#ctr = createCipheriv(`aes-${8 * half}-ecb`, key.subarray(half), null).setAutoPadding(false);
    this.#first = this.#mac.of(ZERO_BLOCK);
  }

  /** @param associatedData strings in order, at most 126; none is not the same as an empty one @throws RangeError */
  bind(associatedData: Strings): Bound {
    if (associatedData.length > MOST_STRINGS)
      throw new RangeError(`AES-SIV takes at most ${MOST_STRINGS} strings of associated data`);
    return associatedData.reduce((sum, text) => xorAtEnd(doubled(sum), this.#mac.of(text)), this.#first);
  }

  /** @returns the synthetic IV of 16 bytes, then as many bytes as the plaintext has */
  encrypt(bound: Bound, plaintext: Uint8Array): Buffer {
    const iv = this.#s2v(bound, plaintext);
    const sealed = Buffer.allocUnsafe(BLOCK_BYTES + plaintext.length);
    sealed.set(iv);
    this.#crypt(iv, plaintext, sealed, BLOCK_BYTES);
    return sealed;
  }

  /** @returns the plaintext, or null when the key, the associated data or a byte of the ciphertext is not what it was */
  decrypt(bound: Bound, ciphertext: Uint8Array): Uint8Array | null {
    if (ciphertext.length < BLOCK_BYTES) return null;
    const iv = ciphertext.subarray(0, BLOCK_BYTES);
    const plaintext = new Uint8Array(ciphertext.length - BLOCK_BYTES);
    this.#crypt(iv, ciphertext.subarray(BLOCK_BYTES), plaintext, 0);
    if (timingSafeEqual(iv, this.#s2v(bound, plaintext))) return plaintext;
    zero(plaintext);
    return null;
  }

  /** The end of S2V (section 2.4), where the plaintext comes in. */
  #s2v(bound: Bound, plaintext: Uint8Array): Uint8Array {
    const last =
      plaintext.length < BLOCK_BYTES
        ? xorAtEnd(padded(plaintext), doubled(bound))
        : xorAtEnd(new Uint8Array(plaintext), bound);
    const iv = this.#mac.of(last);
    zero(last);
    return iv;
  }

  /**
   * CTR mode, which encrypts and decrypts alike, into `output` from `start` on. Of the counter, the top bits of the last two words are
   * cleared (section 2.5).
   */
  #crypt(iv: Uint8Array, input: Uint8Array, output: Uint8Array, start: number): void {
    const counter = new Uint8Array(iv);
    counter[8] = (counter[8] ?? 0) & 0x7f;
    counter[12] = (counter[12] ?? 0) & 0x7f;
    const counters = new Uint8Array(Math.ceil(input.length / BLOCK_BYTES) * BLOCK_BYTES);
    for (let at = 0; at < counters.length; at += BLOCK_BYTES) {
      counters.set(counter, at);
      increment(counter);
    }
    const stream = this.#ctr.update(counters);
    for (let at = 0; at < input.length; at++) output[start + at] = (input[at] ?? 0) ^ (stream[at] ?? 0);
    zero(stream);
  }
}

/** AES-CMAC, RFC 4493. */
class Cmac {
  readonly #cbc: Cipher;
  /** What the next block is XORed with before it is encrypted: the one that came out last. */
  #chained = ZERO_BLOCK;
  /** For a message whose last block is whole (section 2.3). */
  readonly #whole: Uint8Array;
  readonly #padded: Uint8Array;

  constructor(key: Uint8Array) {
    this.#cbc = createCipheriv(`aes-${8 * key.length}-cbc`, key, ZERO_BLOCK).setAutoPadding(false);
    this.#whole = doubled(this.#lastOfCbc(new Uint8Array(BLOCK_BYTES)));
    this.#padded = doubled(this.#whole);
  }

  /** Section 2.4. @returns 16 bytes */
  of(message: Uint8Array): Uint8Array {
    const isWhole = message.length > 0 && message.length % BLOCK_BYTES === 0;
    const blocks = isWhole ? xorAtEnd(new Uint8Array(message), this.#whole) : xorAtEnd(padded(message), this.#padded);
    const mac = this.#lastOfCbc(blocks);
    zero(blocks);
    return mac;
  }

  /**
   * The last block of the encryption under an IV of zeros. One cipher does them all, since a new one costs more than the blocks: it goes on
   * where it ended, so the block that it ended with is taken out again.
   * @param blocks whole ones, which are changed
   */
  #lastOfCbc(blocks: Uint8Array): Uint8Array {
    for (let at = 0; at < BLOCK_BYTES; at++) blocks[at] = (blocks[at] ?? 0) ^ (this.#chained[at] ?? 0);
    const sealed = this.#cbc.update(blocks);
    this.#chained = new Uint8Array(sealed.subarray(sealed.length - BLOCK_BYTES));
    return this.#chained;
  }
}

/** A 1 bit and zeros up to the next whole block. */
function padded(message: Uint8Array): Uint8Array {
  const blocks = new Uint8Array(message.length - (message.length % BLOCK_BYTES) + BLOCK_BYTES);
  blocks.set(message);
  blocks[message.length] = 0x80;
  return blocks;
}

/** Times x in GF(2^128) (section 2.3), in a time that tells nothing of the block. */
function doubled(block: Uint8Array): Uint8Array {
  const result = new Uint8Array(BLOCK_BYTES);
  let carry = 0x87 & -((block[0] ?? 0) >>> 7);
  for (let at = BLOCK_BYTES - 1; at >= 0; at--) {
    const byte = block[at] ?? 0;
    result[at] = (byte << 1) ^ carry;
    carry = byte >>> 7;
  }
  return result;
}

/** XORs the block to the end of `target`. @returns `target` */
function xorAtEnd(target: Uint8Array, block: Uint8Array): Uint8Array {
  const start = target.length - block.length;
  for (let at = 0; at < block.length; at++) target[start + at] = (target[start + at] ?? 0) ^ (block[at] ?? 0);
  return target;
}

/** Adds one to a big-endian number. */
function increment(counter: Uint8Array): void {
  for (let at = BLOCK_BYTES - 1; at >= 0; at--) {
    counter[at] = ((counter[at] ?? 0) + 1) & 0xff;
    if (counter[at] !== 0) return;
  }
}
