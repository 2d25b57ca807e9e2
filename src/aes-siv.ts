import { createCipheriv, timingSafeEqual } from 'node:crypto';
import { concat, zero } from './bytes.ts';

/*
 * AES-SIV (RFC 5297), deterministic authenticated encryption. It is made of AES-CBC and AES-CTR, which every runtime has
 * in node:crypto: BoringSSL has neither SIV nor CMAC there. A library would fill its tables at every start.
 */

const BLOCK_BYTES = 16;
const ZERO_BLOCK = new Uint8Array(BLOCK_BYTES);
/** Of associated data (section 7): the plaintext is one more string, and there are 127. */
const MOST_STRINGS = 126;

type Strings = readonly Uint8Array[];

/**
 * @param key 32, 48 or 64 bytes: a key for S2V, then as long a one for CTR
 * @param associatedData strings in order, at most 126; none is not the same as an empty one
 * @returns the synthetic IV of 16 bytes, then as many bytes as the plaintext has
 * @throws RangeError
 */
export function sivEncrypt(key: Uint8Array, associatedData: Strings, plaintext: Uint8Array): Uint8Array {
  const { macKey, ctrKey } = halves(key);
  const iv = s2v(macKey, associatedData, plaintext);
  return concat(iv, ctr(ctrKey, iv, plaintext));
}

/**
 * @returns the plaintext, or null when the key, the associated data or a byte of the ciphertext is not what it was
 * @throws RangeError
 */
export function sivDecrypt(key: Uint8Array, associatedData: Strings, ciphertext: Uint8Array): Uint8Array | null {
  const { macKey, ctrKey } = halves(key);
  if (ciphertext.length < BLOCK_BYTES) return null;
  const iv = ciphertext.subarray(0, BLOCK_BYTES);
  const plaintext = ctr(ctrKey, iv, ciphertext.subarray(BLOCK_BYTES));
  if (timingSafeEqual(iv, s2v(macKey, associatedData, plaintext))) return plaintext;
  zero(plaintext);
  return null;
}

function halves(key: Uint8Array): { macKey: Uint8Array; ctrKey: Uint8Array } {
  if (![32, 48, 64].includes(key.length)) throw new RangeError('a key of AES-SIV has 32, 48 or 64 bytes');
  return { macKey: key.subarray(0, key.length / 2), ctrKey: key.subarray(key.length / 2) };
}

/** Section 2.4. */
function s2v(key: Uint8Array, associatedData: Strings, plaintext: Uint8Array): Uint8Array {
  if (associatedData.length > MOST_STRINGS)
    throw new RangeError(`AES-SIV takes at most ${MOST_STRINGS} strings of associated data`);
  const subkeys = cmacSubkeys(key);
  let sum = cmac(key, subkeys, ZERO_BLOCK);
  for (const text of associatedData) sum = xorAtEnd(doubled(sum), cmac(key, subkeys, text));
  const last =
    plaintext.length < BLOCK_BYTES
      ? xorAtEnd(padded(plaintext), doubled(sum))
      : xorAtEnd(Uint8Array.from(plaintext), sum);
  const iv = cmac(key, subkeys, last);
  zero(subkeys.whole, subkeys.padded, last);
  return iv;
}

/** Of the counter, the top bits of the last two words are cleared (section 2.5). Encrypts and decrypts alike. */
function ctr(key: Uint8Array, iv: Uint8Array, input: Uint8Array): Uint8Array {
  const counter = Uint8Array.from(iv);
  for (const at of [8, 12]) counter[at] = (counter[at] ?? 0) & 0x7f;
  return createCipheriv(`aes-${8 * key.length}-ctr`, key, counter).update(input);
}

interface Subkeys {
  /** For a message whose last block is whole. */
  readonly whole: Uint8Array;
  readonly padded: Uint8Array;
}

/** RFC 4493 section 2.3. */
function cmacSubkeys(key: Uint8Array): Subkeys {
  const whole = doubled(lastOfCbc(key, ZERO_BLOCK));
  return { whole, padded: doubled(whole) };
}

/** AES-CMAC, RFC 4493 section 2.4. */
function cmac(key: Uint8Array, subkeys: Subkeys, message: Uint8Array): Uint8Array {
  const isWhole = message.length > 0 && message.length % BLOCK_BYTES === 0;
  const blocks = isWhole
    ? xorAtEnd(Uint8Array.from(message), subkeys.whole)
    : xorAtEnd(padded(message), subkeys.padded);
  const mac = lastOfCbc(key, blocks);
  zero(blocks);
  return mac;
}

/** @param blocks whole ones @returns the last block of their encryption under an IV of zeros */
function lastOfCbc(key: Uint8Array, blocks: Uint8Array): Uint8Array {
  const cipher = createCipheriv(`aes-${8 * key.length}-cbc`, key, ZERO_BLOCK).setAutoPadding(false);
  return cipher.update(blocks).subarray(-BLOCK_BYTES);
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
  const carried = block.map((byte, at) => (byte << 1) | ((block[at + 1] ?? 0) >>> 7));
  carried[BLOCK_BYTES - 1] = (carried[BLOCK_BYTES - 1] ?? 0) ^ (0x87 & -((block[0] ?? 0) >>> 7));
  return carried;
}

/** XORs the block to the end of `target`. @returns `target` */
function xorAtEnd(target: Uint8Array, block: Uint8Array): Uint8Array {
  const start = target.length - block.length;
  block.forEach((byte, at) => (target[start + at] = (target[start + at] ?? 0) ^ byte));
  return target;
}
