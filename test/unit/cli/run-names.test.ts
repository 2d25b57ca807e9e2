import { describe, expect, it } from 'vitest';
import { fieldNames } from '../../../src/cli/commands/run-names.ts';
import { parseReference } from '../../../src/cli/references.ts';

describe('a reference', () => {
  it.each([
    ['secret/app#key', { path: 'secret/app', field: 'key' }],
    ['coffer://secret/app#key', { path: 'secret/app', field: 'key' }],
    ['/secret//app/#a=b', { path: 'secret/app', field: 'a=b' }],
    ['secret/a%23b#c%25%20', { path: 'secret/a#b', field: 'c%%20' }],
    ['secret/app#', { path: 'secret/app', field: '' }],
    ['secret/app', null],
    ['#key', null],
    ['/#key', null],
    ['a#b#c', null],
  ])('%s', (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });
});

describe('the names of all fields of a secret', () => {
  it('are theirs in upper case, with _ for what no shell takes', () => {
    expect(fieldNames('secret/app', ['user', 'db-host', 'café'], null)).toEqual([
      ['USER', 'user'],
      ['DB_HOST', 'db-host'],
      ['CAF_', 'café'],
    ]);
  });

  it('are made by a format', () => {
    expect(fieldNames('secret/my-app', ['user'], '{SECRET}_{field}')).toEqual([['MY_APP_user', 'user']]);
    expect(fieldNames('app', ['2'], '{secret}.{FIELD}')).toEqual([['app.2', '2']]);
  });

  it.each([
    [['2fa'], null, /"2fa" of secret\/app gives no name/],
    [[''], null, /"" of secret\/app gives no name/],
    [['a-b', 'A_b'], null, /"a-b" and "A_b" of secret\/app would both be the variable A_B/],
    [['a'], 'APP', /has \{FIELD\} or \{field\}/],
    [['a'], '{FIELD}{PATH}', /has \{FIELD\} or \{field\}/],
    [['a'], '{FIELD}{', /has \{FIELD\} or \{field\}/],
    [['a'], '{FIELD}=x', /gives no name/],
  ])('are refused: %j as %j', (fields, format, message) => {
    expect(() => fieldNames('secret/app', fields, format)).toThrow(message);
  });
});
