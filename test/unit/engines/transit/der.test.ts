import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, hex, MalformedBytes } from '../../../../src/bytes.ts';
import { DER, readDer, readUnsigned, writeDer, writeUnsigned } from '../../../../src/engines/transit/der.ts';
import { parseHash } from '../../../../src/engines/transit/hashes.ts';
import { digestInfo } from '../../../../src/engines/transit/rsa-digest.ts';
import { encodeSignature } from '../../../../src/engines/transit/signature-encoding.ts';
import { hexed } from '../../../support/encoding.ts';
import { openssl } from '../../../support/openssl.ts';

describe('DER', () => {
  it.each([
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_535, '0482ffff'],
  ])('of %i bytes begins with %s, is read back, and openssl reads it', (length, start) => {
    const content = new Uint8Array(length).fill(0x5a);
    const written = writeDer(DER.octetString, content);
    expect(hex(written.subarray(0, written.length - length))).toBe(start);
    const reader = new ByteReader(written);
    expect(hex(readDer(reader, DER.octetString))).toBe(hex(content));
    reader.end();
    expect(openssl(['asn1parse', '-inform', 'DER', '-in', 'der'], { der: written }).toString()).toMatch(
      new RegExp(`l= *${length} prim: OCTET STRING`),
    );
  });

  it('is not written of more than 65,535 bytes', () => {
    expect(() => writeDer(DER.octetString, new Uint8Array(65_536))).toThrow(RangeError);
  });

  it('writes an unsigned integer in its shortest form', () => {
    const cases = [
      ['', '020100'],
      ['00', '020100'],
      ['0000', '020100'],
      ['7f', '02017f'],
      ['80', '02020080'],
      ['00007f', '02017f'],
      ['0080', '02020080'],
    ] as const;
    for (const [value, written] of cases) expect(hex(writeUnsigned(hexed(value)))).toBe(written);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 66 }), (value) => {
        const content = readDer(new ByteReader(writeUnsigned(value)), DER.integer);
        expect(BigInt(`0x${hex(content)}`)).toBe(BigInt(`0x${hex(value)}`));
        expect(content[0] === 0 && content.length > 1 && (content[1] ?? 0) < 0x80).toBe(false);
      }),
    );
  });

  it('reads back an unsigned integer, and no negative one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 66 }), (value) => {
        const read = readUnsigned(new ByteReader(writeUnsigned(value)));
        expect(BigInt(`0x${hex(read)}`)).toBe(BigInt(`0x${hex(value)}`));
      }),
    );
    for (const der of ['020180', '0202ff01', '0200', '0401'])
      expect(() => readUnsigned(new ByteReader(hexed(der)))).toThrow(MalformedBytes);
  });

  it('of a DigestInfo is that of RFC 8017 section 9.2', () => {
    const digest = new Uint8Array(32).fill(1);
    expect(hex(digestInfo(parseHash('sha2-256', { sha1: false }), digest))).toBe(
      `3031300d060960864801650304020105000420${hex(digest)}`,
    );
    expect(hex(digestInfo(parseHash('sha1', { sha1: true }), new Uint8Array(20)))).toBe(
      `3021300906052b0e03021a05000414${'00'.repeat(20)}`,
    );
  });

  it('of a signature takes two length bytes where the curve is P-521', () => {
    const sides = new Uint8Array(132).fill(0xff);
    expect(hex(encodeSignature(sides, 'asn1'))).toBe(`30818a024300${'ff'.repeat(66)}024300${'ff'.repeat(66)}`);
    expect(hex(encodeSignature(new Uint8Array(64), 'asn1'))).toBe('3006020100020100');
  });
});
