import { describe, expect, it } from 'vitest';
import { numberToUlong, ulongToNumber } from '../../../src/pkcs11/ulong.ts';

describe('CK_ULONG', () => {
  it.each([4, 8] as const)('of %i bytes goes there and back', (size) => {
    for (const value of [0, 1, 255, 256, 0x1a2b3c4d, 0xffff_ffff]) {
      const bytes = numberToUlong(value, size);
      expect(bytes).toHaveLength(size);
      expect(ulongToNumber(bytes)).toBe(value);
    }
  });

  it("is in the machine's own order, wherever it lies in its buffer", () => {
    const pool = Buffer.from(new BigUint64Array([0n, 0x0102n]).buffer);
    expect(ulongToNumber(Buffer.concat([Buffer.from([9, 9, 9]), pool.subarray(8)]).subarray(3))).toBe(0x0102);
  });
});
