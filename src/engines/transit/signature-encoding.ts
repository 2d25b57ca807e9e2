import { DER, writeDer, writeUnsigned } from './der.ts';

/** How ECDSA signatures are written: ASN.1 DER (RFC 3279 section 2.2.3), or r and s side by side (RFC 7518 section 3.4). */
export type Marshaling = 'asn1' | 'jws';

/** @param sides r and s side by side, of equal lengths, as an HSM gives them */
export function encodeSignature(sides: Uint8Array, marshaling: Marshaling): Uint8Array {
  if (marshaling === 'jws') return sides;
  const half = sides.length / 2;
  return writeDer(DER.sequence, writeUnsigned(sides.subarray(0, half)), writeUnsigned(sides.subarray(half)));
}
