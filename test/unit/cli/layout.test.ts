import { describe, expect, it } from 'vitest';
import { layOut } from '../../../src/cli/layout.ts';
import { columns, heading, keyValues } from '../../../src/cli/table.ts';
import { parseJson, type JsonObject } from '../../../src/json.ts';

const table = async (text: string, room: number | null = null): Promise<string[]> =>
  (await layOut(text, room)).split('\n');

describe('a table', () => {
  it('has columns as wide as their widest cell, and "n/a" where there is nothing', async () => {
    expect(
      await table(
        columns(
          ['Path', 'Type'],
          [
            ['a', ''],
            ['secret/', 'kv'],
            ['  ', 'x'],
          ],
        ),
      ),
    ).toEqual(['Path       Type', '----       ----', 'a          n/a', 'secret/    kv', 'n/a        x']);
  });

  it.each([
    [null, 'a    b    secret number 199999'],
    [25, '          199999'],
  ])('may have more rows than a function takes arguments, where there is room for %s columns', async (room, last) => {
    const rows = Array.from({ length: 200_000 }, (_, at) => ['a', 'b', `secret number ${at}`]);
    const laid = await table(columns(['X', 'Y', 'Path'], rows), room);
    expect(laid.length).toBeGreaterThan(200_000);
    expect(laid.at(-1)).toBe(last);
  });

  it('is aligned by what a terminal shows', async () => {
    expect(
      await table(
        columns(
          ['K', 'V'],
          [
            ['鍵', '1'],
            ['e\u0301', '2'],
            ['😀', '3'],
            ['\u1112\u1161\u11ab', '4'],
            ['ab', '5'],
          ],
        ),
      ),
    ).toEqual(['K     V', '-     -', '鍵    1', 'e\u0301     2', '😀    3', '\u1112\u1161\u11ab    4', 'ab    5']);
  });

  it('stands among other text', async () => {
    const text = ['before', columns(['A', 'B'], [['1', '2']]), '', columns(['Long', 'B'], [['1', '2']])].join('\n');
    expect(await table(text)).toEqual([
      'before',
      'A    B',
      '-    -',
      '1    2',
      '',
      'Long    B',
      '----    -',
      '1       2',
    ]);
  });

  it('has the first rows first, the others by the bytes of their keys, and durations as Vault writes them', async () => {
    const data = parseJson(
      '{"b":"x","a":"y","ttl":3600,"min_period":5400,"period":"5","lease_duration":0,"big_ttl":1e400}',
    );
    expect((await table(keyValues(data as JsonObject, { refresh_interval: 2_764_800 }))).slice(2)).toEqual([
      'refresh_interval    768h',
      'a                   y',
      'b                   x',
      'big_ttl             1e400',
      'lease_duration      0s',
      'min_period          1h30m',
      'period              5',
      'ttl                 1h',
    ]);
  });

  it('has nothing where there is nothing', () => {
    expect(keyValues({})).toBe('');
  });
});

describe('a heading', () => {
  it('is as long as the longest key wants it, whatever the values are', () => {
    expect(heading('Data', { user: 'x'.repeat(100) })).toBe('==== Data ====');
    expect(heading('Data', { a: '' })).toBe('== Data ==');
    expect(heading('Metadata', { custom_metadata: null })).toBe('======= Metadata =======');
  });
});

describe('on a terminal a table', () => {
  const HEADINGS = ['Path', 'External Entropy Access', 'Description'];
  const ROWS = [
    ['secret/', 'false', 'what the build needs and nobody else'],
    ['team/kv/', 'true', 'n/a'],
  ];

  it('stays as it is where there is room', async () => {
    const text = columns(HEADINGS, ROWS);
    expect(await table(text, 80)).toEqual(await table(text));
  });

  it('is wrapped between words, in headings too', async () => {
    expect(await table(columns(HEADINGS, ROWS), 40)).toEqual([
      'Path        External        Description',
      '            Entropy',
      '            Access',
      '----        ------------    -----------',
      'secret/     false           what the',
      '                            build needs',
      '                            and nobody',
      '                            else',
      'team/kv/    true            n/a',
    ]);
  });

  it('is a list of rows where no wrapping makes it fit', async () => {
    expect(await table(columns(HEADINGS, ROWS), 30)).toEqual([
      'Path                       secret/',
      'External Entropy Access    false',
      'Description                what the build needs and nobody else',
      '',
      'Path                       team/kv/',
      'External Entropy Access    true',
      'Description                n/a',
    ]);
  });

  it('of keys and values is never broken, since values are copied', async () => {
    expect(await table(keyValues({ token: 'x y '.repeat(40) }), 80)).toHaveLength(3);
  });
});
