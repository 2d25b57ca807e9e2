import { describe, expect, it } from 'vitest';
import { hex } from '../../../../src/bytes.ts';
import { decodeMounts, encodeMounts, type Mount } from '../../../../src/core/mounts/table.ts';
import { IntegrityError } from '../../../../src/errors.ts';
import { bytes, readVectors, thrown } from '../../../support/vectors.ts';

const { cases } = readVectors('mounts') as { cases: { name: string; mounts: Mount[]; bytes: string }[] };

describe('the mount table', () => {
  it.each(cases)('$name', ({ mounts, bytes: stored }) => {
    expect(hex(encodeMounts(mounts))).toBe(stored);
    expect(decodeMounts(bytes(stored))).toEqual(mounts);
  });

  it('refuses a version that it does not know', () => {
    expect(thrown(() => decodeMounts(new TextEncoder().encode('{"version":2,"mounts":[]}')))).toBeInstanceOf(
      IntegrityError,
    );
  });
});
