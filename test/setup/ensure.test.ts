import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findProgram, isBuilt, whyInstall } from './ensure.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffer-ensure-'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

describe('whyInstall', () => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const wanted = {
    '': { name: 'coffer' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/other-system': { version: '1.0.0', optional: true },
  };

  it('finds nothing to do where the versions agree', () => {
    const installed = file('installed', lock({ 'node_modules/a': { version: '1.0.0' } }));
    expect(whyInstall(file('lock', lock(wanted)), installed)).toBeNull();
  });

  it('names a package that is missing or has another version', () => {
    const lockFile = file('lock', lock(wanted));
    expect(whyInstall(lockFile, file('none', lock({})))).toBe('node_modules/a is not at 1.0.0');
    const old = file('old', lock({ 'node_modules/a': { version: '0.9.0' } }));
    expect(whyInstall(lockFile, old)).toBe('node_modules/a is not at 1.0.0');
  });

  it('says so where nothing is installed', () => {
    expect(whyInstall(file('lock', lock(wanted)), join(folder, 'nowhere'))).toBe('node_modules is missing');
  });
});

describe('isBuilt', () => {
  const sources = ['src/main.ts', 'src/native/guard.c', 'bin/build.mjs', 'package.json', 'package-lock.json'];
  const addons = ['guard', 'pkcs11', 'sqlite'].map((name) => `lib/${name}.node`);
  const bundle = [
    `coffer.cjs.cache-0-${process.version}-${process.arch}`,
    ...['coffer', 'commander', 'prompts', 'yaml', 'hcl2-parser'].map((name) => `${name}.cjs`),
    ...addons,
  ];
  const program = ['coffer', 'coffer.bin', ...addons].map((name) => `program/${name}`);

  /** A clone whose sources are an hour older than its build. */
  function clone({ bun }: { bun: boolean }): string {
    for (const name of sources) file(name, '');
    for (const name of ['src/native', 'src', 'bin', ...sources]) age(name, 3600);
    if (bun) file('node_modules/@oven/bun-linux-x64/bin/bun', '');
    for (const name of [...bundle, ...(bun ? program : [])]) file(`dist/${name}`, '');
    return folder;
  }

  function age(name: string, seconds: number): void {
    const time = Date.now() / 1000 - seconds;
    utimesSync(join(folder, name), time, time);
  }

  it('is content with a bundle where there is no Bun', () => {
    expect(isBuilt(clone({ bun: false }))).toBe(true);
  });

  it.runIf(process.arch === 'x64')('wants the program where there is Bun', () => {
    clone({ bun: false });
    file('node_modules/@oven/bun-linux-x64/bin/bun', '');
    expect(isBuilt(folder)).toBe(false);
    expect(isBuilt(clone({ bun: true }))).toBe(true);
  });

  it.each([...bundle, ...(process.arch === 'x64' ? program : [])])('wants dist/%s', (name) => {
    rmSync(join(clone({ bun: true }), 'dist', name));
    expect(isBuilt(folder)).toBe(false);
  });

  it.each(sources)('wants a build after a change of %s', (name) => {
    age(join(clone({ bun: true }), name).slice(folder.length), -60);
    expect(isBuilt(folder)).toBe(false);
  });

  it.runIf(process.arch === 'x64')('wants a program that is newer than the sources', () => {
    clone({ bun: true });
    age('dist/program/coffer.bin', 7200);
    expect(isBuilt(folder)).toBe(false);
  });

  it('lets an add-on be as old as its own source allows', () => {
    clone({ bun: true });
    age('dist/lib/guard.node', 7200);
    expect(isBuilt(folder)).toBe(true);
  });
});

describe('findProgram', () => {
  it('finds a file on PATH that can be run, and nothing else', () => {
    vi.stubEnv('PATH', folder);
    file('mandoc', '');
    expect(findProgram('mandoc')).toBeNull();
    vi.stubEnv('PATH', join(process.execPath, '..'));
    expect(findProgram('node')).not.toBeNull();
  });
});
