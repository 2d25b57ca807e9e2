import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CofferError,
  hasCode,
  HsmError,
  isNoSuchFile,
  StoreError,
  systemErrorCode,
  systemErrorText,
} from '../../src/errors.ts';

describe('hasCode', () => {
  it('asks for the class and for one of the codes', () => {
    const error: unknown = new HsmError('key_exists', 'message');
    expect(hasCode(error, HsmError, 'key_not_found', 'key_exists')).toBe(true);
    expect(hasCode(error, CofferError, 'key_exists')).toBe(true);
    expect(hasCode(error, HsmError, 'key_not_found')).toBe(false);
    expect(hasCode(error, StoreError, 'key_exists')).toBe(false);
    expect(hasCode(Object.assign(new Error(), { code: 'key_exists' }), CofferError, 'key_exists')).toBe(false);
  });
});

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

describe('systemErrorText', () => {
  it('says in words what the system said, without the path', () => {
    const thrown = (path: string): unknown => {
      try {
        readFileSync(path);
        return null;
      } catch (error) {
        return error;
      }
    };
    expect(systemErrorText(thrown('/nowhere, at all'))).toBe('no such file or directory');
    expect(systemErrorText(thrown('/'))).toBe('illegal operation on a directory');
    expect(systemErrorText(Object.assign(new Error('strange'), { code: 'ESTRANGE' }))).toBe('ESTRANGE');
    expect(systemErrorText('strange')).toBe('unknown error');
  });
});
