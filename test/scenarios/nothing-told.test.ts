import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodings, filesBelow, found } from '../support/needles.ts';
import { COFFER, type Start } from '../support/program.ts';
import { inDatabase, makeStand, type Outcome, type Stand } from '../support/store.ts';

/** Of letters that no message, name or stack trace has beside each other, so that a piece of it is found, too. */
const VALUE = 'qzjxkvqwzx9jqvxzkw';
const PIECE = 5;
const hasStrace = spawnSync('strace', ['true']).status === 0;

let stand: Stand;
beforeAll(() => {
  stand = makeStand();
  stand.open();
  for (const [path, version] of [
    ['kv', 1],
    ['two', 2],
  ] as const)
    stand.ok('secrets', 'enable', `-path=${path}`, `-version=${version}`, 'kv');
  const secret = { v: VALUE, V: VALUE, nul: `${VALUE}\0${VALUE}`, half: `${VALUE}\ud800`, big: VALUE.repeat(10_000) };
  for (const mount of ['kv', 'two']) {
    const put = stand.run(['kv', 'put', `${mount}/m`, '-'], { input: JSON.stringify(secret) });
    expect(put).toMatchObject({ status: 0 });
    expect(stand.run(['kv', 'put', `${mount}/plain`, 'v=-'], { input: VALUE }).status).toBe(0);
  }
  stand.write('asked/.keep', '');
  stand.write('tmp/.keep', '');
});
afterAll(() => stand.remove());

/** Everybody may read what is made, if coffer does not see to it. */
const OPEN_UMASK: Start = ['/bin/sh', '-c', 'umask 0; exec "$@"', 'sh'];
const environment = (): Record<string, string> => ({ TMPDIR: join(stand.dir, 'tmp') });

/** The places of a text where a piece of the value stands, or all of it in another form. */
function told(text: string): string[] {
  const pieces = Array.from({ length: VALUE.length - PIECE + 1 }, (_, at) => VALUE.slice(at, at + PIECE));
  const inPieces = text.split('\n').filter((line) => pieces.some((piece) => line.toLowerCase().includes(piece)));
  return [...inPieces, ...found(new Map([['it', Buffer.from(text)]]), encodings(Buffer.from(VALUE)))];
}

describe('a fault of what is given', () => {
  const record = (data: string): string => `{"path":"kv/a","data":${data}}`;
  const versions = (value: string): string =>
    `{"path":"two/a","data":{"v":"1"},"metadata":{"custom_metadata":null},"versions":${value}}`;
  const metadata = (value: string): string => `{"path":"two/a","data":{"v":"1"},"metadata":{${value}}}`;
  const inJson: readonly string[] = [
    record(`{"v":"${VALUE}`),
    record(`{"v":"${VALUE}"`),
    record(`{"v":"${VALUE}\\q"}`),
    record(`{"v":"${VALUE}\\u12"}`),
    record(`{"v":"${VALUE}\t"}`),
    record(`{"v":"${VALUE}\n${VALUE}"}`),
    record(`{"v":${VALUE}}`),
    record(`{"v":'${VALUE}'}`),
    record(`{"v":0${VALUE}}`),
    record(`{"v":"1" "${VALUE}"}`),
    record(`{"v":"1","${VALUE}"}`),
    record(`{"v":"${VALUE}","v":"2${VALUE}"}`),
    record(`{"v":{"w":"${VALUE}","w":["${VALUE}"]}}`),
    record(`"${VALUE}"`),
    record(`["${VALUE}"]`),
    `${record('{"v":"1"}')} ${VALUE}`,
    `${record('{"v":"1"}')}\n"${VALUE}"`,
    `${record(`{"v":"${VALUE}"}`)}\n${record(`{"v":"${VALUE}"}`)}`,
    `{"path":["${VALUE}"],"data":{}}`,
    `{"path":"nowhere/a","data":{"v":"${VALUE}"}}`,
    `{"path":"kv/../a","data":{"v":"${VALUE}"}}`,
    `{"path":"kv","data":{"v":"${VALUE}"}}`,
    `{"path":"kv/a","data":{"v":"${VALUE}"},"more":"${VALUE}"}`,
    `{"path":"kv/a","metadata":"${VALUE}"}`,
    `{"path":"kv/a","data":{"v":"1"},"versions":{"1":{"v":"${VALUE}"}}}`,
    versions(`"${VALUE}"`),
    versions(`{"1":"${VALUE}"}`),
    versions(`{"0":{"v":"${VALUE}"}}`),
    versions(`{"1":{"v":"${VALUE}"},"x":{"v":"${VALUE}"}}`),
    metadata(`"max_versions":"${VALUE}"`),
    metadata(`"cas_required":"${VALUE}"`),
    metadata(`"delete_version_after":"${VALUE}"`),
    metadata(`"custom_metadata":"${VALUE}"`),
    metadata(`"custom_metadata":{"a":["${VALUE}"]}`),
    metadata(`"created_time":"${VALUE}"`),
    `"${VALUE}"`,
    VALUE,
    `["${VALUE}"]`,
    `[["${VALUE}"]]`,
    `{"v":"${VALUE}"}`,
    `{"kv/a":{"v":"1"},"v":"${VALUE}"}`,
  ];
  const inYaml: readonly string[] = [
    `v: "${VALUE}`,
    `v: '${VALUE}`,
    `v: [${VALUE}`,
    `v: {${VALUE}`,
    `v: ${VALUE}: ${VALUE}`,
    `v: ${VALUE}\n\t- ${VALUE}`,
    `v: "${VALUE}\\q"`,
    `v: "\\x${VALUE}"`,
    `v: |${VALUE}\n  x`,
    `v: |\n  ${VALUE}\n ${VALUE}`,
    `v: *${VALUE}`,
    `v: &${VALUE} 1\nw: *${VALUE}x`,
    `v: !${VALUE} 1`,
    `v: !!${VALUE} 1`,
    `v: !!binary ${VALUE}`,
    `v: !!timestamp ${VALUE}`,
    `v: @${VALUE}`,
    `v: \`${VALUE}\``,
    `%${VALUE} 1\n---\nv: ${VALUE}`,
    `%YAML ${VALUE}\n---\nv: 1`,
    `v: ${VALUE}\n---\nv: ${VALUE}`,
    `v: ${VALUE}\nv: ${VALUE}`,
    `? [${VALUE}]\n: ${VALUE}`,
    `<<: ${VALUE}`,
    `<<: [${VALUE}]`,
    `- ${VALUE}`,
    VALUE,
    `a: &a [*a, ${VALUE}]`,
  ];
  /** The lines of a key in several lines that nobody put into quotes look like names. */
  const inEnv: readonly string[] = [
    `V="${VALUE}`,
    `V='${VALUE}\nW=1`,
    `V=\`${VALUE}`,
    VALUE,
    `V ${VALUE}`,
    `=${VALUE}`,
    `export ${VALUE}`,
    `V=1\nV=${VALUE}`,
    `V=-----BEGIN-----\n${VALUE}==\n${VALUE}==`,
    `V="${VALUE}" ${VALUE}`,
  ];
  const accepted: string[] = [];
  const imports = [
    ...inJson.flatMap((input) => [['json', input] as const, ['ndjson', input] as const]),
    ...inYaml.map((input) => ['yaml', input] as const),
    ...inEnv.map((input) => ['env', input] as const),
  ];

  /** In text and in JSON, with the places in the source that an operator may ask for. */
  function refusals(args: readonly string[], input: string | Uint8Array = ''): readonly Outcome[] {
    const [first = '', ...rest] = args;
    const env = environment();
    return [
      stand.run(args, { input, env }),
      stand.run(args, { input, env: { ...env, COFFER_DEBUG: '1' } }),
      stand.run([first, '-format=json', ...rest], { input, env: { ...env, COFFER_DEBUG: '1' } }),
    ];
  }

  function expectNothingTold(outcomes: readonly Outcome[], what: string): void {
    for (const { status, stdout, stderr } of outcomes) {
      expect(status, what).not.toBe(0);
      expect(told(stdout + stderr), what).toEqual([]);
      expect(stderr, what).not.toContain('internal error');
      expect(stderr, what).not.toBe('');
    }
    expect(Object.keys(JSON.parse(outcomes.at(-1)?.stderr ?? '') as object), what).toContain('errors');
  }

  it('would be found by this test if it told a piece', () => {
    expect(told(`error: near "${VALUE.slice(3, 3 + PIECE)}"`)).toHaveLength(1);
    expect(told(Buffer.from(VALUE).toString('base64'))).not.toEqual([]);
    expect(told('error: nothing of it')).toEqual([]);
  });

  it.each(['json', 'ndjson', 'yaml', 'env'])('names no value where kv import reads %s', (type) => {
    const inputs = imports.filter(([each]) => each === type);
    expect(inputs.length).toBeGreaterThan(8);
    for (const [, input] of inputs) {
      for (const path of PATHS[type] ?? [[]]) {
        const outcomes = refusalsOf(['kv', 'import', `-input-type=${type}`, ...path, '-'], input);
        if (outcomes !== null) expectNothingTold(outcomes, input);
      }
    }
  });

  /** null where it is no fault; what is said is looked at all the same. */
  function refusalsOf(args: readonly string[], input: string): readonly Outcome[] | null {
    const outcomes = refusals(args, input);
    if (outcomes.every(({ status }) => status !== 0)) return outcomes;
    for (const { stdout, stderr } of outcomes) expect(told(stdout + stderr), input).toEqual([]);
    accepted.push(`${args.join(' ')}: ${input}`);
    return null;
  }

  it('is every one of these but what the formats allow', () => {
    expect(accepted.map((each) => each.replaceAll(VALUE, 'VALUE'))).toEqual(ALLOWED);
  });

  it('names no value where the input is not UTF-8', () => {
    for (const type of ['json', 'ndjson', 'yaml', 'env']) {
      const input = Buffer.concat([Buffer.from(`V=${VALUE}`), Buffer.from([0xff]), Buffer.from(VALUE)]);
      expectNothingTold(refusals(['kv', 'import', `-input-type=${type}`, '-path=kv/a', '-'], input), type);
    }
  });

  it('names no value where it is in a file of variables', () => {
    const lines = [
      ...inEnv.filter((each) => !/^V=1\nV=/.test(each)),
      `V=1\n9${VALUE}==`,
      `V=coffer://kv/m#v and ${VALUE}`,
      `${VALUE}=coffer:// and more`,
      `V="coffer://${VALUE}"`,
      `V='${VALUE}\0'`,
      `${VALUE}=x\0`,
    ];
    for (const line of lines) {
      stand.write('given.env', line);
      expectNothingTold(refusals(['run', '-env-file=given.env', '-env', 'A=kv/none#v', '--', 'true']), line);
    }
  });

  it('names no value where it is in a template', () => {
    const templates = [
      `${VALUE} coffer://kv/m`,
      `coffer://kv/m#v\n${VALUE} coffer://kv/m#none`,
      `coffer://kv/m#v ${VALUE} coffer://kv/none#v`,
      `coffer://kv/m#v coffer://nowhere/m#v ${VALUE}`,
      `coffer://kv/m#v {{ coffer://kv/m ${VALUE}}}`,
      `coffer://kv/m#v {{ coffer://kv/m#half }}`,
      Buffer.concat([Buffer.from(`coffer://kv/m#v ${VALUE}`), Buffer.from([0xff])]),
    ];
    for (const template of templates) {
      stand.write('template', template);
      for (const args of [['template'], ['-out=asked/rendered', 'template']])
        expectNothingTold(refusals(['inject', ...args]), template.toString());
    }
    stand.write('template', 'coffer://kv/m#v');
    for (const out of ['/proc/rendered', 'asked', '/dev/full'])
      expectNothingTold(refusals(['inject', `-out=${out}`, 'template']), out);
    expect(readdirSync(join(stand.dir, 'asked'))).toEqual(['.keep']);
  });

  it('names no value where a command cannot have it', () => {
    const command = ['--', 'true'];
    const lines = [
      ['-env', 'A=kv/m#v', '-env', 'B=kv/m#none', ...command],
      ['-env', 'A=kv/m#v', '-file', 'B=kv/none#v', ...command],
      ['-env', 'A=kv/m#v', '-env', 'B=kv/m#nul', ...command],
      ['-env', 'A=kv/m#v', '-env', 'B=kv/m#half', ...command],
      ['-file', 'A=kv/m#v', '-file', 'B=two/m#half', ...command],
      ['-env', 'A=kv/m#v', '-env', 'B=kv/m#big', ...command],
      ['-prefix=kv/m', ...command],
      ['-prefix=kv/plain', '-name-format=9{field}', ...command],
      ['-env', 'A=kv/m#v', '--', 'no-such-command'],
      ['-env', 'A=kv/m#v', '--', './coffer.hcl'],
      ['-env', `A=${VALUE}`, ...command],
      ['-env', VALUE, ...command],
      ['-file', `A=${VALUE}`, ...command],
      [`-prefix=kv/m#${VALUE}`, ...command],
    ];
    for (const line of lines) expectNothingTold(refusals(['run', ...line]), line.join(' '));
  });

  it('names no value where it cannot be handed out', async () => {
    const lines = [['asked'], ['/proc/out.ndjson'], ['-mount=nowhere', '-']];
    for (const line of lines) expectNothingTold(refusals(['kv', 'export', ...line]), line.join(' '));
    for (const line of ['kv export -', 'inject template', 'inject -format=json template']) {
      const { status, stderr } = await stand.shell(`COFFER_DEBUG=1 coffer ${line} > /dev/full`);
      expect({ status, told: told(stderr) }, line).toEqual({ status: 1, told: [] });
    }
  });
});

/** What names no path needs one; YAML may. */
const PATHS: { readonly [type: string]: readonly (readonly string[])[] } = {
  env: [['-path=kv/a']],
  yaml: [['-path=kv/a'], []],
};

/** Times are those of versions, and are not looked at where none are brought. */
const ALLOWED = [
  ...['json', 'ndjson'].map(
    (type) => `kv import -input-type=${type} -: {"path":"two/a","data":{"v":"1"},"metadata":{"created_time":"VALUE"}}`,
  ),
];

describe.runIf(hasStrace)('the system, asked what coffer does', () => {
  /** Lines of strace for what puts bytes anywhere, makes files, or starts programs; file descriptors with their paths. */
  function traced(
    args: readonly string[],
    input = '',
  ): { readonly outcome: Outcome; readonly calls: readonly string[] } {
    const log = join(stand.dir, 'trace');
    const calls =
      'execve,execveat,open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,chmod,fchmod,rename';
    const strace = [
      'strace',
      '-f',
      '-qq',
      '-y',
      '-s',
      '4000000',
      '-e',
      `trace=${calls}`,
      '-e',
      'signal=none',
      '-o',
      log,
    ];
    const outcome = stand.run(args, { input, env: environment(), program: [...OPEN_UMASK, ...strace, ...COFFER] });
    return { outcome, calls: readFileSync(log, 'utf8').split('\n') };
  }

  const lines = `{"path":"kv/new","data":{"v":"${VALUE}"}}\n`;
  const work: readonly (readonly [what: string, args: readonly string[], input?: string])[] = [
    ['kv import -dry-run', ['kv', 'import', '-dry-run', '-'], lines],
    ['kv import of lines', ['kv', 'import', '-'], lines],
    ['kv import of a file', ['kv', 'import', 'given.ndjson']],
    ['kv import of JSON', ['kv', 'import', '-mount=two', 'given.json']],
    ['kv import of YAML', ['kv', 'import', '-input-type=yaml', '-path=two/yaml', '-'], `v: ${VALUE}\n`],
    ['kv import of .env', ['kv', 'import', '-input-type=env', '-path=kv/env', '-'], `V='${VALUE}'\n`],
    ['kv import that is refused', ['kv', 'import', '-'], `${lines}${lines}`],
    ['kv export', ['kv', 'export', 'asked/all.ndjson']],
    ['kv export -versions', ['kv', 'export', '-versions', '-']],
    ['inject', ['inject', 'given.template']],
    ['inject -out', ['inject', '-out=asked/rendered', 'given.template']],
    ['run -env', ['run', '-env', 'A=kv/m#v', '--', 'sh', '-c', 'test -n "$A"']],
    ['run -prefix', ['run', '-prefix=kv/plain', '--', 'sh', '-c', 'test -n "$V"']],
    ['run -env-file', ['run', '-env-file=given.env', '--', 'sh', '-c', 'test -n "$A"']],
    ['run -file', ['run', '-file', 'A=kv/m#v', '--', 'sh', '-c', 'test -s "$A"']],
    ['run of a script without a shell', ['run', '-env', 'A=kv/m#v', '--', './script']],
    ['kv list -recursive', ['kv', 'list', '-recursive', 'kv']],
    ['list -recursive', ['list', '-recursive', '-format=json', '-detailed', 'two']],
    ['kv scan', ['kv', 'scan', 'two']],
    ['scan', ['scan', 'kv']],
  ];
  beforeAll(() => {
    stand.write('given.ndjson', lines.replace('new', 'file'));
    stand.write('given.json', `{"json":{"v":"${VALUE}"}}`);
    stand.write('given.template', 'coffer://kv/m#v and {{ coffer://two/m#v }}');
    stand.write('given.env', 'A=coffer://kv/m#v\n');
    spawnSync('chmod', ['u+x', stand.write('script', 'test -n "$A"\n')]);
  });

  for (const [what, args, input] of work)
    it(`sees no value of ${what} in an argument, or on a disk where nobody asked for it`, () => {
      const { outcome, calls } = traced(args, input);
      const isRefused = input === `${lines}${lines}`;
      expect({ status: outcome.status === 0, stderr: told(outcome.stderr) }).toEqual({
        status: !isRefused,
        stderr: [],
      });
      expect(calls.some((line) => line.includes('execve('))).toBe(true);
      const withValue = calls.filter((line) => told(line).length > 0);
      expect(withValue.filter((line) => /\bexecve/.test(line))).toEqual([]);
      const places = withValue.map((line) => /\w+\(\d+<([^>]*)>/.exec(line)?.[1] ?? line);
      const asked = args.some((arg) => arg.includes('asked/'));
      const isAllowed = (place: string): boolean =>
        /^(pipe:|\/memfd:|socket:|UNIX)/.test(place) || (asked && place.startsWith(join(stand.dir, 'asked/')));
      expect(places.filter((place) => !isAllowed(place))).toEqual([]);
      if (asked) expect(places.some((place) => place.includes('/asked/'))).toBe(true);
      const made = calls.filter((line) => /O_CREAT/.test(line) && !/ENOENT|"\/dev\//.test(line));
      const isReadable = (line: string): boolean => (parseInt(/, 0(\d+)\)/.exec(line)?.[1] ?? '0', 8) & 0o077) !== 0;
      expect(made.filter(isReadable)).toEqual([]);
    });
});

describe('what is left on the disk', () => {
  const FOLDERS = ['home', 'store', 'tmp', 'hsm'];

  it('holds no value, in journals and temporary files neither, and is nobody else to read', () => {
    const program: Start = [...OPEN_UMASK, ...COFFER];
    const env = environment();
    const input = Array.from({ length: 50 }, (_, at) => `{"path":"kv/many/${at}","data":{"v":"${VALUE}"}}\n`).join('');
    const files = inDatabase(stand.path, (reader) => {
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM entries').get();
      expect(stand.run(['kv', 'import', '-'], { input, env, program }).status).toBe(0);
      expect(stand.run(['kv', 'export', '-force', 'asked/out'], { env, program }).status).toBe(0);
      const made = filesBelow(stand, FOLDERS);
      for (const name of made.keys())
        if (!name.startsWith('hsm/')) expect(lstatSync(join(stand.dir, name)).mode & 0o077, name).toBe(0);
      return made;
    });
    expect([...files.keys()].some((name) => name.endsWith('-wal'))).toBe(true);
    expect(found(files, encodings(Buffer.from(VALUE)))).toEqual([]);
    expect(readdirSync(join(stand.dir, 'tmp'))).toEqual(['.keep']);
  });

  it('is what export was asked for, for its owner alone', () => {
    const asked = filesBelow(stand, ['asked']);
    expect(found(asked, new Map([['utf8', Buffer.from(VALUE)]]))).toContain('utf8 in asked/out');
    for (const name of asked.keys()) expect(lstatSync(join(stand.dir, name)).mode & 0o777, name).toBe(0o600);
  });
});
