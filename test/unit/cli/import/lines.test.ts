import { describe, expect, it } from 'vitest';
import { linesOf, LONGEST_LINE, MOST_BYTES, textOf } from '../../../../src/cli/import/lines.ts';
import type { Source } from '../../../../src/cli/import/source.ts';

const PART = Buffer.alloc(1 << 18, ' ');

/** A source of that many bytes: a short line, and blanks. @param told how many parts were asked for */
function source(bytes: number, told: (parts: number) => void = () => undefined): Source {
  const first = Buffer.from('first\n');
  return {
    name: 'in',
    size: first.length + bytes,
    hasLines: true,
    *read() {
      yield first;
      for (let sent = 0, parts = 1; sent < bytes; sent += PART.length, parts++) {
        told(parts);
        yield PART.subarray(0, bytes - sent);
      }
    },
  };
}

describe('a line', () => {
  it('may have 256 MiB', () => {
    const lengths = [...linesOf(source(LONGEST_LINE))].map(({ text }) => text.length);
    expect(lengths).toEqual([5, 1 << 28]);
  });

  it('of more is refused before all of it is read', () => {
    let parts = 0;
    const read = (): unknown => [...linesOf(source(4 * LONGEST_LINE, (count) => (parts = count)))];
    expect(read).toThrow('in (line 2) has more than 256 MiB');
    expect(parts).toBe(LONGEST_LINE / PART.length + 1);
  });
});

describe('what is not read line by line', () => {
  it('may have 64 MiB, and no more of it is read', () => {
    let parts = 0;
    expect(textOf(source(MOST_BYTES - 6))).toHaveLength(1 << 26);
    expect(() => textOf(source(4 * MOST_BYTES, (count) => (parts = count)))).toThrow('in has more than 64 MiB');
    expect(parts).toBe(MOST_BYTES / PART.length);
  });
});
