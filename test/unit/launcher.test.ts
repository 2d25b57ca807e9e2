import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
    for (const name of ['coffer.cjs', 'package.json']) cpSync(join(root, 'bin', name), join(app, 'bin', name));
    symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'));
    writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(app, 'main.mjs'), STAND_IN);
    writeFileSync(join(app, 'spy.cjs'), spy);
  });
  afterAll(() => {
    rmSync(app, { recursive: true });
  });

  it('says in one line that it is not built', () => {
    expect(coffer([])).toEqual({ status: 1, stdout: '', stderr: 'coffer is not built; run npm run build\n' });
    expect(coffer([], [], { COFFER_DEBUG: '1' }).stderr).toBe('coffer is not built; run npm run build\n');
  });

  it('says in one line that Node is too old', () => {
    writeFileSync(join(app, 'old.cjs'), `Object.defineProperty(process.versions, 'node', { value: '22.11.3' });`);
    expect(coffer([], ['--require', join(app, 'old.cjs')])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'Node.js 22.12 or newer is needed; this is 22.11.3\n',
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
