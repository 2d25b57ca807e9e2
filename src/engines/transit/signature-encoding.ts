import { ByteReader, concat, MalformedBytes } from '../../bytes.ts';
import { toBigInt, toBytes, toShortBytes } from './bigint.ts';

/** An ECDSA signature's two integers. */
export interface EcdsaSignature {
  readonly r: bigint;
  readonly s: bigint;
}

/** How ECDSA signatures are written: ASN.1 DER (RFC 3279 section 2.2.3), or r and s side by side (RFC 7518 section 3.4). */
export type Marshaling = 'asn1' | 'jws';

/** @param bytes of each integer in jws: as many as a coordinate of the curve has */
export function encodeSignature({ r, s }: EcdsaSignature, marshaling: Marshaling, bytes: number): Uint8Array {
  if (marshaling === 'jws') return concat(toBytes(r, bytes), toBytes(s, bytes));
  return der(0x30, concat(derInteger(r), derInteger(s)));
}

/** Null when the bytes are no signature. */
export function decodeSignature(signature: Uint8Array, marshaling: Marshaling, bytes: number): EcdsaSignature | null {
  if (marshaling === 'jws') {
    if (signature.length !== 2 * bytes) return null;
    return { r: toBigInt(signature.subarray(0, bytes)), s: toBigInt(signature.subarray(bytes)) };
  }
  try {
    const outer = new ByteReader(signature);
    const inner = new ByteReader(readDer(outer, 0x30));
    const [r, s] = [readDer(inner, 2), readDer(inner, 2)].map(toBigInt);
    outer.end();
    inner.end();
    const decoded = { r: r ?? 0n, s: s ?? 0n };
    // Encoding it again finds every form but the one that DER allows.
    return Buffer.from(encodeSignature(decoded, 'asn1', bytes)).equals(signature) ? decoded : null;
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}

function derInteger(value: bigint): Uint8Array {
  const bytes = toShortBytes(value);
  return der(2, (bytes[0] ?? 0) < 0x80 && bytes.length > 0 ? bytes : concat(Uint8Array.of(0), bytes));
}

/** @param content at most 255 bytes, which the signatures of our curves keep */
function der(tag: number, content: Uint8Array): Uint8Array {
  return concat(content.length < 0x80 ? Uint8Array.of(tag, content.length) : Uint8Array.of(tag, 0x81, content.length), content);
}

function readDer(reader: ByteReader, tag: number): Uint8Array {
  if (reader.u8() !== tag) throw new MalformedBytes('another tag was expected');
  const length = reader.u8();
  if (length > 0x81 || length === 0x80) throw new MalformedBytes('the length is malformed');
  return length === 0x81 ? reader.bytes8() : reader.raw(length);
}
