import { ByteReader, ByteWriter, concat, hex, MalformedBytes } from '../../bytes.ts';

/** The tags of DER (ITU-T X.690) that keys are made of. */
export const DER = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
} as const;

/** The content of the next element. @throws MalformedBytes when it has another tag, or its length is not in DER's one form */
export function readDer(reader: ByteReader, tag: number): Uint8Array {
  if (reader.u8() !== tag) throw new MalformedBytes('another tag was expected');
  return reader.raw(readLength(reader));
}

/** The value of an INTEGER that is not negative, big-endian. @throws MalformedBytes */
export function readUnsigned(reader: ByteReader): Uint8Array {
  const value = readDer(reader, DER.integer);
  if ((value[0] ?? 0xff) < 0x80) return value;
  throw new MalformedBytes('a number is negative, or none');
}

/** An element. @param parts its content, at most 65,535 bytes together @throws RangeError */
export function writeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(...parts);
  const writer = new ByteWriter().u8(tag);
  if (content.length < 0x80) writer.u8(content.length);
  else if (content.length < 0x100) writer.u8(0x81).u8(content.length);
  else writer.u8(0x82).u16(content.length);
  return writer.raw(content).finish();
}

/** An INTEGER. @param value unsigned and big-endian, with any zeros in front */
export function writeUnsigned(value: Uint8Array): Uint8Array {
  const start = value.findIndex((byte) => byte !== 0);
  const short = start < 0 ? Uint8Array.of(0) : value.subarray(start);
  return (short[0] ?? 0) < 0x80 ? writeDer(DER.integer, short) : writeDer(DER.integer, Uint8Array.of(0), short);
}

/** AlgorithmIdentifier (RFC 5280 section 4.1.1.2). */
export interface AlgorithmIdentifier {
  /** The object identifier's DER value in hex. */
  readonly oid: string;
  /** The whole element of the parameters in hex; empty when there is none. */
  readonly parameters: string;
}

/** @throws MalformedBytes */
export function readAlgorithm(reader: ByteReader): AlgorithmIdentifier {
  const fields = new ByteReader(readDer(reader, DER.sequence));
  const oid = hex(readDer(fields, DER.oid));
  return { oid, parameters: hex(fields.raw(fields.remaining)) };
}

/** Object identifiers of algorithms. */
export const OID = {
  rsa: '2a864886f70d010101', // 1.2.840.113549.1.1.1, RFC 8017 appendix C
  rsaPss: '2a864886f70d01010a', // 1.2.840.113549.1.1.10
  ec: '2a8648ce3d0201', // 1.2.840.10045.2.1, RFC 5480 section 2.1.1
  ed25519: '2b6570', // 1.3.101.112, RFC 8410 section 3
} as const;

/** The parameters of an algorithm that are an object identifier. @param oid the DER value in hex */
export function oidParameters(oid: string): string {
  return hex(writeDer(DER.oid, Buffer.from(oid, 'hex')));
}

/** Up to 65,535 bytes, which is more than any key has. */
function readLength(reader: ByteReader): number {
  const first = reader.u8();
  if (first < 0x80) return first;
  const length = first === 0x81 ? reader.u8() : first === 0x82 ? reader.u16() : 0;
  if (length < 0x80 || (first === 0x82 && length < 0x100)) throw new MalformedBytes('a length is malformed');
  return length;
}
