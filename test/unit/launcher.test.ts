import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { STAND_IN } from '../support/stand-in.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Loaded with --require: says on stderr whether V8 took the code cache. */
const spy = `
  const vm = require('node:vm');
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(...args) { super(...args); process.stderr.write(String(this.cachedDataRejected)); }
  };
`;

const notBuilt = 'error: coffer is not built\nhint: run npm run build\n';

describe('bin/coffer.cjs', () => {
  let app: string;
  const cacheFile = () => readdirSync(join(app, 'dist')).find((name) => name.startsWith('coffer.cjs.cache-')) ?? '';
  const coffer = (args: string[], node: string[] = [], env: Record<string, string> = {}) => {
    const program = [...node, join(app, 'bin', 'coffer.cjs'), ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, program, {
      encoding: 'utf8',
      env: { ...process.env, COFFER_DEBUG: '', ...env },
    });
    return { status, stdout, stderr };
  };
  const build = () => {
    const args = [join(root, 'bin/build.mjs'), join(app, 'main.mjs'), join(app, 'dist')];
    expect(spawnSync(process.execPath, args, { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  };

  beforeAll(() => {
    app = mkdtempSync(join(tmpdir(), 'coffer-launcher-'));
    mkdirSync(join(app, 'bin'));
    cpSync(join(root, 'bin/coffer.cjs'), join(app, 'bin/coffer.cjs'));
    symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'));
    writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(app, 'main.mjs'), STAND_IN);
    writeFileSync(join(app, 'spy.cjs'), spy);
  });
  afterAll(() => {
    rmSync(app, { recursive: true });
  });

  it('says that it is not built', () => {
    expect(coffer([])).toEqual({ status: 1, stdout: '', stderr: notBuilt });
    expect(coffer([], [], { COFFER_DEBUG: '1' }).stderr).toBe(notBuilt);
  });

  it('says that Node is too old', () => {
    writeFileSync(join(app, 'old.cjs'), `Object.defineProperty(process.versions, 'node', { value: '22.11.3' });`);
    expect(coffer([], ['--require', join(app, 'old.cjs')])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'error: Node.js 22.12 or newer is needed; this is 22.11.3\nhint: install Node.js 22, 24 or 26\n',
    });
  });

  it('runs the bundle and exits with its status', () => {
    build();
    expect(coffer(['status', '4'])).toEqual({ status: 4, stdout: '', stderr: '' });
    expect(coffer(['url']).stdout).toBe(`${pathToFileURL(join(app, 'dist', 'coffer.cjs')).href}\n`);
  });

  it('runs compiled code from the cache', () => {
    build();
    expect(coffer(['status', '0'], ['--require', join(app, 'spy.cjs')])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'false',
    });
  });

  it('does without a cache that is missing, damaged or made for other flags', () => {
    build();
    const path = join(app, 'dist', cacheFile());
    const other = ['--no-opt', '--stack-size=900'];
    expect(coffer(['status', '2'], other)).toEqual({ status: 2, stdout: '', stderr: '' });
    writeFileSync(path, 'not compiled code');
    expect(coffer(['status', '2'])).toEqual({ status: 2, stdout: '', stderr: '' });
    rmSync(path);
    expect(coffer(['status', '2'])).toEqual({ status: 2, stdout: '', stderr: '' });
  });

  it('leaves one cache behind, whatever was there', () => {
    writeFileSync(join(app, 'dist', 'coffer.cjs.cache-old'), '');
    build();
    expect(readdirSync(join(app, 'dist')).filter((name) => name.includes('.cache-'))).toEqual([cacheFile()]);
  });

  it('loads add-ons and prompts when they are asked for, and not before', () => {
    build();
    expect(coffer(['loaded']).stdout).toBe('0\n');
    expect(coffer(['sqlite'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(coffer(['pkcs11'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(coffer(['prompts'])).toEqual({ status: 0, stdout: 'function\n', stderr: '' });
  });

  it('fails where the command never ends', () => {
    build();
    expect(coffer(['never'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'internal error: the command ended before it was done\n',
    });
  });

  it('has the environment as it was given, whatever the names are', () => {
    build();
    const env = { 'COFFER_TAKEN:A': '1', BUN_A: '2' };
    expect(JSON.parse(coffer(['given'], [], env).stdout)).toMatchObject(env);
    expect(coffer(['give-back'], [], env).stdout).toContain('COFFER_TAKEN:A=1\0');
  });

  it('shows a stack trace only to those who ask', () => {
    build();
    expect(coffer(['throw'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'internal error: broken (COFFER_DEBUG=1 shows where)\n',
    });
    expect(coffer(['throw'], [], { COFFER_DEBUG: '1' }).stderr).toMatch(/^Error: broken\n +at .*main\.mjs:\d+:/);
  });
});

describe('bin/coffer', () => {
  let home: string;
  let clone: string;
  /** A file of the clone that is started, and says which it is and what it was given. */
  const says = (name: string) => {
    const script = `#!/bin/sh\nprintf '<%s>' "${name}" "$@"\n`;
    write(name, name.endsWith('.cjs') ? '' : script);
  };
  const write = (name: string, content: string) => {
    const file = join(clone, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
  };
  /** @param path PATH, where sh and readlink need not be */
  const start = (program: string, path = '', cwd = '/') => {
    const options = { encoding: 'utf8', cwd, env: { PATH: `${path}:${join(home, 'tools')}` } } as const;
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', '"$0" "a b" -x', program], options);
    return { status, stdout, stderr };
  };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'coffer clone '));
    clone = join(home, 'my clone');
    mkdirSync(join(clone, 'bin'), { recursive: true });
    mkdirSync(join(home, 'tools'));
    symlinkSync('/usr/bin/readlink', join(home, 'tools/readlink'));
    for (const name of ['coffer', 'coffer.cjs']) cpSync(join(root, 'bin', name), join(clone, 'bin', name));
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  it('starts the program before anything else', () => {
    for (const name of ['dist/program/coffer', 'dist/coffer.cjs', 'path/node']) says(name);
    const expected = { status: 0, stdout: '<dist/program/coffer><a b><-x>', stderr: '' };
    expect(start(join(clone, 'bin/coffer'), join(clone, 'path'))).toEqual(expected);
    expect(start('bin/coffer', '', clone)).toEqual(expected);
    expect(start('coffer', join(clone, 'bin'))).toEqual(expected);
    expect(start('coffer', '', join(clone, 'bin'))).toEqual(expected);
  });

  it('is found through symbolic links', () => {
    says('dist/program/coffer');
    mkdirSync(join(home, 'path'));
    symlinkSync('../my clone/bin/coffer', join(home, 'path/first'));
    symlinkSync('first', join(home, 'path/coffer'));
    expect(start('coffer', join(home, 'path')).stdout).toBe('<dist/program/coffer><a b><-x>');
  });

  it('starts the bundle on Node where there is no program', () => {
    for (const name of ['dist/coffer.cjs', 'path/node']) says(name);
    expect(start(join(clone, 'bin/coffer'), join(clone, 'path'))).toEqual({
      status: 0,
      stdout: `<path/node><${clone}/bin/../bin/coffer.cjs><a b><-x>`,
      stderr: '',
    });
  });

  it('starts the bundle on the Node that was fetched', () => {
    const fetched = `.deps/node/node_modules/node-linux-${process.arch}/bin/node`;
    for (const name of ['dist/coffer.cjs', 'path/node', fetched]) says(name);
    expect(start(join(clone, 'bin/coffer'), join(clone, 'path')).stdout).toMatch(`<${fetched}>`);
  });

  it('says what to do where nothing is built', () => {
    says('path/node');
    expect(start(join(clone, 'bin/coffer'), join(clone, 'path'))).toEqual({
      status: 1,
      stdout: '',
      stderr: notBuilt,
    });
  });

  it('says what to do where there is a bundle and no Node', () => {
    says('dist/coffer.cjs');
    expect(start(join(clone, 'bin/coffer'))).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'error: neither the compiled program nor Node.js is here\n' +
        'hint: run npm run build, or install Node.js 22.12 or newer\n',
    });
  });
});
