import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Barrier, type Keyring } from '../../../src/barrier/index.ts';
import { hex } from '../../../src/bytes.ts';
import { IntegrityError } from '../../../src/errors.ts';
import { bytes, readVectors, thrown, withOneBitChanged, withOtherLength } from '../../support/vectors.ts';

interface Vectors {
  readonly terms: readonly { number: number; created: number; key: string }[];
  readonly path_key: string;
  readonly cases: readonly { name: string; term: number; iv: string; path: string; plaintext: string; bytes: string }[];
}

const { terms, path_key: pathKey, cases } = readVectors('barrier') as Vectors;
const keyring: Keyring = {
  terms: terms.map(({ number, created, key }) => ({ number, created, key: bytes(key) })),
  pathKey: bytes(pathKey),
  recovery: { shares: 0, threshold: 0, verifier: null },
  hsmKeys: [],
  treeKey: null,
};
const open = (path: string, value: Uint8Array): Uint8Array => new Barrier(keyring).decrypt(path, value, 'the vector');

describe.each(cases)('the barrier value of $name', (vector) => {
  const whole = bytes(vector.bytes);

  it('opens at its path', () => {
    expect(hex(open(vector.path, whole))).toBe(vector.plaintext);
  });

  it('opens nowhere else', () => {
    expect(thrown(() => open(`${vector.path}x`, whole))).toBeInstanceOf(IntegrityError);
  });

  it('notices every changed bit and every other length', () => {
    for (const changed of withOneBitChanged(whole))
      expect(thrown(() => open(vector.path, changed))).toBeInstanceOf(IntegrityError);
    for (const other of withOtherLength(whole))
      expect(thrown(() => open(vector.path, other))).toBeInstanceOf(IntegrityError);
  });

  it('is what the barrier writes, but for the IV and what follows from it', () => {
    const written = new Barrier({
      ...keyring,
      terms: keyring.terms.filter(({ number }) => number <= vector.term),
    }).encrypt(vector.path, bytes(vector.plaintext));
    expect(hex(written.subarray(0, 5))).toBe(hex(whole.subarray(0, 5)));
    expect(hex(whole.subarray(5, 17))).toBe(vector.iv);
    expect(written).toHaveLength(whole.length);
    expect(hex(open(vector.path, written))).toBe(vector.plaintext);
  });
});

describe('a barrier value', () => {
  it('throws nothing but IntegrityError on any bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom('', '01', '0100000001'), fc.uint8Array({ maxLength: 100 }), (start, rest) => {
        expect(thrown(() => open('data/x', Uint8Array.of(...bytes(start), ...rest)))).toBeInstanceOf(IntegrityError);
      }),
    );
  });

  it('round-trips, never with the same bytes', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (path, plaintext) => {
        const barrier = new Barrier(keyring);
        const value = barrier.encrypt(path, plaintext);
        expect(barrier.decrypt(path, value, '')).toEqual(plaintext);
        expect(barrier.encrypt(path, plaintext)).not.toEqual(value);
        expect(barrier.encryptions).toBe(2);
      }),
    );
  });
});
