import { describe, expect, it } from 'vitest';
import { type ExposureAttributes, exposuresOf } from '../../../src/pkcs11/index.ts';

const SAFE: ExposureAttributes = {
  private: true,
  extractable: false,
  sensitive: true,
  never_extractable: true,
  always_sensitive: true,
  local: true,
};
const UNKNOWN: ExposureAttributes = {
  private: null,
  extractable: null,
  sensitive: null,
  never_extractable: null,
  always_sensitive: null,
  local: null,
};

describe('what is unsafe about a key', () => {
  for (const [what, attributes, expected] of [
    ['nothing, of one that was made as coffer makes it', {}, []],
    ['that it is used without a PIN', { private: false }, ['public']],
    ['that it can leave', { extractable: true, never_extractable: false }, ['extractable']],
    ['that it can be read', { sensitive: false, always_sensitive: false }, ['readable']],
    ['that it could leave once', { never_extractable: false }, ['once extractable']],
    ['that it could be read once', { always_sensitive: false }, ['once readable']],
    [
      'that it came from outside, which says all of its past',
      { local: false, never_extractable: false, always_sensitive: false },
      ['imported'],
    ],
    [
      'everything',
      {
        private: false,
        extractable: true,
        sensitive: false,
        never_extractable: false,
        always_sensitive: false,
        local: false,
      },
      ['public', 'extractable', 'readable', 'imported'],
    ],
    [
      'not that it came from outside, where the token says at once that it never left',
      { local: false, never_extractable: true, always_sensitive: true },
      [],
    ],
  ] as const) {
    it(`is ${what}`, () => {
      expect(exposuresOf({ class: 'secret', attributes: { ...SAFE, ...attributes } })).toEqual(expected);
      expect(exposuresOf({ class: 'private', attributes: { ...UNKNOWN, ...attributes } })).toEqual(expected);
      expect(exposuresOf({ class: 'public', attributes: { ...SAFE, ...attributes } })).toEqual([]);
    });
  }

  it('is not guessed where the token does not tell', () => {
    expect(exposuresOf({ class: 'secret', attributes: UNKNOWN })).toEqual([]);
  });
});
