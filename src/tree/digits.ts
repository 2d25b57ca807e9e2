/** Keys are read as digits of two bits, "0" to "3", the first from the upper bits of the first byte. */

const OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(4).padStart(4, '0'));
const IN_BYTE = 4;
const ZERO = 48;

/** Four digits a byte. */
export function digitsOf(bytes: Uint8Array): string {
  let digits = '';
  for (const byte of bytes) digits += OF_BYTE[byte] ?? '';
  return digits;
}

/** The first digits of a key, which has a character for each byte. */
export function firstDigits(key: string, count: number): string {
  let digits = '';
  for (let at = 0; at < bytesFor(count); at++) digits += OF_BYTE[key.charCodeAt(at)] ?? '';
  return digits.slice(0, count);
}

/** The digit of a key at a place, 0 to 3. */
export function digitAt(key: string, place: number): number {
  return (key.charCodeAt(place >> 2) >> (6 - 2 * (place & 3))) & 3;
}

/** The whole bytes that digits begin with, as a key has them. */
export function wholeBytes(digits: string): string {
  const bytes = Buffer.alloc(bytesFor(digits.length));
  writeDigits(bytes, digits, 0);
  return bytes.toString('latin1', 0, Math.floor(digits.length / IN_BYTE));
}

/** Writes digits at `at`, four a byte; what is left of the last byte is zero. @returns the place behind them */
export function writeDigits(bytes: Uint8Array, digits: string, at: number): number {
  const end = at + bytesFor(digits.length);
  for (let from = 0, to = at; to < end; from += IN_BYTE, to++) {
    let byte = 0;
    for (let place = from; place < from + IN_BYTE; place++)
      byte = byte * 4 + (place < digits.length ? digits.charCodeAt(place) - ZERO : 0);
    bytes[to] = byte;
  }
  return end;
}

/** The bytes that so many digits take. */
export function bytesFor(digits: number): number {
  return Math.ceil(digits / IN_BYTE);
}

/** Two digits as one hexadecimal digit; one that is left over as "g" to "j". */
export function shortened(digits: string): string {
  let short = '';
  for (let at = 0; at + 1 < digits.length; at += 2)
    short += HEX[4 * (digits.charCodeAt(at) - ZERO) + digits.charCodeAt(at + 1) - ZERO] ?? '';
  return digits.length % 2 === 0 ? short : short + ('ghij'[Number(digits.at(-1))] ?? '');
}

const HEX = '0123456789abcdef';
