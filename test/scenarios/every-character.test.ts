import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'lossless-json';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { canonical } from '../support/canonical.ts';
import { makeStand, type Stand } from '../support/store.ts';

const charactersOf = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => from + at)
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code));

/** Of each plane beyond the first: its ends, and what lies between in steps that meet every last byte. */
const PLANES = Array.from({ length: 16 }, (_, at) => (at + 1) << 16)
  .flatMap((start) =>
    [0, 1, ...Array.from({ length: 0xff }, (_, at) => at * 0x101 + 2), 0xfffd, 0xfffe, 0xffff].map((at) => start + at),
  )
  .map((code) => String.fromCodePoint(code))
  .join('');

/** What is text, and has bytes in UTF-8. The basic plane is in two, since a variable of an environment has at most 128 KiB. */
const TEXTS: Readonly<Record<string, string>> = {
  low: charactersOf(0, 0x8000).join(''),
  high: charactersOf(0x8000, 0x10000).join(''),
  planes: PLANES,
  breaks: '\r\n\n\r\u000b\f\u0085\u2028\u2029\r',
  quotes: `'"\`\\ \\n \\r \\u0041 '' "" \\" \\' $HOME \${HOME} $(id) %25 # {{ coffer:// }} \\`,
  mark: '\ufeffbehind a byte order mark\ufeff',
  blanks: ' \t\u00a0 both ends \u00a0\t ',
  yes: 'yes',
  number: '012',
  empty: '',
};
/** Surrogates that are no pairs, which only JSON's escapes can write. */
const HALVES = Array.from({ length: 0x800 }, (_, at) => String.fromCharCode(0xd800 + at)).join('\u0001');

/** 256 characters each, so that all of the basic plane are in the name of a field. */
const NAMES = Array.from({ length: 0x100 }, (_, block) => charactersOf(block << 8, (block + 1) << 8).join('')).filter(
  (name) => name !== '',
);
const ODD_NAMES = [
  '__proto__',
  'constructor',
  '',
  ' ',
  'a b',
  'a/b',
  '..',
  PLANES,
  HALVES,
  '\ufeff',
  '<<',
  'data',
  'path',
];

const NUMBERS = '"numbers":[12345678901234567890,-0,1.50,1.0e+400,0.1,3.14159265358979323846]';
const NESTED = '"nested":{"__proto__":[[],{},null,true,[{"":{"\\u0000":"\\ud800"}}]]}';

/** Every string by `quoted`, in an object of JSON or of YAML in its flow style. */
function objectBy(quoted: (text: string) => string): string {
  const fields = Object.entries({ ...TEXTS, halves: HALVES }).map(([name, text]) => `${quoted(name)}:${quoted(text)}`);
  const named = [...NAMES, ...ODD_NAMES].map((name, at) => `${quoted(name)}:${quoted(`named ${at}`)}`);
  return `{${[...fields, ...named, NUMBERS, NESTED].join(',')}}`;
}

const escaped = (text: string): string =>
  `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;

/** YAML's own escapes, as its specification 1.2.2 has them in section 5.7. */
const YAML_ESCAPES = new Map([
  ...Object.entries({ '\0': '0', '\x07': 'a', '\b': 'b', '\t': 't', '\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r' }),
  ...Object.entries({
    '\x1b': 'e',
    '"': '"',
    '/': '/',
    '\\': '\\',
    '\u0085': 'N',
    '\u00a0': '_',
    '\u2028': 'L',
    '\u2029': 'P',
  }),
]);
function inYaml(text: string): string {
  const character = (one: string): string => {
    const own = YAML_ESCAPES.get(one);
    if (own !== undefined) return `\\${own}`;
    const code = one.codePointAt(0) ?? 0;
    if (code > 0xffff) return code % 2 === 0 ? one : `\\U${code.toString(16).padStart(8, '0')}`;
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return `\\x${code.toString(16).padStart(2, '0')}`;
    if ((code >= 0xd800 && code <= 0xdfff) || code >= 0xfffe || code === 0xfeff) return `\\u${code.toString(16)}`;
    return one;
  };
  return `"${[...text].map(character).join('')}"`;
}

const JSON_TEXT = objectBy((text) => JSON.stringify(text));
const EXPECTED = canonical(parse(JSON_TEXT) as JsonObject);

/** Files that say the same, with the arguments that import each. */
const FORMS: readonly (readonly [what: string, file: string, content: string, args: readonly string[]])[] = [
  ['lines of JSON', 'a.ndjson', `{"path":"all","data":${JSON_TEXT}}\n`, []],
  ['lines of JSON that end with CR and LF', 'b.ndjson', `{"path":"all","data":${JSON_TEXT}}\r\n`, []],
  ['lines of JSON in escapes alone', 'c.ndjson', `{"path":"all","data":${objectBy(escaped)}}\n`, []],
  ['JSON behind a byte order mark', 'd.json', `\ufeff${JSON_TEXT}`, ['-path=all']],
  ['JSON in many lines', 'e.json', `{"all":\n${JSON_TEXT.replaceAll('","', '",\n"')}\n}`, []],
  ['YAML in its own escapes', 'f.yaml', `all: ${objectBy(inYaml)}\n`, []],
  ['YAML that is JSON', 'g.yaml', objectBy(escaped), ['-path=all']],
];

describe('a secret with every character that JSON allows', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    for (const [path, version] of [
      ['one', 1],
      ['two', 2],
      ['back1', 1],
      ['back2', 2],
    ] as const)
      stand.ok('secrets', 'enable', `-path=${path}`, `-version=${version}`, 'kv');
    stand.write('all.json', JSON_TEXT);
    for (const mount of ['one', 'two']) stand.ok('kv', 'put', `${mount}/all`, '@all.json');
  });
  afterAll(() => stand.remove());

  /** By the plain face, which prints any string in escapes. */
  function dataAt(path: string): string {
    const answer = parse(stand.ok('kv', 'get', '-format=json', path)) as { data: JsonObject };
    return canonical(
      path.startsWith('two') || path.startsWith('back2') ? (answer.data['data'] as JsonObject) : answer.data,
    );
  }

  it('is what kv put and kv get keep', () => {
    expect(dataAt('one/all') === EXPECTED).toBe(true);
    expect(dataAt('two/all') === EXPECTED).toBe(true);
  });

  it.each(FORMS)('comes in unchanged from %s', (_, file, content, args) => {
    stand.write(file, content);
    for (const mount of ['one', 'two']) {
      const folder = `${mount}/${file.charAt(0)}`;
      stand.ok('kv', 'import', `-mount=${folder}`, ...args, file);
      expect(dataAt(`${folder}/all`) === EXPECTED, mount).toBe(true);
    }
  });

  it('comes in unchanged from .env as far as that can say it: text, but for a quote and CR together with others', () => {
    const inQuotes = (text: string): string => `'${text.replace(/['\r]/g, '')}'`;
    const names = Object.keys(TEXTS);
    const lines = names.map((name) => `${name.toUpperCase()}=${inQuotes(TEXTS[name] ?? '')}`);
    stand.write('all.env', [...lines, `REST="it's a \\r\\n"`, 'BACK=`it\'s "quoted"`'].join('\n'));
    stand.ok('kv', 'import', '-path=one/env', 'all.env');
    const expected = names.map((name) => [name.toUpperCase(), inQuotes(TEXTS[name] ?? '').slice(1, -1)]);
    const rest = [
      ['REST', "it's a \r\n"],
      ['BACK', 'it\'s "quoted"'],
    ];
    expect(dataAt('one/env') === canonical(Object.fromEntries([...expected, ...rest]) as JsonObject)).toBe(true);
  });

  it.each([
    ['one', 'back1'],
    ['two', 'back2'],
  ])('goes out of %s and comes back into %s unchanged, by a file and by a pipe', (from, to) => {
    const lines = stand.ok('kv', 'export', `-mount=${from}`, '-versions', '-');
    stand.ok('kv', 'export', `-mount=${from}`, '-versions', '-force', 'out.ndjson');
    expect(readFileSync(join(stand.dir, 'out.ndjson'), 'utf8') === lines).toBe(true);
    expect(stand.run(['kv', 'import', `-mount=${to}`, '-'], { input: lines }).status).toBe(0);
    expect(dataAt(`${to}/all`) === EXPECTED).toBe(true);
    expect(stand.ok('kv', 'export', `-mount=${to}`, '-versions', '-') === lines).toBe(true);
    expect(stand.ok('kv', 'import', `-mount=${to}`, 'out.ndjson')).toMatch(/: 0 new, 0 changed, \d+ unchanged\n$/);
  });

  it('is put into a template unchanged, to stdout and to a file', () => {
    const names = [...Object.keys(TEXTS), 'numbers'];
    const template = names.map((name) => `<${TEXTS['low']?.slice(1)}{{ coffer://two/all#${name} }}>`).join('\r\n');
    const texts: Readonly<Record<string, string>> = { ...TEXTS, numbers: NUMBERS.slice('"numbers":'.length) };
    const rendered = names.map((name) => `<${TEXTS['low']?.slice(1)}${texts[name]}>`).join('\r\n');
    stand.write('template', template);
    expect(stand.ok('inject', 'template') === rendered).toBe(true);
    expect(stand.run(['inject', '-'], { input: template }).stdout === rendered).toBe(true);
    stand.ok('inject', '-out=rendered', 'template');
    expect(readFileSync(join(stand.dir, 'rendered'), 'utf8') === rendered).toBe(true);
  });

  it('has fields that a template names, whatever is in their names but a line break', () => {
    const named = NAMES.map((name, at) => [name, `named ${at}`] as const).filter(
      ([name]) => !/[\r\n\u2028\u2029]/.test(name),
    );
    expect(named.length).toBe(NAMES.length - 2);
    const template = named.map(([name]) => `{{ coffer://one/all#${referred(name)} }}`).join('\n');
    expect(stand.run(['inject', '-'], { input: template }).stdout).toBe(named.map(([, text]) => text).join('\n'));
  });

  it('is in variables all but NUL, and in files whole', () => {
    const names = Object.keys(TEXTS).filter((name) => name !== 'low');
    stand.write('low.json', JSON.stringify({ low: TEXTS['low']?.slice(1) }));
    stand.ok('kv', 'put', 'one/low', '@low.json');
    const flags = [...names.map((name) => `${name}=one/all#${name}`), 'low=one/low#low'].flatMap((each) => [
      '-env',
      each,
    ]);
    const variables = environmentOf(stand.ok('run', '-clear-env', ...flags, '--', '/usr/bin/env', '-0'));
    for (const name of names) expect(variables.get(name) === TEXTS[name], name).toBe(true);
    expect(variables.get('low') === TEXTS['low']?.slice(1)).toBe(true);
    expect(variables.size).toBe(names.length + 1);

    const files = Object.keys(TEXTS).flatMap((name) => ['-file', `${name}=two/all#${name}`]);
    const copy = Object.keys(TEXTS)
      .map((name) => `cat "$${name}" > file-${name}`)
      .join('; ');
    stand.ok('run', ...files, '--', 'sh', '-c', copy);
    for (const [name, text] of Object.entries(TEXTS))
      expect(readFileSync(join(stand.dir, `file-${name}`), 'utf8') === text, name).toBe(true);
  });

  it('has fields that run names, whatever is in their names: NUL in a file of variables', () => {
    const flags = NAMES.slice(1).flatMap((name, at) => ['-env', `V${at + 1}=one/all#${referred(name)}`]);
    const variables = environmentOf(stand.ok('run', '-clear-env', ...flags, '--', '/usr/bin/env', '-0'));
    NAMES.slice(1).forEach((_, at) => expect(variables.get(`V${at + 1}`)).toBe(`named ${at + 1}`));
    stand.write('nul.json', JSON.stringify({ 'a\0\n"b': 'found' }));
    stand.ok('kv', 'put', 'one/nul', '@nul.json');
    stand.write('nul.env', "V='coffer://one/nul#a\0\n\"b'\n");
    expect(stand.ok('run', '-env-file=nul.env', '--', 'sh', '-c', 'echo $V')).toBe('found\n');
  });

  it('has halves of surrogate pairs, which every way out but JSON refuses, and runs and writes nothing', () => {
    stand.write('template', '{{ coffer://one/all#halves }}');
    const refused = [
      ['run', '-env', 'A=one/all#halves', '--', 'touch', 'started'],
      ['run', '-file', 'A=one/all#halves', '--', 'touch', 'started'],
      ['inject', 'template'],
      ['inject', '-out=started', 'template'],
    ];
    for (const args of refused) {
      const { status, stdout, stderr } = stand.run(args);
      expect({ status, stdout }, args.join(' ')).toEqual({ status: 1, stdout: '' });
      expect(stderr).toContain('half of a surrogate pair');
    }
    expect(() => readFileSync(join(stand.dir, 'started'))).toThrow('ENOENT');
  });
});

/** As a reference has the name of a field. */
function referred(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('#', '%23');
}

/** What env -0 prints. */
function environmentOf(printed: string): ReadonlyMap<string, string> {
  return new Map(
    printed
      .split('\0')
      .filter((entry) => entry !== '')
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}
