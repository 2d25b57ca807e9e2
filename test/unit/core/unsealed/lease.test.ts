import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../../src/bytes.ts';
import { authenticateLease, decodeLease, encodeLease } from '../../../../src/core/unsealed/lease.ts';
import { IntegrityError } from '../../../../src/errors.ts';
import { bytes, readVectors, thrown, withOneBitChanged, withOtherLength } from '../../../support/vectors.ts';

interface Vectors {
  readonly root_key: string;
  readonly cases: readonly {
    name: string;
    boot_id: string;
    store_id: string;
    created: number;
    ends: number;
    user: string;
    bytes: string;
  }[];
}

const { root_key: rootKeyHex, cases } = readVectors('lease') as Vectors;
const rootKey = bytes(rootKeyHex);

describe.each(cases)('the lease $name', (vector) => {
  const lease = {
    bootId: vector.boot_id,
    storeId: vector.store_id,
    created: vector.created,
    ends: vector.ends === 0 ? null : vector.ends,
    user: vector.user,
  };
  const whole = bytes(vector.bytes);
  const check = (stored: Uint8Array, key = rootKey, storeId = vector.store_id): void =>
    authenticateLease(stored, key, storeId);

  it('has the bytes of the vector', () => {
    expect(hex(encodeLease(lease, rootKey))).toBe(vector.bytes);
    expect(decodeLease(whole)).toEqual(lease);
    expect(thrown(() => check(whole))).toBeNull();
  });

  it('is refused for another root key and another store', () => {
    expect(thrown(() => check(whole, new Uint8Array(32)))).toBeInstanceOf(IntegrityError);
    expect(thrown(() => check(whole, rootKey, `${vector.store_id}0`))).toBeInstanceOf(IntegrityError);
  });

  it('is refused with any bit changed and with another length', () => {
    for (const changed of withOneBitChanged(whole)) expect(thrown(() => check(changed))).toBeInstanceOf(IntegrityError);
    for (const other of withOtherLength(whole)) expect(thrown(() => decodeLease(other))).toBeInstanceOf(IntegrityError);
    for (const other of withOtherLength(whole)) expect(thrown(() => check(other))).toBeInstanceOf(IntegrityError);
  });
});

describe('a lease', () => {
  it('throws nothing but IntegrityError on any bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom('', '01', '010000'), fc.uint8Array({ maxLength: 120 }), (start, rest) => {
        const error = thrown(() => decodeLease(Uint8Array.of(...bytes(start), ...rest)));
        if (error !== null) expect(error).toBeInstanceOf(IntegrityError);
      }),
    );
  });

  it('round-trips', () => {
    const text = fc.string({ maxLength: 60 });
    const ends = fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
    fc.assert(
      fc.property(fc.record({ bootId: text, storeId: text, created: fc.maxSafeNat(), ends, user: text }), (lease) => {
        const stored = encodeLease(lease, rootKey);
        authenticateLease(stored, rootKey, lease.storeId);
        expect(decodeLease(stored)).toEqual(lease);
      }),
    );
  });
});
