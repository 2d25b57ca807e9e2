import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { command, type Flag } from '../../../src/cli/command.ts';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { GLOBAL_FLAGS } from '../../../src/cli/flags.ts';
import { LORE } from '../../../src/cli/mistakes/index.ts';
import { type CommandLine, readCommandLine, readPlainLine } from '../../../src/cli/parse.ts';

const flags = {
  force: { kind: 'boolean', aliases: ['f'], help: '' },
  required: { kind: 'toggle', help: '' },
  mount: { kind: 'text', value: 'PATH', help: '' },
  cas: { kind: 'integer', value: 'N', help: '' },
  ttl: { kind: 'duration', help: '' },
  'remove-data': { kind: 'list', help: '' },
  options: { kind: 'pairs', help: '' },
} as const;
const done = async (): Promise<undefined> => undefined;
const put = command('kv put', {
  alias: 'store',
  summary: '',
  arguments: 'PATH [VALUE ...]',
  flags,
  run: done,
});
const metadata = command('kv metadata get', { summary: '', arguments: 'PATH', run: done });
const version = command('version', { summary: '', run: done });
const start = command('start', { summary: '', arguments: 'COMMAND [ARG ...]', flags, runs: true, run: done });
const commands = [put, metadata, version, start];

const NOTHING = { force: false, required: null, mount: null, cas: null, ttl: null, 'remove-data': [], options: {} };

const read = (...argv: string[]): CommandLine => readCommandLine(argv, commands, LORE);
const run = (...argv: string[]): Extract<CommandLine, { kind: 'run' }> => {
  const line = read(...argv);
  if (line.kind === 'run') return line;
  throw line.kind === 'error' ? line.error : new Error(`this is ${line.kind}`);
};
const valuesOf = (...argv: string[]): unknown => run('kv', 'put', ...argv, 'secret/app').flags;
/** The error's code, message and hint. */
const wrong = (...argv: string[]): unknown[] => {
  const line = read(...argv);
  return line.kind === 'error' ? [line.error.code, line.error.message, line.error.hint] : [line.kind];
};

describe('the values of flags', () => {
  it('are there without being given', () => {
    expect(valuesOf()).toEqual(NOTHING);
  });

  it('are false for a boolean, unless it is given, and then what it says last', () => {
    expect(valuesOf('-force')).toEqual({ ...NOTHING, force: true });
    expect(valuesOf('--f')).toEqual({ ...NOTHING, force: true });
    expect(valuesOf('-force=T', '-f=0')).toEqual(NOTHING);
  });

  it('tell a toggle that is off from one that is not given', () => {
    expect(valuesOf('-required=false')).toEqual({ ...NOTHING, required: false });
    expect(valuesOf('-required')).toEqual({ ...NOTHING, required: true });
  });

  it('follow "=" or stand alone, whatever they look like, and the last one counts', () => {
    expect(valuesOf('-mount', '-force')).toEqual({ ...NOTHING, mount: '-force' });
    expect(valuesOf('-mount=a=b\nc')).toEqual({ ...NOTHING, mount: 'a=b\nc' });
    expect(valuesOf('-mount=a', '--mount', '--')).toEqual({ ...NOTHING, mount: '--' });
    expect(valuesOf('-mount=')).toEqual({ ...NOTHING, mount: '' });
  });

  it('are numbers, in milliseconds for a duration', () => {
    expect(valuesOf('-cas', '0', '-ttl=1h30m')).toEqual({ ...NOTHING, cas: 0, ttl: 5_400_000 });
  });

  it('are all that is given, for a list and for pairs', () => {
    expect(valuesOf('-remove-data=a', '-remove-data', 'b,c')).toEqual({ ...NOTHING, 'remove-data': ['a', 'b,c'] });
    expect(valuesOf('-options', 'a=1=2', '-options=b=')).toEqual({ ...NOTHING, options: { a: '1=2', b: '' } });
  });

  it.each([
    [['-force=maybe'], '-force is true or false, not "maybe"', null],
    [['-required='], '-required is true or false, not ""', null],
    [['-cas=1.5'], '-cas is a whole number, not "1.5"', null],
    [['-cas', '-1'], '-cas is a whole number, not "-1"', null],
    [['-cas=9007199254740993'], '-cas is a whole number, not "9007199254740993"', null],
    [['-ttl=0s'], '-ttl is a duration above zero, not "0s"', 'for example -ttl=8h, 90m or 1h30m'],
    [['-options', 'x'], '-options is NAME=VALUE, not "x"', null],
    [['-options==x'], '-options is NAME=VALUE, not "=x"', null],
  ])('are refused: %j', (given, message, hint) => {
    expect(wrong('kv', 'put', ...given, 'secret/app')).toEqual(['bad_flag', message, hint]);
  });

  it('are not missing at the end of the line', () => {
    expect(wrong('kv', 'put', 'a', '-mount')).toEqual(['bad_flag', '-mount needs a value', '-mount=PATH']);
    expect(wrong('kv', 'put', 'a', '-ttl')).toEqual(['bad_flag', '-ttl needs a value', '-ttl=VALUE']);
  });

  it('have the names of the specification, or it does not compile', () => {
    const known = command('x', {
      summary: '',
      flags: { cas: { kind: 'integer', help: '' } },
      async run({ flags: given }) {
        const cas: number | null = given.cas;
        // @ts-expect-error -- misspelt
        const misspelt: unknown = given.csa;
        // @ts-expect-error -- of another kind
        const text: string | null = given.cas;
        return [cas, misspelt, text].length;
      },
    });
    command('y', {
      summary: '',
      async run({ flags: given }) {
        // @ts-expect-error -- it has none
        const none: unknown = given.force;
        return Number(none);
      },
    });
    expect(Object.keys(known.flags)).toEqual(['cas']);
  });
});

describe('a flag of any command', () => {
  const values: { readonly [kind in Flag['kind']]: fc.Arbitrary<{ given: string[]; value: unknown }> } = {
    boolean: fc.boolean().map((value) => ({ given: [String(value)], value })),
    toggle: fc.boolean().map((value) => ({ given: [String(value)], value })),
    text: fc.string().map((value) => ({ given: [value], value })),
    integer: fc.maxSafeNat().map((value) => ({ given: [String(value)], value })),
    duration: fc.integer({ min: 1, max: 2 ** 31 }).map((value) => ({ given: [`${value}ms`], value })),
    list: fc.array(fc.string(), { minLength: 1, maxLength: 3 }).map((value) => ({ given: value, value })),
    pairs: fc
      .dictionary(fc.stringMatching(/^[^=]+$/), fc.string(), { minKeys: 1, maxKeys: 3 })
      .map((value) => ({ given: Object.entries(value).map((pair) => pair.join('=')), value: { ...value } })),
  };
  const specified = COMMANDS.flatMap((spec) =>
    Object.entries(spec.flags).map(([name, flag]) => ({ spec, name, flag })),
  );

  it('comes back with the value that it is given, wherever it stands', () => {
    const cases = fc.constantFrom(...specified).chain(({ spec, name, flag }) =>
      fc.record({
        spec: fc.constant(spec),
        typed: fc.constantFrom(...[name, ...(flag.aliases ?? [])].flatMap((word) => [`-${word}`, `--${word}`])),
        name: fc.constant(name),
        apart: flag.kind === 'boolean' || flag.kind === 'toggle' ? fc.constant(false) : fc.boolean(),
        after: fc.boolean(),
        wanted: values[flag.kind].filter(({ given }) => given.every((text) => flag.notGiven?.includes(text) !== true)),
      }),
    );
    fc.assert(
      fc.property(cases, ({ spec, name, typed, apart, after, wanted: { given, value } }) => {
        const tokens = given.flatMap((text) => (apart ? [typed, text] : [`${typed}=${text}`]));
        const args = Array.from({ length: spec.least }, () => 'a');
        const line = readCommandLine(
          // Behind the name of another command they are that command's.
          [...spec.words, ...(after && !spec.runs ? args : []), ...tokens, ...(after && !spec.runs ? [] : args)],
          COMMANDS,
          LORE,
        );
        if (line.kind !== 'run') throw new Error(`this is ${line.kind}`);
        expect(line.spec).toBe(spec);
        expect(line.args).toEqual(args);
        expect(line.flags[name]).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a command line', () => {
  it('names its command by words or by its alias, among flags that every command has', () => {
    expect(run('kv', '-format', 'json', 'put', 'a', '-config=c').spec).toBe(put);
    expect(run('store', 'a').spec).toBe(put);
    expect(run('-field', 'kv', 'kv', 'metadata', 'get', 'put')).toMatchObject({
      spec: metadata,
      args: ['put'],
      global: { field: 'kv' },
    });
  });

  it('of one that runs another ends with the flags of the other, whether "--" is before them or not', () => {
    for (const dashes of [[], ['--']]) {
      const line = run('start', '-mount=m', ...dashes, 'ls', '-f', '--', '-h');
      expect(line).toMatchObject({ spec: start, args: ['ls', '-f', '--', '-h'], flags: { ...NOTHING, mount: 'm' } });
    }
    expect(run('start', '--', '-f').args).toEqual(['-f']);
    expect(wrong('start', '-none', 'ls')[0]).toBe('unknown_flag');
  });

  it("may have the command's own flags before it, with their values after =", () => {
    expect(run('-mount=m', 'kv', '-f', 'put', 'a').flags).toEqual({ ...NOTHING, mount: 'm', force: true });
    expect(wrong('-mount', 'kv', 'put', 'a')).toEqual(['bad_flag', '-mount needs a value', '-mount=PATH']);
  });

  it('has no flags after "--", and a lone "-" is an argument', () => {
    expect(run('kv', 'put', 'a', '-', '--', '-force', '-h', '--')).toMatchObject({
      args: ['a', '-', '-force', '-h', '--'],
      flags: NOTHING,
    });
  });

  it.each([
    [['kv', 'put', 'a', '-forc'], 'unknown flag -forc', 'did you mean -force? see: coffer kv put -h'],
    [['kv', 'put', 'a', '--xyzzy=secret'], 'unknown flag --xyzzy', 'see: coffer kv put -h'],
    [['-formt=json', 'kv', 'put', 'a'], 'unknown flag -formt', 'did you mean -format? see: coffer kv put -h'],
    [['kv', 'put', '-1'], 'unknown flag -1', 'see: coffer kv put -h'],
    [['-forc'], 'unknown flag -forc', 'see: coffer -h'],
    [['version', '-version'], 'unknown flag -version', 'see: coffer version -h'],
  ])('says what it does not know: %j', (argv, message, hint) => {
    expect(wrong(...argv)).toEqual(['unknown_flag', message, hint]);
  });

  it('says which command is near, and of one that would change something only where the help is', () => {
    expect(wrong('kv', 'metadta', 'get', 'a')).toEqual([
      'unknown_command',
      'there is no command "coffer kv metadta"',
      'did you mean: coffer kv metadata get',
    ]);
    expect(wrong('kv', 'putt', 'a')).toEqual([
      'unknown_command',
      'there is no command "coffer kv putt"',
      'see: coffer kv -h',
    ]);
    expect(wrong('xyzzy', '-h')).toEqual(['unknown_command', 'there is no command "coffer xyzzy"', 'see: coffer -h']);
    expect(wrong('help', 'kv', 'nothing')).toEqual([
      'unknown_command',
      'there is no command "coffer kv nothing"',
      'see: coffer kv -h',
    ]);
  });

  it('names the command that is not there before flags that it would know', () => {
    for (const argv of [
      ['xyzzy', '-method=a', 'b'],
      ['-method=a', 'xyzzy', 'b'],
      ['xyzzy', '-address=a'],
      ['-format=yaml', 'xyzzy', '-force'],
    ])
      expect(wrong(...argv).slice(0, 2)).toEqual(['unknown_command', 'there is no command "coffer xyzzy"']);
    expect(read('kv', '-force')).toMatchObject({ kind: 'group', words: ['kv'], asked: false });
  });

  it('is run without what is known of mistakes, unless it needs that', () => {
    const plain = (...argv: string[]): CommandLine | null => readPlainLine(argv, commands);
    expect(plain('kv', 'put', 'a', '-cas=1')).toEqual(run('kv', 'put', 'a', '-cas=1'));
    for (const argv of [
      [],
      ['kv'],
      ['kv', 'put'],
      ['kv', 'put', 'a', '-h'],
      ['kv', 'put', 'a', '-cas=x'],
      ['kv', 'put', 'a', '-mount'],
      ['kv', 'put', 'a', '-ca-cert=x'],
      ['-ca-cert=x', 'kv', 'put', 'a'],
      ['help', 'kv', 'put'],
      ['version', 'x'],
    ])
      expect(plain(...argv)).toBe(null);
  });

  it('has as many arguments as the command wants', () => {
    expect(wrong('kv', 'put')).toEqual([
      'arguments',
      'Not enough arguments (expected at least 1, got 0)',
      'usage: coffer kv put PATH [VALUE ...]; see: coffer kv put -h',
    ]);
    expect(wrong('version', 'x')).toEqual([
      'arguments',
      'Too many arguments (expected 0, got 1)',
      'usage: coffer version; see: coffer version -h',
    ]);
  });

  it('asks for help with -h anywhere, whatever else is missing or no number', () => {
    for (const argv of [
      ['-h', 'kv', 'put'],
      ['kv', '--help', 'put', '-cas=x'],
      ['kv', 'put', '-help=true'],
      ['help', 'kv', 'put', 'a'],
      ['store', '-h'],
    ]) {
      expect(read(...argv)).toMatchObject({ kind: 'help', spec: put });
    }
    expect(wrong('kv', 'put', '-h', '-nope')).toEqual(['unknown_flag', 'unknown flag -nope', 'see: coffer kv put -h']);
  });

  it('is the start of several commands, by mistake or not', () => {
    expect(read('kv')).toMatchObject({ kind: 'group', words: ['kv'], members: [put, metadata], asked: false });
    expect(read('kv', '-h')).toMatchObject({ kind: 'group', asked: true });
    expect(read('kv', 'help')).toEqual({ ...read('kv', '-h'), global: read().global });
    expect(read('kv', 'help', 'metadata')).toEqual({ ...read('kv', 'metadata', '-h'), global: read().global });
    expect(read('kv', 'help', 'put')).toMatchObject({ kind: 'help', spec: put });
    expect(read('help')).toMatchObject({ kind: 'group', words: [], members: commands, asked: true });
    expect(read()).toMatchObject({ kind: 'group', words: [], asked: false });
  });

  it('asks for the version with a flag alone, in the format that it names', () => {
    for (const flag of ['-v', '-version', '--version'])
      expect(run(flag, '-format=json')).toMatchObject({ spec: version, global: { format: 'json' } });
  });

  it.each([
    [['kv', 'put', '-nope']],
    [['kv', 'gett']],
    [['-nope', 'x']],
    [['kv', 'put', '-force=x']],
    [['kv', 'put', '-cas=x', 'a']],
    [['version', 'x']],
  ])('has its format wherever that stands, if it is wrong: %j', (argv) => {
    for (const line of [read('-format=json', ...argv), read(...argv, '--format', 'json')]) {
      expect(line).toMatchObject({ kind: 'error', global: { format: 'json' } });
    }
  });

  it('takes a format only where it is one', () => {
    expect(run('kv', 'put', 'a', '--', '-format=json').global.format).toBe(null);
    expect(run('kv', 'put', 'a', '-mount', '-format=json').global.format).toBe(null);
  });
});

describe('the commands', () => {
  it('take as many arguments as their usage says', () => {
    const counts = (usage: string): number[] => {
      const { least, most } = command('x', { summary: '', arguments: usage, run: done });
      return [least, most];
    };
    expect(counts('')).toEqual([0, 0]);
    expect(counts('PATH')).toEqual([1, 1]);
    expect(counts('SOURCE DESTINATION')).toEqual([2, 2]);
    expect(counts('[PATH]')).toEqual([0, 1]);
    expect(counts('PATH [KEY=VALUE ...]')).toEqual([1, Infinity]);
    expect(counts('PATH KEY=VALUE|KEY=@FILE|KEY=-|@FILE.json|- ...')).toEqual([1, Infinity]);
  });

  it('begin with words of which none is the whole name of another', () => {
    const names = COMMANDS.flatMap(({ words, alias }) =>
      [words, ...(alias === null ? [] : [alias])].map((parts) => `${parts.join(' ')} `),
    );
    expect(names.filter((name) => names.some((other) => other !== name && other.startsWith(name)))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('have no flag, or alias of one, twice', () => {
    for (const { words, flags: own } of COMMANDS) {
      const names = [...Object.entries<Flag>(own), ...Object.entries<Flag>(GLOBAL_FLAGS)].flatMap(
        ([name, { aliases = [] }]) => [name, ...aliases],
      );
      expect(new Set(names).size, words.join(' ')).toBe(names.length);
    }
  });
});
