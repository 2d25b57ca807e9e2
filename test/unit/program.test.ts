import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STAND_IN } from '../support/stand-in.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const bun = join(root, 'node_modules/@oven/bun-linux-x64/bin/bun');

/** Starts a program with an environment of these bytes, which no shell and no Node.js would leave alone. */
const STARTER = `
#include <stdlib.h>
#include <unistd.h>
/* starter ENVIRONMENT-FILE PROGRAM ARGUMENT...: the file has each variable ended by NUL */
int main(int argc, char **argv) {
  static char text[65536], *list[1000];
  FILE *file = fopen(argv[1], "r");
  size_t length = fread(text, 1, sizeof text, file), count = 0;
  for (char *at = text; at < text + length; at += strlen(at) + 1) list[count++] = at;
  return argc < 3 || execve(argv[2], argv + 2, list);
}
`;

describe.runIf(existsSync(bun))('the compiled program', () => {
  let app: string;
  const coffer = (args: string[], env: Record<string, string> = {}) => {
    const { status, stdout, stderr } = spawnSync(join(app, 'coffer'), args, {
      encoding: 'utf8',
      env: { ...process.env, COFFER_DEBUG: '', ...env },
    });
    return { status, stdout, stderr };
  };

  beforeAll(() => {
    app = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-program-')));
    symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'));
    writeFileSync(join(app, 'main.ts'), `${STAND_IN}\nstart(process.argv.slice(2));\n`);
    execFileSync(bun, [join(root, 'bin/compile.mjs'), join(app, 'coffer.bin'), join(app, 'main.ts')], {
      cwd: root,
    });
    cpSync(join(root, 'dist/program/coffer'), join(app, 'coffer'));
    symlinkSync(join(root, 'dist/lib'), join(app, 'lib'));
  });
  afterAll(() => {
    rmSync(app, { recursive: true });
  });

  it('exits with the status of the command', () => {
    expect(coffer(['status', '4'])).toEqual({ status: 4, stdout: '', stderr: '' });
    expect(coffer(['status', '0'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('fails where the command never ends', () => {
    expect(coffer(['never'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'internal error: the command ended before it was done\n',
    });
  });

  it('loads add-ons and prompts', () => {
    expect(coffer(['sqlite'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(coffer(['pkcs11'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(coffer(['prompts'])).toEqual({ status: 0, stdout: 'function\n', stderr: '' });
  });

  it('finds its add-ons by its own place, and not by the name that it was called by', () => {
    const other = join(app, 'elsewhere');
    const done = spawnSync(join(app, 'coffer'), ['pkcs11'], {
      argv0: join(other, 'coffer'),
      cwd: '/',
      encoding: 'utf8',
    });
    expect(done).toMatchObject({ status: 0, stderr: '' });
    symlinkSync(join(app, 'coffer'), other);
    expect(spawnSync(other, ['pkcs11'], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it('shows a stack trace only to those who ask, with places in the sources', () => {
    expect(coffer(['throw'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'internal error: broken (COFFER_DEBUG=1 shows where)\n',
    });
    expect(coffer(['throw'], { COFFER_DEBUG: '1' }).stderr).toMatch(/^Error: broken\n +at .*main\.ts:\d+:/);
  });

  describe('the environment that it was given', () => {
    const variables = [
      'BUN_OPTIONS=--preload ./x.js',
      'A=1',
      'NODE_OPTIONS=',
      'A=2',
      'COFFER_TAKEN:BUN_OPTIONS=named as if it had been taken',
      'NODE_NAME=\xff\xfe',
      'BUN_OPTIONS=a second one',
      'JSC_x=y=z',
      'MIMALLOC_VERBOSE=0',
      'ICU_DATA=/nowhere',
      'BUNDLE=kept',
      'no equals sign',
      '=C:=odd',
      'LAST=',
    ];
    const given = Buffer.from(variables.map((each) => `${each}\0`).join(''), 'latin1');
    const start = (args: string[]): Buffer => {
      writeFileSync(join(app, 'environment'), given);
      return execFileSync(join(app, 'starter'), [join(app, 'environment'), join(app, 'coffer'), ...args]);
    };
    beforeAll(() => {
      writeFileSync(join(app, 'starter.c'), `#include <stdio.h>\n#include <string.h>\n${STARTER}`);
      execFileSync('cc', ['-o', join(app, 'starter'), join(app, 'starter.c')]);
    });

    it('is what a program gets that takes its place, byte for byte', () => {
      expect(start(['give-back']).toString('latin1')).toBe(given.toString('latin1'));
    });

    it('is what a process gets that it starts', () => {
      const env = JSON.parse(start(['given']).toString()) as Record<string, string>;
      expect(env).toMatchObject({
        NODE_OPTIONS: '',
        'COFFER_TAKEN:BUN_OPTIONS': 'named as if it had been taken',
        JSC_x: 'y=z',
        MIMALLOC_VERBOSE: '0',
        BUNDLE: 'kept',
        LAST: '',
      });
      expect(Object.keys(env).filter((name) => name.startsWith('COFFER_TAKEN:'))).toEqual(['COFFER_TAKEN:BUN_OPTIONS']);
    });
  });
});
