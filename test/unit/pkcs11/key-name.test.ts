import { describe, expect, it } from 'vitest';
import { describeName, isNamed } from '../../../src/pkcs11/index.ts';

const id = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const key = (label: string, hex: string) => ({ label, id: id(hex) });

describe('isNamed', () => {
  it.each([
    [key('a', '01'), { label: 'a', id: null }, true],
    [key('a', '01'), { label: null, id: id('01') }, true],
    [key('a', '01'), { label: 'a', id: id('01') }, true],
    [key('a', '02'), { label: 'a', id: id('01') }, false],
    [key('b', '01'), { label: 'a', id: id('01') }, false],
    [key('a', ''), { label: 'a', id: id('01') }, false],
    [key('A', '01'), { label: 'a', id: null }, false],
    [key('a\n', '01'), { label: 'a', id: null }, false],
  ])('compares label and id, each where the reference has it: %o, %o', (one, reference, expected) => {
    expect(isNamed(one, reference)).toBe(expected);
  });

  it('leaves padding aside on both sides: blanks and NULs at the end of a label, zero bytes before an id', () => {
    for (const label of ['a   ', 'a\0\0', 'a \0']) {
      expect(isNamed(key(label, '01'), { label: 'a', id: null })).toBe(true);
      expect(isNamed(key('a', '01'), { label, id: null })).toBe(true);
    }
    expect(isNamed(key(' a', '01'), { label: 'a', id: null })).toBe(false);
    expect(isNamed(key('a', '0001'), { label: null, id: id('01') })).toBe(true);
    expect(isNamed(key('a', '01'), { label: null, id: id('000001') })).toBe(true);
    expect(isNamed(key('a', '0100'), { label: null, id: id('01') })).toBe(false);
  });

  it('tells an id of zeros from none', () => {
    expect(isNamed(key('a', '0000'), { label: null, id: id('00') })).toBe(true);
    expect(isNamed(key('a', ''), { label: null, id: id('00') })).toBe(false);
    expect(isNamed(key('a', '00'), { label: null, id: id('') })).toBe(false);
  });
});

describe('describeName', () => {
  it('shows what a terminal would obey', () => {
    expect(describeName(key('a\x1b[0m\u202e\u0085', '01ab'))).toBe('label "a\\x1b[0m\\u202e\\x85" and id 01ab');
    expect(describeName({ label: null, id: id('') })).toBe('id (none)');
  });
});
