import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../../src/bytes.ts';
import { decodeStoreHeader, encodeStoreHeader } from '../../../../src/core/unsealed/header.ts';
import { IntegrityError } from '../../../../src/errors.ts';
import { bytes, readVectors, the, thrown, withOtherLength } from '../../../support/vectors.ts';

interface Vector {
  readonly name: string;
  readonly store_id: string;
  readonly created: number;
  readonly recovery_shares: number;
  readonly recovery_threshold: number;
  readonly bytes: string;
}

const { cases } = readVectors('identity') as { cases: Vector[] };

describe('the store context', () => {
  it.each(cases)('$name', (vector) => {
    const identity = {
      storeId: vector.store_id,
      created: vector.created,
      recoveryShares: vector.recovery_shares,
      recoveryThreshold: vector.recovery_threshold,
    };
    expect(hex(encodeStoreHeader(identity))).toBe(vector.bytes);
    expect(decodeStoreHeader(bytes(vector.bytes))).toEqual(identity);
  });

  it('cannot be cut short or made longer', () => {
    for (const other of withOtherLength(bytes(the(cases[0]).bytes)))
      expect(thrown(() => decodeStoreHeader(other))).toBeInstanceOf(IntegrityError);
  });

  it('refuses a version that it does not know', () => {
    expect(thrown(() => decodeStoreHeader(bytes(the(cases[0]).bytes).fill(2, 0, 1)))).toBeInstanceOf(IntegrityError);
  });

  it('throws nothing but IntegrityError on any bytes', () => {
    const tail = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(fc.constantFrom('', '01', '0100', '0104'), tail, (start, rest) => {
        const error = thrown(() => decodeStoreHeader(Uint8Array.of(...bytes(start), ...rest)));
        if (error !== null) expect(error).toBeInstanceOf(IntegrityError);
      }),
    );
  });

  it('round-trips', () => {
    const byte = fc.nat({ max: 255 });
    const identity = fc.record({
      storeId: fc.string({ maxLength: 60 }),
      created: fc.maxSafeNat(),
      recoveryShares: byte,
      recoveryThreshold: byte,
    });
    fc.assert(
      fc.property(identity, (one) => {
        expect(decodeStoreHeader(encodeStoreHeader(one))).toEqual(one);
      }),
    );
  });
});
