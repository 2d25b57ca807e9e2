import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transferOf } from '../../../src/engines/transfer-of.ts';
import { parseTimestamp, timestamp } from '../../../src/engines/engine.ts';
import { mount } from './kv/support.ts';

/** No times, though the parser of the runtime makes one of most of them. */
const NONE = [
  '2026-02-30T00:00:00Z',
  '2026-02-29T00:00:00Z',
  '2100-02-29T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-32T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:60:00Z',
  '2026-01-01T23:59:60Z',
  '2026-01-01T00:00:00+24:00',
  '2026-01-01T00:00:00+00:60',
  '2026-01-01T00:00:00+0100',
  '2026-01-01T00:00:00',
  '2026-01-01T00:00Z',
  '2026-01-01 00:00:00Z',
  '2026-01-01T00:00:00,5Z',
  '2026-01-01T00:00:00.Z',
  '+002026-01-01T00:00:00Z',
  '2026-01-01T00:00:00Z ',
  '2026-01-01',
  '1767225600',
  '',
  // Before what is counted from, and in a year of five digits.
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00+00:01',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59-00:01',
];

describe('a time in RFC 3339', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['1969-12-31T23:00:00-01:00', 0],
    ['2024-02-29T23:59:59.9999999Z', Date.UTC(2024, 1, 29, 23, 59, 59, 999)],
    ['2000-02-29T00:00:00+23:59', Date.UTC(2000, 1, 28, 0, 1)],
    ['2026-01-31t08:00:00.5z', Date.UTC(2026, 0, 31, 8, 0, 0, 500)],
    ['2026-12-31T23:59:59.1-14:00', Date.UTC(2027, 0, 1, 13, 59, 59, 100)],
    ['9999-12-31T23:59:59.999999999Z', Date.UTC(10_000, 0) - 1],
  ])('is read: %s', (text, milliseconds) => {
    expect(parseTimestamp(text)).toBe(milliseconds);
  });

  it.each(NONE)('is not %j', (text) => {
    expect(parseTimestamp(text)).toBeNull();
  });

  it('is read again as it was printed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(10_000, 0) - 1 }), (milliseconds) => {
        expect(parseTimestamp(timestamp(milliseconds))).toBe(milliseconds);
      }),
    );
  });

  it('is what each time of a secret must be that comes with its versions', async () => {
    const { plan } = transferOf({ type: 'kv', options: { version: '2' } }, mount('2').context);
    const good = '2026-01-31T08:00:00Z';
    const plans = (times: { created?: string; updated?: string; version?: string; deletion?: string }) =>
      plan(
        'app',
        {
          data: null,
          metadata: {
            created_time: times.created ?? good,
            updated_time: times.updated ?? good,
            current_version: 1,
            oldest_version: 0,
            versions: {
              1: { created_time: times.version ?? good, deletion_time: times.deletion ?? '', destroyed: false },
            },
          },
          versions: { 1: { a: 'b' } },
        },
        null,
      );
    expect(await plans({})).toMatchObject({ change: 'new' });
    for (const bad of ['2026-02-30T00:00:00Z', '9999-12-31T23:59:59-23:59'])
      for (const [name, of] of [
        ['created', 'created_time'],
        ['updated', 'updated_time'],
        ['version', 'created_time'],
        ['deletion', 'deletion_time'],
      ] as const)
        await expect(plans({ [name]: bad })).rejects.toMatchObject({
          code: 'bad_data',
          message: `${of} is no time since 1970 such as 2026-01-31T08:00:00Z`,
        });
  });
});
