import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, hex, MalformedBytes, utf8 } from '../../../src/bytes.ts';
import {
  appendMac,
  decodeRecord,
  decryptBody,
  encodeBody,
  encodeHeader,
  macMessage,
  macMessageOf,
  RECORD_VERSION,
} from '../../../src/seal/record.ts';
import type { MacStanza, Wrap } from '../../../src/seal/seal.ts';
import { hmacOf, macStanzaOf, readRecords, wrapsOf } from './records.ts';
import { bytes, the, thrown, withOneBitChanged, withOtherLength } from '../../support/vectors.ts';

const { cases, hmacKey } = readRecords();
const written = cases.filter(({ version }) => version === RECORD_VERSION);

describe.each(cases)('the record vector "$name"', (vector) => {
  const whole = bytes(vector.bytes);

  it('decodes to its inputs', () => {
    const record = decodeRecord(whole);
    expect(record.version).toBe(vector.version);
    expect(hex(record.context)).toBe(vector.context);
    expect(record.wraps).toEqual(wrapsOf(vector));
    expect(record.macStanza).toEqual(macStanzaOf(vector));
    expect(hex(record.iv)).toBe(vector.iv);
    expect(hex(record.ciphertext)).toBe(vector.ciphertext);
    expect(hex(record.header)).toBe(vector.header);
    expect(hex(record.mac)).toBe(vector.mac);
  });

  it('has a body that only its key and its place open', () => {
    const record = decodeRecord(whole);
    const wrongKey = bytes(vector.key).fill(1, 31);
    expect(hex(the(decryptBody(record, bytes(vector.key), vector.place)))).toBe(vector.body);
    expect(decryptBody(record, wrongKey, vector.place)).toBeNull();
    expect(decryptBody(record, bytes(vector.key), `${vector.place}/`)).toBeNull();
  });

  it('has the message of the HMAC, and the end', () => {
    const record = decodeRecord(whole);
    const { authenticated, macStanza } = record;
    if (macStanza === null) {
      expect(hex(authenticated)).toBe(vector.bytes);
    } else {
      expect(hex(macMessageOf(record))).toBe(vector.mac_message);
      const mac = hmacOf(hmacKey, macMessageOf(record));
      expect(hex(mac)).toBe(vector.mac);
      expect(hex(appendMac(authenticated, mac))).toBe(vector.bytes);
    }
  });

  it('notices every changed bit, by its form, its HMAC or its body', () => {
    for (const changed of withOneBitChanged(whole)) {
      const error = thrown(() => {
        const record = decodeRecord(changed);
        const { macStanza } = record;
        const authentic = macStanza === null || Buffer.compare(hmacOf(hmacKey, macMessageOf(record)), record.mac) === 0;
        expect(authentic && decryptBody(record, bytes(vector.key), vector.place) !== null).toBe(false);
      });
      if (error !== null) expect(error).toBeInstanceOf(MalformedBytes);
    }
  });

  it('cannot be cut short or made longer', () => {
    for (const other of withOtherLength(whole))
      expect(thrown(() => decodeRecord(other))).toBeInstanceOf(MalformedBytes);
  });
});

describe.each(written)('what the codec writes for "$name"', (vector) => {
  it('is the header of the vector, and what its HMAC is over', () => {
    const header = encodeHeader(bytes(vector.context), wrapsOf(vector), macStanzaOf(vector));
    expect(hex(header)).toBe(vector.header);
    const { authenticated } = decodeRecord(bytes(vector.bytes));
    if (vector.mac_message !== null) expect(hex(macMessage(authenticated))).toBe(vector.mac_message);
  });
});

describe('what an HMAC is over', () => {
  const messages = cases.flatMap(({ version, mac_stanza: stanza, mac_message: message }) =>
    stanza === null || message === null ? [] : [{ version, overDigest: stanza.over_digest, message: bytes(message) }],
  );

  it('is short whatever the record is, from version 2 on', () => {
    const lengths = messages.filter(({ version }) => version === 2).map(({ message }) => message.length);
    expect(new Set(lengths)).toEqual(new Set([46]));
  });

  it('is never over what that of the other version is, whose HMAC could be put in its place', () => {
    const kinds = messages.map(({ version, overDigest, message }) => ({
      kind: `${version} ${String(overDigest)}`,
      form: message.length === 32 ? '32 bytes' : Buffer.from(message.subarray(0, 4)).toString(),
    }));
    const forms = new Map(kinds.map(({ kind, form }) => [kind, form]));
    for (const { kind, form } of kinds) expect(form).toBe(forms.get(kind));
    expect([...forms]).toEqual([
      ['1 false', 'COFR'],
      ['1 true', '32 bytes'],
      ['2 false', 'coff'],
    ]);
  });
});

describe('decodeRecord', () => {
  const vector = the(written[0]);
  const whole = bytes(vector.bytes);

  it.each([
    ['another magic', concat(utf8('COFF'), whole.subarray(4))],
    ['version 0', asVersion(whole, 0)],
    ['a version that it does not know', asVersion(whole, 3)],
    ['no wraps', concat(encodeHeader(new Uint8Array(0), [], null), new Uint8Array(12 + 4))],
    [
      'more than one HMAC',
      concat(encodeHeader(new Uint8Array(0), wrapsOf(vector), null).fill(2, -1), new Uint8Array(100)),
    ],
    [
      'an unknown kind of HMAC in version 1',
      concat(asVersion(encodeHeader(new Uint8Array(0), wrapsOf(vector), null), 1).fill(3, -1), new Uint8Array(100)),
    ],
  ])('refuses %s', (_, malformed) => {
    expect(thrown(() => decodeRecord(malformed))).toBeInstanceOf(MalformedBytes);
  });

  it('throws nothing but MalformedBytes on any bytes', () => {
    const beginning = fc.constantFrom('', '434f4652', '434f465201', '434f465201000001', '434f465202000001');
    fc.assert(
      fc.property(beginning, fc.uint8Array({ maxLength: 200 }), (start, rest) => {
        const error = thrown(() => decodeRecord(concat(bytes(start), rest)));
        if (error !== null) expect(error).toBeInstanceOf(MalformedBytes);
      }),
    );
  });

  it('takes apart what the codec put together', () => {
    fc.assert(
      fc.property(
        context,
        fc.array(wrap, { minLength: 1, maxLength: 4 }),
        fc.option(stanza),
        mac,
        fc.uint8Array(),
        fc.string(),
        (...[aContext, wraps, aStanza, aMac, body, place]) => {
          const key = new Uint8Array(32).fill(7);
          const authenticated = encodeBody(encodeHeader(aContext, wraps, aStanza), key, place, body);
          const record = decodeRecord(aStanza === null ? authenticated : appendMac(authenticated, aMac));
          expect(record).toMatchObject({
            context: aContext,
            wraps,
            macStanza: aStanza,
            authenticated,
            mac: aStanza === null ? new Uint8Array(0) : aMac,
          });
          expect(decryptBody(record, key, place)).toEqual(body);
        },
      ),
    );
  });
});

function asVersion(record: Uint8Array, version: number): Uint8Array {
  return record.map((byte, at) => (at === 4 ? version : byte));
}

const label = fc.string({ unit: 'grapheme', maxLength: 20 });
const mechanism = fc.nat({ max: 0xffff_ffff });
const keyId = fc.uint8Array({ maxLength: 255 });
const context = fc.uint8Array({ maxLength: 300 });
const mac = fc.uint8Array({ maxLength: 64 });
const wrap: fc.Arbitrary<Wrap> = fc.record({
  seal: label,
  mechanism,
  keyLabel: label,
  keyId,
  parameters: fc.uint8Array({ maxLength: 300 }),
  ciphertext: fc.uint8Array({ maxLength: 300 }),
});
const stanza: fc.Arbitrary<MacStanza> = fc.record({ seal: label, mechanism, keyLabel: label, keyId });
