import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { yamlText } from '../../../src/cli/yaml.ts';
import { readYaml } from '../../../src/cli/read-yaml.ts';
import { type JsonObject, parseJson, stringifyJson } from '../../../src/json.ts';
import { hostileText } from '../../support/hostile.ts';

/** A reader of YAML that is a program of its own, and gives what it read as JSON. */
function program(command: string, ...args: readonly string[]): (text: string) => unknown {
  return (text) => {
    const { status, stdout, stderr } = spawnSync(command, args, { input: text, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as unknown;
  };
}

const PYTHON = 'import json, sys, yaml\njson.dump(yaml.safe_load(sys.stdin.buffer.read().decode()), sys.stdout)';
const RUBY = 'require "json"; require "yaml"; print JSON.generate(YAML.safe_load($stdin.read.force_encoding("UTF-8")))';
const isThere = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0;

const READERS: readonly (readonly [name: string, read: (text: string) => unknown, missing: string | null])[] = [
  ['a reader of YAML 1.1', (text) => parse(text, { version: '1.1', merge: true }) as unknown, null],
  ['a reader of YAML 1.2', (text) => parse(text) as unknown, null],
  ["coffer's own", (text) => JSON.parse(stringifyJson(readYaml(text, 'it'))) as unknown, null],
  ['PyYAML', program('python3', '-c', PYTHON), isThere('python3', '-c', 'import yaml') ? null : 'python3 has no yaml'],
  ['Ruby', program('ruby', '-e', RUBY), isThere('ruby', '-e', 'require "yaml"') ? null : 'there is no ruby'],
];

/** What one reader or another takes for no text, or for another one. */
const TRICKY = [
  ...[
    'y',
    'n',
    'Y',
    'N',
    'yes',
    'No',
    'ON',
    'off',
    'true',
    'False',
    'null',
    'Null',
    '~',
    '',
    ' ',
    'NaN',
    '.nan',
    '-.inf',
  ],
  ...[
    '1',
    '-1',
    '+1',
    '0',
    '00',
    '0123',
    '0o17',
    '0x1F',
    '0b1',
    '1_000',
    '1,000',
    '_1',
    '1.',
    '.5',
    '1e3',
    '1E-7',
    '1.5e+3',
  ],
  ...['12:30:45', '190:20:30.15', '2024-01-01', '2024-01-01T00:00:00Z', '2024-1-1 1:2:3', '10.0.0.1', '1.2.3'],
  ...[
    '=',
    '<<',
    ':symbol',
    ':',
    '- a',
    '-',
    '---',
    '...',
    '? a',
    '?',
    '!tag',
    '&anchor',
    '*alias',
    '%YAML',
    '@at',
    '`tick',
  ],
  ...['a: b', 'a:', 'a #b', '#b', '[a]', '{a: b}', 'a, b', "it's", '"quoted"', "'", '"', '\\', 'a\\nb', '|', '>', '|-'],
  ...[
    '\t',
    'a\tb',
    '\ta',
    'a\t',
    ' a',
    'a ',
    'a\u0085b',
    'a\u2028b',
    'a\u2029b',
    '\ufeffa',
    'a\ufeff',
    '\ufffe',
    'a\uffffb',
  ],
  ...[
    '\n',
    '\n\n',
    'a\n',
    'a\n\n',
    '\na',
    'a\nb',
    'a\n\nb\n',
    ' a\nb',
    'a \nb',
    'a\n b',
    'a\n\n b\n',
    'a\nb ',
    'a\rb',
    'a\r\nb',
  ],
  ...[
    'a\n---\nb',
    'a\n...\n',
    '# a\nb',
    'a\n# b\n',
    'a\n\tb',
    'ключ',
    '鍵',
    '😀',
    'e\u0301',
    '\u0301',
    '\u00a0',
    'a\u00a0',
  ],
  ...[
    'x'.repeat(2000),
    `${'word '.repeat(300)}end`,
    `${'long "line"\n'.repeat(100)}end`,
    '12345678-1234-1234-1234-123456789012',
  ],
];
const asObject: JsonObject = Object.fromEntries(TRICKY.map((text) => [text, { [text]: text, list: [text, [text]] }]));

describe.each(READERS)('to %s what coffer writes as YAML', (_, read, missing) => {
  it('is the same text, as key, as value and in lists', ({ skip }) => {
    if (missing !== null) skip(missing);
    expect(read(yamlText(asObject))).toEqual(asObject);
  });

  it('is the same text where it is all there is', ({ skip }) => {
    if (missing !== null) skip(missing);
    for (const text of ['yes', '', '---', '12:30', '\t', 'a\nb', 'a\n---\nb\n'])
      expect(read(yamlText(text)), JSON.stringify(text)).toBe(text);
  });

  it('is the same number, whatever way it was written', ({ skip }) => {
    if (missing !== null) skip(missing);
    const json = '{"list":[0,1,-5,1.10,1e3,1E-7,-1.5e+10,2E5,12345.678e-2,123456789012345]}';
    expect(read(yamlText(parseJson(json)))).toEqual(JSON.parse(json));
  });

  it('is null, true, false, and nothing in a list or an object', ({ skip }) => {
    if (missing !== null) skip(missing);
    const value = { list: [null, true, false, [], {}, [[]]], none: null, object: {} };
    expect(read(yamlText(value))).toEqual(value);
  });

  it('is the same, whatever it is', ({ skip }) => {
    if (missing !== null) skip(missing);
    const text = fc.oneof(
      hostileText({ wellFormed: true }),
      fc.constantFrom(...TRICKY),
      fc.string({ unit: 'binary', maxLength: 30 }),
    );
    const wellFormed = text.filter((one) => !/\p{Cs}/u.test(one));
    const values = fc.sample(fc.dictionary(wellFormed, fc.oneof(wellFormed, fc.array(wellFormed, { maxLength: 3 }))), {
      numRuns: 300,
      seed: 14,
    });
    expect(read(yamlText(values))).toEqual(JSON.parse(JSON.stringify(values)));
  });
});

describe('YAML', () => {
  it.each(['12345678901234567890', '-98765432109876543210', '0', '-0', '1.10', '0.1000000000000000055511151231257827'])(
    'keeps the digits of %s',
    (number) => {
      expect(yamlText(parseJson(`{"a":${number}}`))).toBe(`a: ${number}\n`);
    },
  );

  it('writes an exponent as both versions know it', () => {
    expect(yamlText(parseJson('[1e400,2.5E-3,-7E+9]'))).toBe('- 1.0e+400\n- 2.5e-3\n- -7.0e+9\n');
  });

  it('quotes what may be read as something else, and nothing else', () => {
    expect(yamlText({ a: 'yes', b: 'text', on: '12:30', path: '/etc/x', words: 'two words', at: 'a@b.c' })).toBe(
      'a: "yes"\nat: a@b.c\nb: text\n"on": "12:30"\npath: /etc/x\nwords: two words\n',
    );
  });

  it('writes out again what stands in it twice', () => {
    const same = [1];
    expect(yamlText({ a: same, b: same })).toBe('a:\n  - 1\nb:\n  - 1\n');
  });

  it('has its keys in the order of their bytes', () => {
    expect(yamlText({ b: 1, '😀': 2, '\ue000': 3, a: { z: 1, '10': 2, '9': 3 } })).toBe(
      'a:\n  "10": 2\n  "9": 3\n  z: 1\nb: 1\n"\ue000": 3\n"😀": 2\n',
    );
  });
});
