import { describe, expect, it } from 'vitest';
import { readYaml } from '../../../src/cli/read-yaml.ts';
import { UsageError } from '../../../src/errors.ts';
import { stringifyJson } from '../../../src/json.ts';

const json = (text: string): string => stringifyJson(readYaml(text, 'it'));

function refused(text: string): string {
  try {
    return json(text);
  } catch (error) {
    if (error instanceof UsageError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('YAML that is read', () => {
  it('is what JSON has', () => {
    expect(json('user: ada\nports: [1, 2]\ndeep:\n  - a: null\n    b: ~\n    c:\n    d: True\n')).toBe(
      '{"user":"ada","ports":[1,2],"deep":[{"a":null,"b":null,"c":null,"d":true}]}',
    );
  });

  it('keeps the digits of a number', () => {
    expect(json('[12345678901234567890, 1.10, -0, 1.5e+400]')).toBe('[12345678901234567890,1.10,-0,1.5e+400]');
  });

  it('is JSON where it is that', () => {
    expect(json('\n{"a": [1e400, 12e4567], "b": "\\/"}')).toBe('{"a":[1e400,12e4567],"b":"/"}');
    expect(json('{a: 12e4567}')).toBe('{"a":"12e4567"}');
  });

  it.each([
    ...['yes', 'no', 'on', 'Off', 'y', '0123', '0x1F', '0o17', '1_000', '+49', '.5', '1.', '12:30:45', '2024-01-01'],
    ...['.inf', '.nan', '=', '1,000', 'TRUEish', '12e4567', '1E3', '1e+3', '1.5e3'],
  ])('has %s for text, about which readers differ', (text) => {
    expect(readYaml(`a: ${text}`, 'it')).toEqual({ a: text });
  });

  it('has quoted text as it is, and a tag that says so', () => {
    expect(json(`{a: "1", b: 'yes', c: !!str 12, "d": "x\\ty"}`)).toBe('{"a":"1","b":"yes","c":"12","d":"x\\ty"}');
  });

  it('has blocks, folds, anchors and merges', () => {
    expect(json('a: |\n  x\n  y\nb: >-\n  x\n  y\n')).toBe('{"a":"x\\ny\\n","b":"x y"}');
    expect(json('a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  l: 3\n')).toBe(
      '{"a":{"k":1,"l":2},"b":{"k":1,"l":2},"c":{"k":1,"l":3}}',
    );
    expect(json('"<<": a')).toBe('{"<<":"a"}');
  });

  it('has keys as they are written', () => {
    expect(json('1: a\n0123: b\n__proto__: c\nyes: d\n')).toBe('{"1":"a","0123":"b","__proto__":"c","yes":"d"}');
  });

  it.each([
    ['a: 1\na: 2\n', 'it is not YAML (line 2): a key is given twice'],
    ['1: a\n"1": b\n', 'it is not YAML: a key is given twice'],
    ['a: 1\n---\nb: 2\n', 'it is not YAML (line 2): it is more than one document'],
    ['a: !!binary aGk=\n', 'it is not YAML: it has a tag that stands for no JSON value'],
    ['a: !secret hunter2\n', 'it is not YAML (line 1): it has a tag that stands for no JSON value'],
    ['a: b\n  hunter2: d\n', 'it is not YAML (line 1)'],
    ['a: [hunter2\n', 'it is not YAML (line 2)'],
    ['a: *hunter2\n', 'it is not YAML: its aliases cannot be followed'],
    ['a: {b: &x 1, <<: hunter2}\n', 'it is not YAML: its aliases cannot be followed'],
    ['? [a]\n: b\n', 'it is not YAML: it has a key that is no text'],
    ['true: b\n', 'it is not YAML: it has a key that is no text'],
  ])('is refused without a word of it: %j', (text, message) => {
    expect(refused(text)).toBe(`bad_data: ${message}`);
  });

  it('is refused where its aliases multiply', () => {
    const lines = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(9)}]`);
    expect(refused(`a0: &a0 x\n${lines.join('\n')}\n`)).toBe(
      'bad_data: it is not YAML: its aliases cannot be followed',
    );
  });
});
