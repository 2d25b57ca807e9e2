import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'dotenv';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readEnvFile } from '../../../src/cli/env-file.ts';
import { UsageError } from '../../../src/errors.ts';

const dir = mkdtempSync(join(tmpdir(), 'coffer-env-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, 'app.env');

function read(content: string | Uint8Array): [string, unknown][] {
  writeFileSync(file, content);
  return readEnvFile(file).map(({ name, value }) => [name, value]);
}

function problem(content: string | Uint8Array): string {
  try {
    read(content);
  } catch (error) {
    if (error instanceof UsageError) return `${error.code}: ${error.message.replace(file, 'FILE')}`;
    throw error;
  }
  return 'none';
}

const APP = { path: 'secret/app', field: 'key' };

describe('an .env file', () => {
  it('has variables with and without quotes, comments and empty lines, in its order', () => {
    expect(
      read("\ufeff# c\n\nB=1\r\n export A = two words # c\nC=\"a\\nb\" # c\nD='a\\nb'\nE=`it's`\nF=\nB=2"),
    ).toEqual([
      ['B', '1'],
      ['A', 'two words'],
      ['C', 'a\nb'],
      ['D', 'a\\nb'],
      ['E', "it's"],
      ['F', ''],
      ['B', '2'],
    ]);
  });

  it('has a # in quotes, and comments behind a blank or behind quotes', () => {
    expect(read('A=\'a#b\'\nB="a#b"# c#d\u2028\nC=`a#b` # c\nD=a # c#d\nE= # c\nF=\t#c')).toEqual([
      ['A', 'a#b'],
      ['B', 'a#b'],
      ['C', 'a#b'],
      ['D', 'a'],
      ['E', ''],
      ['F', ''],
    ]);
  });

  it('has values of several lines in quotes', () => {
    expect(read('KEY="-----BEGIN\nA=1\n# no comment\n-----END"\nB=2')).toEqual([
      ['KEY', '-----BEGIN\nA=1\n# no comment\n-----END'],
      ['B', '2'],
    ]);
  });

  it('has values with \\" in them, and with a backslash at their end', () => {
    expect(read('A="{\n  \\"a\\": \\"b\\"\n}" # c\nB="C:\\dir\\"\nC="D:\\"# c\nD=""\nE="\\""\nF="x\\"')).toEqual([
      ['A', '{\n  \\"a\\": \\"b\\"\n}'],
      ['B', 'C:\\dir\\'],
      ['C', 'D:\\'],
      ['D', ''],
      ['E', '\\"'],
      ['F', 'x\\'],
    ]);
  });

  it('is refused, or has what dotenv finds in all of it', () => {
    const piece = fc.constantFrom(...['"', '\\"', '\\', "'", '\n', '\nB=', '\nA="', '"\n', '" # c\n', ' ', 'x', '=']);
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 9 }), (pieces) => {
        const text = `A=${pieces.join('')}`;
        if (problem(text) === 'none') expect(Object.fromEntries(read(text))).toEqual(parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    'A=coffer://secret/app#key',
    'A=coffer://secret/app#key # a comment',
    'export A: coffer://secret/app#key',
    'A="coffer://secret/app#key"',
    "A='coffer://secret/app#key' # a comment",
  ])('has a reference: %s', (line) => {
    expect(read(line)).toEqual([['A', APP]]);
  });

  it('has a reference with blanks in quotes, and one with escapes', () => {
    expect(read('A="coffer://secret/my app#a key"\nB=coffer://secret/app#a%23%25b%20')).toEqual([
      ['A', { path: 'secret/my app', field: 'a key' }],
      ['B', { path: 'secret/app', field: 'a#%b%20' }],
    ]);
  });

  it.each([
    ['A=1\nhunter2', 'bad_data: FILE (line 2): it is no NAME=VALUE'],
    ['A=1\nhunter2 = x y=3 \nB hunter2=4', 'bad_data: FILE (line 3): it is no NAME=VALUE'],
    ['A=1\nB="hunter2\nC=2\n', 'bad_data: FILE (line 2): the quotes around the value are not closed'],
    ['__proto__=hunter2', 'bad_data: FILE (line 1): it is no NAME=VALUE'],
    ['A=coffer://secret/hunter2', 'bad_reference: FILE (line 1): its value is not one reference'],
    ['A=coffer://secret/my app#hunter2', 'bad_reference: FILE (line 1): its value is not one reference'],
    ['A=postgres://coffer://secret/app#hunter2', 'bad_reference: FILE (line 1): its value is not one reference'],
    [
      'B=a # x#y\nA=hunter2#3',
      'bad_data: FILE (line 2): a # without a blank before it stands in a value without quotes',
    ],
    ['A=#hunter2', 'bad_data: FILE (line 1): a # without a blank before it stands in a value without quotes'],
    ['A="a#b" hunter2', 'bad_data: FILE (line 1): there is more than a comment behind the quotes around the value'],
    ['A="1"; B=hunter2', 'bad_data: FILE (line 1): there is more than a comment behind the quotes around the value'],
    ["A='it\\'s hunter2'", 'bad_data: FILE (line 1): there is more than a comment behind the quotes around the value'],
    ['A="hunter2" b"', 'bad_data: FILE (line 1): there is more than a comment behind the quotes around the value'],
    [
      'A=COFFER://secret/app#user',
      'bad_data: FILE (line 1): a # without a blank before it stands in a value without quotes',
    ],
    ['A=coffer://secret/app#one#hunter2', 'bad_reference: FILE (line 1): its value is not one reference'],
    [Buffer.from([0x41, 0x3d, 0xff]), 'bad_data: FILE is not UTF-8 text'],
  ])('is refused where something would be lost, without a value in the error: %j', (content, expected) => {
    expect(problem(content)).toBe(expected);
  });

  it('that is not there is said so', () => {
    rmSync(file, { force: true });
    expect(() => readEnvFile(file)).toThrow('no such file or directory');
  });
});
