import { asBuffer } from '../../bytes.ts';

// Unsigned big-endian integers. A BigInt cannot be zeroed: what is made of secrets lives until it is collected.

export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${asBuffer(bytes).toString('hex')}`);
}

/** @param length bytes; shorter values are padded with zeros in front @throws RangeError when the value needs more */
export function toBytes(value: bigint, length: number): Buffer {
  const hex = value.toString(16);
  if (value < 0n || hex.length > 2 * length) throw new RangeError('the integer does not fit');
  return Buffer.from(hex.padStart(2 * length, '0'), 'hex');
}

/** As few bytes as hold the value. */
function toShortBytes(value: bigint): Buffer {
  return toBytes(value, Math.ceil(value.toString(16).length / 2));
}

export function toBase64Url(value: bigint): string {
  return toShortBytes(value).toString('base64url');
}

function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Extended Euclid. @throws RangeError when there is no inverse */
export function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, next] = [modulus, modulo(value, modulus)];
  let [factor, nextFactor] = [0n, 1n];
  while (next !== 0n) {
    const quotient = rest / next;
    [rest, next] = [next, rest - quotient * next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  if (rest !== 1n) throw new RangeError('there is no inverse');
  return modulo(factor, modulus);
}

export function greatestDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestDivisor(b, a % b);
}
