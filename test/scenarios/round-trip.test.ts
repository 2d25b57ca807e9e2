import fc from 'fast-check';
import { parse } from 'lossless-json';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withMounts, type Context } from '../../src/core/index.ts';
import type { JsonObject } from '../../src/json.ts';
import { canonical } from '../support/canonical.ts';
import { contextOf, makeStand, type Stand } from '../support/store.ts';

const campaign = process.env['COFFER_CAMPAIGN'] === '1';

/** Mounts of every kind; the property tests take turns. */
const MOUNTS = ['one', 'two', 'wrapped-one', 'wrapped-two'] as const;

describe('what kv put was given, kv get gives back', () => {
  let stand: Stand;
  let context: Context;
  beforeAll(async () => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', '-path=one', 'kv');
    stand.ok('secrets', 'enable', '-path=two', 'kv-v2');
    stand.ok('secrets', 'enable', '-path=wrapped-one', '-seal-wrap', 'kv');
    stand.ok('secrets', 'enable', '-path=wrapped-two', '-seal-wrap', '-version=2', 'kv');
    context = await contextOf(stand);
  });
  afterAll(() => stand.remove());

  /** Through the command: JSON text in by stdin, JSON text out. */
  function throughCommand(mount: string, text: string, path = 'app'): string {
    const put = stand.run(['kv', 'put', `-mount=${mount}`, path, '-'], { input: text });
    expect(put, put.stderr).toMatchObject({ status: 0, stderr: '' });
    const get = stand.run(['kv', 'get', '-format=json', `-mount=${mount}`, path]);
    expect(get, get.stderr).toMatchObject({ status: 0, stderr: '' });
    const envelope = parse(get.stdout) as JsonObject;
    const data = mount.endsWith('two') ? (envelope['data'] as JsonObject)['data'] : envelope['data'];
    return canonical(data as JsonObject);
  }

  /** Through the core, in two transactions and two HSM sessions. */
  async function throughCore(mount: string, path: string, data: JsonObject): Promise<string> {
    const version2 = mount.endsWith('two');
    const asked = version2 ? `${mount}/data/${path}` : `${mount}/${path}`;
    await withMounts(context, 'write', (mounts) =>
      mounts.request({ operation: 'write', path: asked, data: version2 ? { data } : data }),
    );
    const answer = await withMounts(context, 'read', (mounts) =>
      mounts.request({ operation: 'read', path: asked, data: {} }),
    );
    const got = version2 ? answer?.data?.['data'] : answer?.data;
    return canonical(got as JsonObject);
  }

  // JSON's own strings: any UTF-16 code units, lone surrogates among them.
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
    fc.constantFrom(
      '',
      ' ',
      '\0',
      '\uFEFF',
      '\uFEFFa',
      '\ud800',
      'a\udfff',
      '\u2028',
      '"',
      '\\',
      '</script>',
      '\r\n',
      '😀',
      'e\u0301',
      '\x7f\x1b[31m',
      '@file',
      '-',
      '\\@',
    ),
  );
  const number = fc.oneof(
    fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }).map(String),
    fc.tuple(fc.integer(), fc.nat({ max: 999_999 })).map(([whole, part]) => `${whole}.${part}`),
    fc.constantFrom(
      '0',
      '-0',
      '1.0',
      '1e400',
      '1E-7',
      '12345678901234567890',
      '0.1',
      '3.141592653589793238462643383279',
      '-1.5e+10',
    ),
  );
  const key = fc.oneof(
    text,
    fc.constantFrom(
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'a b',
      'a/b',
      'a.b',
      '..',
      '/',
      'ключ',
      '鍵',
      '1',
      '01',
      '=',
      'a=b',
    ),
  );
  const { json } = fc.letrec<{ json: string; object: string }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 3 },
      text.map((value) => JSON.stringify(value)),
      number,
      fc.constantFrom('true', 'false', 'null', '[]', '{}'),
      fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
      tie('object'),
    ),
    object: fc.uniqueArray(fc.tuple(key, tie('json')), { selector: ([name]) => name, maxLength: 4 }).map(objectText),
  }));
  const object = fc
    .uniqueArray(fc.tuple(key, json), { selector: ([name]) => name, minLength: 1, maxLength: 6 })
    .map(objectText);

  it('any JSON object, through the core', { timeout: 600_000 }, async () => {
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(object, async (written) => {
        const mount = MOUNTS[turn++ % MOUNTS.length] ?? 'one';
        const data = parse(written) as JsonObject;
        expect(await throughCore(mount, 'app', data)).toBe(canonical(data));
      }),
      { numRuns: campaign ? 20_000 : 150 },
    );
  });

  it('any JSON object, through the command', { timeout: 600_000 }, async () => {
    let turn = 0;
    fc.assert(
      fc.property(object, (written) => {
        const mount = MOUNTS[turn++ % MOUNTS.length] ?? 'one';
        expect(throughCommand(mount, written)).toBe(canonical(parse(written) as JsonObject));
      }),
      { numRuns: campaign ? 2000 : 24 },
    );
  });

  it('any text as KEY=VALUE, with -field', { timeout: 600_000 }, () => {
    // What an argument can hold: no NUL, and well-formed Unicode.
    const argument = fc
      .string({ unit: 'binary', maxLength: 60 })
      .filter((value) => !value.includes('\0') && isWellFormed(value));
    fc.assert(
      fc.property(argument, (value) => {
        const given = value === '-' || value.startsWith('@') || value.startsWith('\\@') ? `\\${value}` : value;
        fc.pre(value !== '-' && !value.startsWith('\\@'));
        stand.ok('kv', 'put', 'one/argument', '--', `key=${given}`);
        expect(stand.ok('kv', 'get', '-field=key', 'one/argument')).toBe(value);
      }),
      { numRuns: campaign ? 1000 : 16 },
    );
  });

  it('any name of a secret', { timeout: 600_000 }, async () => {
    const segment = fc
      .oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
        fc.constantFrom(
          'a b',
          '...',
          '..a',
          'ключ',
          '😀',
          '%2F',
          '\\',
          '__proto__',
          'data',
          'metadata',
          '-',
          '=',
          "'",
          'é',
          'e\u0301',
        ),
      )
      .filter((name) => !name.includes('/') && !/^\.\.?$|\p{Cc}/u.test(name) && isWellFormed(name));
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...MOUNTS),
        async (segments, mount) => {
          const path = segments.join('/');
          expect(await throughCore(mount, path, { path })).toBe(canonical({ path }));
          const folder =
            `${mount}/${mount.endsWith('two') ? 'metadata/' : ''}${segments.slice(0, -1).join('/')}`.replace(/\/$/, '');
          const listed = await withMounts(context, 'read', (mounts) =>
            mounts.request({ operation: 'list', path: folder, data: {} }),
          );
          expect(listed?.data?.['keys']).toContain(segments.at(-1));
        },
      ),
      { numRuns: campaign ? 5000 : 60 },
    );
  });

  const special: readonly (readonly [string, string])[] = [
    ['keys with spaces, slashes and dots', '{"a b":"1","a/b":"2","a.b":"3","..":"4","/":"5"," ":"6","":"7"}'],
    [
      'keys that mean something to JavaScript',
      '{"__proto__":"1","constructor":"2","toString":{"__proto__":{"x":1}},"hasOwnProperty":"3"}',
    ],
    ['Unicode, as it was composed', '{"é":"1","e\u0301":"2","鍵":"値","😀":"👩‍👩‍👧"}'],
    ['lone surrogates', '{"\\ud800":"\\udfff","a\\udc00b":["\\ud83d"]}'],
    ['NUL and other control characters', '{"a\\u0000b":"\\u0000\\u001b[31m\\u007f\\u009b"}'],
    ['a byte order mark at the start of a value', '{"\\ufeffkey":"\\ufeffvalue"}'],
    [
      'integers of 20 digits and numbers that a double cannot hold',
      '{"a":12345678901234567890,"b":-0,"c":1.10,"d":1e400,"e":0.1,"f":3.14159265358979323846}',
    ],
    ['null, booleans, nesting and empty things', '{"a":null,"b":true,"c":[[],{},[{"d":[null]}]],"e":""}'],
  ];
  for (const [name, written] of special) {
    it(`${name}, on every kind of mount`, () => {
      for (const mount of MOUNTS)
        expect(throughCommand(mount, written), mount).toBe(canonical(parse(written) as JsonObject));
    });
  }

  it('a file that begins with a byte order mark, which is no part of the JSON', () => {
    expect(throughCommand('one', '\uFEFF{"a":"b"}')).toBe('{"a":"b"}');
  });

  it('a value of 1 MiB, on every kind of mount and by -field', () => {
    const value = Array.from({ length: 1 << 16 }, (_, n) => `${n}`.padStart(15, 'x') + '\n').join('');
    expect(value.length).toBe(1 << 20);
    const written = JSON.stringify({ big: value });
    for (const mount of MOUNTS)
      expect(throughCommand(mount, written, 'big') === canonical({ big: value }), mount).toBe(true);
    stand.write('big.txt', value);
    stand.ok('kv', 'put', 'one/big', 'big=@big.txt');
    expect(stand.ok('kv', 'get', '-field=big', 'one/big') === value).toBe(true);
  });

  it('a thousand keys in one secret, as JSON and as arguments', () => {
    const data = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`key number ${n}`, `value/${n}`]));
    for (const mount of MOUNTS) expect(throughCommand(mount, JSON.stringify(data), 'many')).toBe(canonical(data));
    stand.ok('kv', 'put', 'one/many', ...Object.entries(data).map(([name, value]) => `${name}=${value}`));
    expect(stand.ok('kv', 'get', '-field=key number 999', 'one/many')).toBe('value/999');
    expect(stand.ok('kv', 'get', 'one/many').split('\n')).toHaveLength(1000 + 4);
  });

  it('a name of many parts and of many characters', () => {
    const long = 'n'.repeat(255);
    const deep = Array.from({ length: 64 }, (_, n) => `d${n}`).join('/');
    for (const mount of MOUNTS) {
      expect(throughCommand(mount, '{"a":"b"}', long)).toBe('{"a":"b"}');
      expect(throughCommand(mount, '{"a":"c"}', deep)).toBe('{"a":"c"}');
    }
    expect(stand.ok('kv', 'list', `one/${deep.slice(0, -4)}`)).toBe('Keys\n----\nd63\n');
  });
});

/** Whether it has no lone surrogates, which UTF-8 cannot hold. */
function isWellFormed(text: string): boolean {
  return !/\p{Cs}/u.test(text);
}

function objectText(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
