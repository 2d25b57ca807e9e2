import fc from 'fast-check';
import { parse } from 'lossless-json';
import { describe, expect, it } from 'vitest';
import { parseExactly } from '../../src/json-parser.ts';
import { isLosslessNumber, parseJson } from '../../src/json.ts';

const RUNS = process.env['COFFER_CAMPAIGN'] === '1' ? 200_000 : 4000;

/** What a parser makes of a text: its value, or that it is none. */
function outcome(use: (text: string) => unknown, text: string): unknown {
  try {
    return { value: use(text) };
  } catch (error) {
    return error instanceof SyntaxError && error.message.startsWith('Duplicate key') ? 'twice' : 'none';
  }
}

const plainNumbers = (_key: string, value: unknown): unknown => (isLosslessNumber(value) ? Number(value.value) : value);

describe('the parser of JSON', () => {
  const string = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
    fc.constantFrom('', '\\', '"', '\\"', '\\\\', '\ud800', '__proto__', 'constructor', 'a', 'a'),
  );
  const number = fc.oneof(
    fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }).map(String),
    fc.constantFrom('0', '-0', '1.0', '1e400', '1E-7', '0.10', '-1.5e+10', '9007199254740993'),
  );
  const blank = fc.constantFrom('', '', ' ', '\n', '\r\n\t ');
  const { text } = fc.letrec<{ text: string }>((tie) => ({
    text: fc.oneof(
      { maxDepth: 4 },
      string.map((value) => JSON.stringify(value)),
      number,
      fc.constantFrom('true', 'false', 'null', '{}', '[]'),
      fc
        .tuple(blank, fc.array(tie('text'), { maxLength: 4 }))
        .map(([b, items]) => `[${b}${items.join(`${b},${b}`)}${b}]`),
      fc
        .tuple(blank, fc.uniqueArray(fc.tuple(string, tie('text')), { maxLength: 4, selector: ([key]) => key }))
        .map(
          ([b, members]) => `{${b}${members.map(([k, v]) => `${JSON.stringify(k)}${b}:${b}${v}`).join(`,${b}`)}${b}}`,
        ),
    ),
  }));

  it('reads what the library reads that it takes numbers from, to the same value', () => {
    fc.assert(
      fc.property(blank, text, (b, written) => {
        expect(outcome(parseExactly, b + written + b)).toEqual(outcome(parse, b + written + b));
      }),
      { numRuns: RUNS },
    );
  });

  it('refuses what that refuses: text with something put in, taken out or cut off', () => {
    const junk = fc.constantFrom(
      ...['"', '\\', '\\u12', '{', '}', '[', ']', ',', ':', '-', '.', 'e', '0', '01', '+1'],
      ...['tru', 'NaN', '\u0000', '\n', '\u00a0', '\ufeff', '//', "'", 'undefined', '\\x41', '\\/', '\u2028'],
    );
    fc.assert(
      fc.property(text, junk, fc.nat(), fc.nat({ max: 3 }), (written, put, where, out) => {
        const at = where % (written.length + 1);
        const changed = written.slice(0, at) + put + written.slice(at + out);
        for (const each of [changed, written.slice(0, at)]) {
          const found = outcome(parseExactly, each);
          // Of a key that comes twice the library takes {} and [] for the same, and may then find what comes behind.
          if (found !== 'twice') expect(found, each).toEqual(outcome(parse, each));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it.each([
    ['{"a": 1,\n "b": x}', 15],
    ['[1, 2', 5],
    ['{"a" 1}', 5],
    ['{"a": 1} 2', 9],
    ['{"a": "\\x"}', 6],
    ['{"a": 1, "a": 2}', 9],
    ['', 0],
    [' ', 1],
    ['01', 1],
    ['[1,]', 3],
    ['{"a": 1,}', 8],
    ['"a', 0],
  ])('says where %j is none', (written, position) => {
    expect(() => parseExactly(written)).toThrow(new RegExp(` at position ${position}$`));
  });

  it.each([
    ['{"a": 1, "a": 1}', { a: 1 }],
    ['{"a": {"b": [1, null]}, "a": {"b": [1, null]}}', { a: { b: [1, null] } }],
    ['{"a": 1, "a": 1.0}', 'twice'],
    ['{"a": "1", "a": 1}', 'twice'],
    ['{"a": [], "a": {}}', 'twice'],
    ['{"a": null, "a": {}}', 'twice'],
    ['{"a": {}, "a": {"b": 1}}', 'twice'],
    ['{"__proto__": 1, "__proto__": 2}', 'twice'],
    ['[{"a": {"b": 1, "c": 2, "b": 3}}]', 'twice'],
  ])('takes a key that is given twice where its values are the same: %s', (written, expected) => {
    const found = outcome((text) => JSON.parse(JSON.stringify(parseExactly(text), plainNumbers)) as unknown, written);
    expect(found).toEqual(expected === 'twice' ? expected : { value: expected });
  });

  it('quotes nothing of it', () => {
    for (const written of [
      '{"hunter2": 1, "hunter2": 2}',
      '{"a": 1, "b": hunter2}',
      '{"a": 1, "b": "hunter2\n"}',
      '[1, "hunter2',
    ])
      expect(() => parseExactly(written)).not.toThrow(/hunter2/);
  });

  it('says of nesting without end that it is out of range', () => {
    expect(() => parseExactly('['.repeat(500_000))).toThrow(RangeError);
    expect(() => parseExactly('{"a":'.repeat(500_000))).toThrow(RangeError);
  });

  it('reads a long value beside a number in about its own room, and in no time', () => {
    const long = 'x'.repeat(1 << 24);
    const before = process.memoryUsage().rss;
    const value = parseJson(`{"n": 1.50, "v": ${JSON.stringify(long)}}`) as { n: unknown; v: string };
    expect(process.memoryUsage().rss - before).toBeLessThan(8 * long.length);
    expect(isLosslessNumber(value.n) && value.n.value).toBe('1.50');
    expect(value.v === long).toBe(true);
  });
});
