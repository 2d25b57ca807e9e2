import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../../src/bytes.ts';
import { decodeUsage, encodeUsage } from '../../../../src/core/unsealed/usage.ts';
import { IntegrityError } from '../../../../src/errors.ts';
import { bytes, readVectors, thrown, withOneBitChanged, withOtherLength } from '../../../support/vectors.ts';

interface Vectors {
  readonly root_key: string;
  readonly cases: readonly { name: string; term: number; encryptions: number; bytes: string }[];
}

const { root_key: rootKeyHex, cases } = readVectors('usage') as Vectors;
const rootKey = bytes(rootKeyHex);

describe.each(cases)('the count of encryptions $name', ({ term, encryptions, bytes: stored }) => {
  const whole = bytes(stored);

  it('has the bytes of the vector', () => {
    expect(hex(encodeUsage({ term, encryptions }, rootKey))).toBe(stored);
    expect(decodeUsage(whole, rootKey)).toEqual({ term, encryptions });
  });

  it('is refused with another root key, any bit changed and another length', () => {
    expect(thrown(() => decodeUsage(whole, new Uint8Array(32)))).toBeInstanceOf(IntegrityError);
    for (const changed of withOneBitChanged(whole))
      expect(thrown(() => decodeUsage(changed, rootKey))).toBeInstanceOf(IntegrityError);
    for (const other of withOtherLength(whole))
      expect(thrown(() => decodeUsage(other, rootKey))).toBeInstanceOf(IntegrityError);
  });
});

describe('the count of encryptions', () => {
  it('is refused when it is not there', () => {
    expect(thrown(() => decodeUsage(null, rootKey))).toBeInstanceOf(IntegrityError);
  });

  it('throws nothing but IntegrityError on any bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom('', '01'), fc.uint8Array({ maxLength: 60 }), (start, rest) => {
        expect(thrown(() => decodeUsage(Uint8Array.of(...bytes(start), ...rest), rootKey))).toBeInstanceOf(
          IntegrityError,
        );
      }),
    );
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(fc.record({ term: fc.nat({ max: 0xffff_ffff }), encryptions: fc.maxSafeNat() }), (usage) => {
        expect(decodeUsage(encodeUsage(usage, rootKey), rootKey)).toEqual(usage);
      }),
    );
  });
});
