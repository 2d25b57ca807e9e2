import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isNoSuchFile, systemErrorCode } from '../../src/errors.ts';

describe('systemErrorCode', () => {
  it('reads the code of what the system says, and of nothing else', () => {
    const thrown = caught(() => readFileSync('/nowhere/at/all'));
    expect(systemErrorCode(thrown)).toBe('ENOENT');
    expect(systemErrorCode(Object.assign(new Error(), { code: 6 }))).toBeNull();
    expect(systemErrorCode({ code: 'ENOENT' })).toBeNull();
    expect(systemErrorCode(new Error('ENOENT'))).toBeNull();
  });
});

describe('isNoSuchFile', () => {
  it('is for a file and for a folder on the way that are not there', () => {
    expect(isNoSuchFile(caught(() => readFileSync('/nowhere/at/all')))).toBe(true);
    expect(isNoSuchFile(caught(() => readFileSync(new URL('file', `${import.meta.url}/`))))).toBe(true);
    expect(isNoSuchFile(caught(() => readFileSync('/')))).toBe(false);
    expect(isNoSuchFile(null)).toBe(false);
  });
});

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
