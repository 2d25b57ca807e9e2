import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import { combineRecoveryShares, recoveryVerifier, splitRecoveryKey } from '../../../src/seal/recovery.ts';
import { bytes, readVectors, the } from '../../support/vectors.ts';

interface Vector {
  readonly name: string;
  readonly threshold: number;
  readonly shares: readonly string[];
  readonly key: string;
  readonly verifier: string;
}

const { cases } = readVectors('recovery') as { cases: Vector[] };

/** Every choice of `size` of `items`. */
function choices<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, at) => choices(items.slice(at + 1), size - 1).map((rest) => [item, ...rest]));
}

describe.each(cases)('recovery shares: $name', ({ threshold, shares, key, verifier }) => {
  it('make the key from any of them that are enough, in any order', async () => {
    for (const some of choices(shares, threshold)) {
      expect(hex(await combineRecoveryShares(some.map(bytes)))).toBe(key);
      expect(hex(await combineRecoveryShares(some.toReversed().map(bytes)))).toBe(key);
    }
  });

  it('make the key from more than are needed', async () => {
    expect(hex(await combineRecoveryShares(shares.map(bytes)))).toBe(key);
  });

  it('have the verifier of the vector', () => {
    expect(hex(recoveryVerifier(bytes(key)))).toBe(verifier);
  });
});

describe('splitRecoveryKey', () => {
  it('gives shares of 33 bytes with different last bytes, and enough of them make the key', async () => {
    const counts = fc
      .integer({ min: 2, max: 8 })
      .chain((shares) => fc.record({ shares: fc.constant(shares), threshold: fc.integer({ min: 2, max: shares }) }));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), counts, async (key, { shares, threshold }) => {
        const made = await splitRecoveryKey(key, { shares, threshold });
        expect(made.map(({ length }) => length)).toEqual(Array<number>(shares).fill(33));
        expect(new Set(made.map((share) => share.at(-1))).size).toBe(shares);
        expect(await combineRecoveryShares(made.slice(shares - threshold))).toEqual(key);
        if (threshold > 2) expect(await combineRecoveryShares(made.slice(0, threshold - 1))).not.toEqual(key);
      }),
      { numRuns: 30 },
    );
  });

  it('gives the key itself as the only share', async () => {
    const key = bytes(the(cases[0]).key);
    const [share, ...others] = await splitRecoveryKey(key, { shares: 1, threshold: 1 });
    expect(others).toEqual([]);
    expect(share).toEqual(key);
    expect(share).not.toBe(key);
  });

  it('gives 255 shares', async () => {
    const shares = await splitRecoveryKey(bytes(the(cases[0]).key), { shares: 255, threshold: 255 });
    expect(new Set(shares.map((share) => share.at(-1))).size).toBe(255);
    expect(hex(await combineRecoveryShares(shares))).toBe(the(cases[0]).key);
  });
});
