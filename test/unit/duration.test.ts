import { describe, expect, it } from 'vitest';
import { shortDuration, formatDuration } from '../../src/duration.ts';

describe('a duration', () => {
  it.each([
    [0, '0s', '0s'],
    [1, '1s', '1s'],
    [60, '1m0s', '1m'],
    [61, '1m1s', '1m1s'],
    [3600, '1h0m0s', '1h'],
    [3605, '1h0m5s', '1h5s'],
    [5400, '1h30m0s', '1h30m'],
    [36_000, '10h0m0s', '10h'],
    [2_764_800, '768h0m0s', '768h'],
    [-60, '-1m0s', '-1m'],
  ])('of %i seconds is %s, and %s in a table', (seconds, whole, brief) => {
    expect(formatDuration(seconds * 1000)).toBe(whole);
    expect(shortDuration(seconds * 1000)).toBe(brief);
  });
});
