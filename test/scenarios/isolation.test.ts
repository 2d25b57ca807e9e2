import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COFFER, IS_BUNDLE, type Start } from '../support/program.ts';
import { compileGetenv } from '../support/shim.ts';
import { makeStand, type Outcome, type RunOptions, type Stand } from '../support/store.ts';

const bun = fileURLToPath(new URL('../../node_modules/@oven/bun-linux-x64/bin/bun', import.meta.url));
const hasStrace = spawnSync('strace', ['true']).status === 0;

let stand: Stand;
/** Every kind of code that comes from a file leaves this one. */
let trace: string;

beforeAll(() => {
  stand = makeStand();
  stand.open();
  stand.ok('secrets', 'enable', 'kv');
  stand.ok('kv', 'put', 'kv/a', 'v=right');
  trace = join(stand.dir, 'trace');
  const payload = `require('node:fs').writeFileSync(${JSON.stringify(trace)}, 'executed');\n`;
  stand.write('payload.js', payload);
});
beforeEach(() => rmSync(trace, { force: true }));
afterAll(() => stand.remove());

const GET = ['kv', 'get', '-field=v', 'kv/a'];
const RIGHT = { status: 0, signal: null, stdout: 'right', stderr: '' };

function expectNoTrace(args: readonly string[], expected: Outcome, options: RunOptions = {}): void {
  const before = readdirSync(stand.dir);
  expect(stand.run(args, options)).toEqual(expected);
  expect(existsSync(trace)).toBe(false);
  expect(readdirSync(stand.dir)).toEqual(before);
}

describe('the current directory', () => {
  const files = [
    ['.env', 'COFFER_STORAGE_PATH=/nowhere/a\nCOFFER_DEBUG=1\n'],
    ['.env.local', 'COFFER_STORAGE_PATH=/nowhere/b\n'],
    ['.env.production', 'COFFER_STORAGE_PATH=/nowhere/c\n'],
    ['.env.development', 'COFFER_STORAGE_PATH=/nowhere/d\n'],
    ['bunfig.toml', 'preload = ["./payload.js"]\n'],
    ['tsconfig.json', '{ "compilerOptions": { "paths": { "yaml": ["./payload.js"], "node:*": ["./payload.js"] } } }\n'],
    ['package.json', '{ "type": "module", "imports": { "#*": "./payload.js" }, "main": "./payload.js" }\n'],
    ...[
      'better-sqlite3',
      'pkcs11js',
      'yaml',
      'commander',
      'hcl2-parser',
      '@inquirer/prompts',
      'chalk',
      'string-width',
      'dotenv',
    ].map((name) => [`node_modules/${name}/index.js`, 'require("../../payload.js");\n'] as const),
    ...['guard', 'pkcs11', 'sqlite'].map((name) => [`lib/${name}.node`, 'no add-on']),
  ] as const;
  beforeAll(() => {
    for (const [name = '', content = ''] of files) stand.write(name, content);
  });
  afterAll(() => {
    for (const [name = ''] of files) rmSync(join(stand.dir, name));
  });

  it.runIf(existsSync(bun))('would have the runtime execute code', () => {
    const script = stand.write('script.js', 'console.log(process.env.COFFER_STORAGE_PATH)');
    const printed = execFileSync(bun, [script], { cwd: stand.dir, env: stand.env, encoding: 'utf8' });
    rmSync(script);
    expect(printed).toBe('/nowhere/b\n');
    expect(readFileSync(trace, 'utf8')).toBe('executed');
  });

  it('changes nothing', () => {
    expectNoTrace(GET, RIGHT);
    // What reads the configuration anew, and what is loaded seldom.
    stand.write('coffer.hcl', `${readFileSync(stand.config, 'utf8')}\n# changed\n`);
    expectNoTrace(GET, RIGHT);
    expectNoTrace(['kv', 'get', '-format=yaml', 'kv/a'], { ...RIGHT, stdout: expect.any(String) as string });
    expectNoTrace(['kv', '-h'], { ...RIGHT, stdout: expect.any(String) as string });
  });
});

/** What a runtime could obey, and whether the program beside the launcher does: of some only a developer's build would. */
const VARIABLES: readonly (readonly [name: string, value: string, does?: 'obeyed'])[] = [
  ['BUN_OPTIONS', '--preload ./payload.js', 'obeyed'],
  ['BUN_OPTIONS', '--config=evil.toml'],
  ['BUN_OPTIONS', '--env-file=evil.env'],
  ['BUN_BE_BUN', '1', 'obeyed'],
  ['BUN_INSPECT', 'ws+unix://inspect.sock?wait=1'],
  ['BUN_INSPECT_CONNECT_TO', 'ws+unix://inspect.sock'],
  ['BUN_INSPECT_NOTIFY', 'unix://inspect.sock'],
  ['BUN_INSPECT_PRELOAD', './payload.js'],
  ['BUN_JSC_dumpOptions', '2', 'obeyed'],
  ['BUN_JSC_dumpGeneratedBytecodes', '1'],
  ['BUN_JSC_configFile', 'evil.jsc'],
  ['BUN_JSC_useJIT', '0'],
  ['BUN_JSC_forceRAMSize', '1'],
  ['JSC_dumpOptions', '2'],
  ['BUN_BYTECODE_ORDER_OUT', 'order.out'],
  ['BUN_CPU_PROFILE', '1'],
  ['BUN_CONFIG_VERBOSE_FETCH', 'curl'],
  ['BUN_DEBUG', 'debug.out'],
  ['BUN_RUNTIME_TRANSPILER_CACHE_PATH', 'transpiled'],
  ['NODE_OPTIONS', '--require ./payload.js'],
  ['NODE_PATH', 'node_modules'],
  ['NODE_EXTRA_CA_CERTS', 'evil.pem'],
  ['NODE_DEBUG', 'fs,module'],
  ['NODE_V8_COVERAGE', 'coverage'],
  ['NODE_ENV', 'production'],
  ['MIMALLOC_SHOW_STATS', '1'],
  ['MIMALLOC_VERBOSE', '1', 'obeyed'],
  ['ICU_DATA', '.'],
  ['SIMDUTF_FORCE_IMPLEMENTATION', 'none'],
  ['JavaScriptCoreUseJIT', '0'],
  ['WebKitMallocForceEnabled', '1'],
  ['MallocStackLogging', '1'],
];

/** What the runtime asks for beside its own: colour, languages, and what is of other systems. */
const HARMLESS = [
  'NO_COLOR',
  'FORCE_COLOR',
  'LC_ALL',
  'TZ',
  'GLIBCXX_TUNABLES',
  'DYLD_INSERT_LIBRARIES',
  'HYPERFINE_RANDOMIZED_ENVIRONMENT_OFFSET',
];

const ENVIRONMENT = '#!/bin/sh\ntr "\\0" "\\n" < /proc/$$/environ\n';

/** The built launcher, with another program beside it. */
function starter(name: string, script: string): Start {
  chmodSync(stand.write(join('other', name), script), 0o755);
  cpSync(COFFER[0], join(stand.dir, 'other/coffer'));
  return [join(stand.dir, 'other/coffer')];
}

describe.skipIf(IS_BUNDLE)('a variable of the environment', () => {
  beforeAll(() => {
    stand.write('evil.toml', 'preload = ["./payload.js"]\n');
    stand.write('evil.env', 'COFFER_STORAGE_PATH=/nowhere/e\n');
    stand.write('evil.pem', 'no certificate');
    stand.write('evil.jsc', 'dumpOptions=2\n');
  });

  for (const [name, value, does] of VARIABLES) {
    it(`${name}=${value} changes nothing`, () => {
      expectNoTrace(GET, RIGHT, { env: { [name]: value } });
    });

    if (does !== 'obeyed') continue;
    it(`${name}=${value} is obeyed by the program beside the launcher`, () => {
      const { stdout, stderr } = stand.run(GET, { env: { [name]: value }, program: [`${COFFER[0]}.bin`] });
      expect({ stdout, stderr, trace: existsSync(trace) }).not.toEqual({ stdout: 'right', stderr: '', trace: false });
    });
  }

  it('is asked for by the runtime only where the launcher takes it away, or it does no harm', () => {
    const { stdout, stderr } = stand.run(['version'], { env: { LD_PRELOAD: compileGetenv() } });
    expect(stdout).toMatch(/^coffer v/);
    const names = [...new Set([...stderr.matchAll(/^getenv (.*)$/gm)].map(([, name = '']) => name))];
    expect(names).toContain('BUN_OPTIONS');
    const env = Object.fromEntries(names.map((name) => [name, 'x']));
    const seen = stand.run([], { env, program: starter('coffer.bin', ENVIRONMENT) }).stdout;
    const kept = names.filter((name) => !seen.includes(`COFFER_TAKEN:${name}=x\n`));
    expect(kept.filter((name) => !HARMLESS.includes(name))).toEqual([]);
  });

  it('that the launcher took away is none of coffer, whatever its name is then', () => {
    expectNoTrace(GET, RIGHT, { env: { 'COFFER_TAKEN:BUN_OPTIONS': '--preload ./payload.js' } });
  });

  it('changes nothing in a process that coffer starts of itself', () => {
    stand.ok('seal');
    const env = { BUN_OPTIONS: '--preload ./payload.js', BUN_BE_BUN: '1', NODE_OPTIONS: '--require ./payload.js' };
    const stdout = 'Success! The store is unsealed\n';
    expectNoTrace(['unseal', '-wait=60s'], { ...RIGHT, stdout }, { env });
  });

  it('changes nothing, all together', () => {
    expectNoTrace(GET, RIGHT, { env: Object.fromEntries(VARIABLES.map(([name, value]) => [name, value] as const)) });
  });
});

describe('a current directory that was removed', () => {
  it('keeps no command from its work', async () => {
    const line = 'mkdir gone && cd gone && rmdir ../gone && coffer';
    expect(await stand.shell(`${line} version`)).toMatchObject({ status: 0 });
    expect(await stand.shell(`${line} kv get -field=v kv/a`)).toMatchObject({ status: 0, stdout: 'right' });
  });
});

describe('an argument', () => {
  it.each([
    ['--inspect'],
    ['--inspect-brk=9229'],
    ['--preload', './payload.js'],
    ['--require', './payload.js'],
    ['-r', './payload.js'],
    ['-e', 'require("./payload.js")'],
    ['-p', '1'],
    ['--print', '1'],
    ['--eval', '1'],
    // Node.js itself looks for this one, wherever it stands.
    ...(IS_BUNDLE ? [] : [['--env-file=evil.env']]),
    ['--cpu-prof'],
    ['run', './payload.js'],
    ['./payload.js'],
    ['--bun'],
    ['--revision'],
    ['x', 'cowsay'],
  ])('%s is none of the runtime', (...args) => {
    const stderr = expect.stringMatching(
      /^error: (unknown flag|there is no command|there is nothing to hand on|-config)/,
    ) as string;
    expectNoTrace(args, { status: 1, signal: null, stdout: '', stderr });
  });
});

describe.runIf(hasStrace)('native code', () => {
  it('comes from folders that nobody else can write, and is unpacked nowhere', () => {
    const TMPDIR = join(stand.dir, 'temporary');
    mkdirSync(TMPDIR);
    const log = join(stand.dir, 'strace.log');
    const calls = 'trace=openat,open,execve,mmap,mprotect';
    const strace = ['/usr/bin/env', 'strace', '-f', '-y', '-s', '4096', '-e', calls, '-o', log] as const;
    const loaded = new Set<string>();
    for (const args of [
      GET,
      ['kv', 'put', 'kv/b', 'v=w'],
      ['unseal'],
      ['kv', '-h'],
      ['version'],
      ['status', '-format=yaml'],
    ]) {
      expect(stand.run(args, { program: [...strace, ...COFFER], env: { TMPDIR } })).toMatchObject({
        status: 0,
        stderr: '',
      });
      for (const line of readFileSync(log, 'utf8').split('\n')) {
        expect(line, 'it makes a file for what is temporary').not.toContain(`"${TMPDIR}/`);
        const [, mapped] = /mmap\(.*PROT_EXEC.*, \d+<([^>]+)>/.exec(line) ?? [];
        const [, opened] = /open(?:at)?\(.*= \d+<([^>]+\.(?:node|so[.\d]*))>/.exec(line) ?? [];
        const [, executed] = /execve\("([^"]+)".* = 0$/.exec(line) ?? [];
        for (const file of [mapped, opened, executed]) if (file !== undefined) loaded.add(file);
      }
    }
    expect(readdirSync(TMPDIR)).toEqual([]);
    for (const name of ['guard', 'pkcs11', 'sqlite'])
      expect([...loaded].filter((file) => file.endsWith(`/lib/${name}.node`))).toHaveLength(1);
    expect(loaded).toContain(realpathSync(stand.lib));
    expect([...loaded].filter(othersMayChange)).toEqual([]);
  });
});

/** A folder for everybody in which everybody may remove only what is their own, as /tmp is, is no danger to what is in it. */
function othersMayChange(file: string): boolean {
  const { mode, uid } = statSync(file);
  const own = uid === 0 || uid === process.getuid?.();
  const isSticky = statSync(file).isDirectory() && (mode & 0o1000) !== 0;
  if (!own || ((mode & 0o022) !== 0 && !isSticky)) return true;
  return dirname(file) !== file && othersMayChange(dirname(file));
}
