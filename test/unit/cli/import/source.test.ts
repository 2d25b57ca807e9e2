import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Source, withSource } from '../../../../src/cli/import/source.ts';

const PART = 1 << 18;
const CHANGED = /has changed while it was imported/;

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'coffer-source-'));
  path = join(dir, 'file');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** What is given out, also where it ends with an error. */
function given(source: Source, at: (part: number) => void = () => undefined): { parts: Buffer; error: unknown } {
  const parts: Uint8Array[] = [];
  try {
    for (const part of source.read()) {
      parts.push(Buffer.from(part));
      at(parts.length);
    }
  } catch (error) {
    return { parts: Buffer.concat(parts), error };
  }
  return { parts: Buffer.concat(parts), error: null };
}

/** Another content of the same length, with the time of the last one. */
function hideChange(content: Uint8Array): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, content);
  utimesSync(path, atime, mtime);
}

describe('a file that is read to be checked and to be written', () => {
  const whole = Buffer.alloc(2 * PART + 1000, 'a');
  beforeEach(() => {
    writeFileSync(path, whole);
    utimesSync(path, 1_700_000_000, 1_700_000_000);
  });

  it('is given out whole each time, also after a look at its beginning', async () => {
    await withSource(path, async (source) => {
      expect(source.size).toBe(whole.length);
      source.read().next();
      for (let time = 0; time < 3; time++) {
        const { parts, error } = given(source);
        expect(error).toBeNull();
        expect(parts.equals(whole)).toBe(true);
      }
    });
  });

  it.each([
    ['was appended to', () => appendFileSync(path, 'b')],
    ['was cut', () => truncateSync(path, PART)],
    ['was written anew', () => writeFileSync(path, whole)],
  ])('is not given out at all where it %s after the check', async (_what, change) => {
    await withSource(path, async (source) => {
      given(source);
      change();
      const { parts, error } = given(source);
      expect(parts).toHaveLength(0);
      expect(error).toMatchObject({ code: 'bad_data', message: expect.stringMatching(CHANGED) as string });
    });
  });

  it.each([0, 1, 2])('is given out as far as it is the same where its time hides a change of part %i', async (part) => {
    await withSource(path, async (source) => {
      given(source);
      const other = Buffer.from(whole);
      other[part * PART + 10] = 0;
      hideChange(other);
      const { parts, error } = given(source);
      expect(parts.equals(whole.subarray(0, part * PART))).toBe(true);
      expect(error).toMatchObject({ message: expect.stringMatching(CHANGED) as string });
    });
  });

  it.each([
    ['longer', Buffer.alloc(4 * PART, 'a'), 2 * PART],
    ['longer by parts', Buffer.concat([whole, Buffer.alloc(PART - 1000, 'a'), Buffer.from('more')]), 2 * PART],
    ['shorter', whole.subarray(0, PART), PART],
    ['empty', Buffer.alloc(0), PART],
  ])('is not given out beyond what was checked where it becomes %s under way', async (_what, other, most) => {
    await withSource(path, async (source) => {
      given(source);
      const { parts, error } = given(source, (count) => {
        if (count === 1) writeFileSync(path, other);
      });
      expect(parts.equals(whole.subarray(0, most))).toBe(true);
      expect(error).toMatchObject({ message: expect.stringMatching(CHANGED) as string });
    });
  });

  it('is known to be longer also where it ended with a whole part', async () => {
    writeFileSync(path, whole.subarray(0, PART));
    await withSource(path, async (source) => {
      given(source);
      const { parts, error } = given(source, (count) => {
        if (count === 1) appendFileSync(path, 'more');
      });
      expect(parts).toHaveLength(PART);
      expect(error).toMatchObject({ message: expect.stringMatching(CHANGED) as string });
    });
  });
});
