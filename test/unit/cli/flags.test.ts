import { describe, expect, it } from 'vitest';
import type { Flags } from '../../../src/cli/command.ts';
import { readValues } from '../../../src/cli/flags.ts';
import { UsageError } from '../../../src/errors.ts';

const FLAGS = {
  cas: { kind: 'integer', notGiven: ['-1'], help: '' },
  version: { kind: 'text', notGiven: ['0', '-1'], help: '' },
  limit: { kind: 'integer', help: '' },
} as const satisfies Flags;

function values(...given: (readonly [string, readonly string[]])[]): object {
  return readValues(FLAGS, new Map(given));
}

describe("a value that is the default in Vault's help", () => {
  it.each([
    ['cas', ['-1'], null],
    ['cas', ['0'], 0],
    ['cas', ['3', '-1'], null],
    ['cas', ['-1', '3'], 3],
    ['version', ['0'], null],
    ['version', ['-1'], null],
    ['version', [''], ''],
    ['version', ['2'], '2'],
  ])('-%s with %j is %j: the last counts', (name, given, value) => {
    expect(values([name, given])).toMatchObject({ [name]: value });
  });

  it('means nothing to other flags', () => {
    expect(() => values(['limit', ['-1']])).toThrow(UsageError);
    expect(() => values(['cas', ['-2']])).toThrow(UsageError);
    expect(values()).toEqual({ cas: null, version: null, limit: null });
  });
});
