import { concat } from '../../bytes.ts';

/** How ECDSA signatures are written: ASN.1 DER (RFC 3279 section 2.2.3), or r and s side by side (RFC 7518 section 3.4). */
export type Marshaling = 'asn1' | 'jws';

/** @param sides r and s side by side, of equal lengths, as an HSM gives them */
export function encodeSignature(sides: Uint8Array, marshaling: Marshaling): Uint8Array {
  if (marshaling === 'jws') return sides;
  const half = sides.length / 2;
  return der(0x30, concat(derInteger(sides.subarray(0, half)), derInteger(sides.subarray(half))));
}

/** @param value unsigned */
function derInteger(value: Uint8Array): Uint8Array {
  const start = value.findIndex((byte) => byte !== 0);
  const short = start < 0 ? Uint8Array.of(0) : value.subarray(start);
  return der(2, (short[0] ?? 0) < 0x80 ? short : concat(Uint8Array.of(0), short));
}

/** @param content at most 255 bytes, which the signatures of our curves keep */
function der(tag: number, content: Uint8Array): Uint8Array {
  return concat(content.length < 0x80 ? Uint8Array.of(tag, content.length) : Uint8Array.of(tag, 0x81, content.length), content);
}
