import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SoftHsm } from './softhsm.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, 'test/shim');
const SOURCES = ['shim.c', 'habits.c', 'ciphers.c', 'oaep.c', 'templates.c', 'misbehave.c'].map((name) =>
  join(FOLDER, name),
);
const HEADERS = join(ROOT, 'node_modules/pkcs11js/includes');
const CACHE = join(ROOT, 'node_modules/.cache/coffer-shim');

export interface Shim {
  /** Absolute path of the shim module; `hsm.lib` stands behind it. */
  readonly lib: string;
  /** What a process needs beside the token's own environment. */
  readonly env: Readonly<
    Record<'COFFER_SHIM_MODULE' | 'COFFER_SHIM_LOG' | 'COFFER_SHIM_FAULT' | 'SOFTHSM2_CONF', string>
  >;
  /** The C_ functions called since the last `clear`, in order. */
  calls(): string[];
  clear(): void;
}

/** Puts the shim in front of a token; `log` is the path of a file of its own, `faults` as test/shim/shim.c says. */
export function createShim(hsm: SoftHsm, log: string, ...faults: readonly string[]): Shim {
  writeFileSync(log, '');
  return {
    lib: compileShim(),
    env: { ...hsm.env, COFFER_SHIM_MODULE: hsm.lib, COFFER_SHIM_LOG: log, COFFER_SHIM_FAULT: faults.join(',') },
    calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
    clear: () => writeFileSync(log, ''),
  };
}

/** Compiles test/shim once per version of its sources; safe when several test processes do it at once. */
export function compileShim(): string {
  return compile('shim', SOURCES);
}

/** For LD_PRELOAD: test/shim/clock.c. */
export function compileClock(): string {
  return compile('clock', [join(FOLDER, 'clock.c')]);
}

/** For LD_PRELOAD: test/shim/getenv.c. */
export function compileGetenv(): string {
  return compile('getenv', [join(FOLDER, 'getenv.c')]);
}

/** For LD_PRELOAD: test/shim/disk.c. */
export function compileDisk(): string {
  return compile('disk', [join(FOLDER, 'disk.c')]);
}

/** A module that calls a function which is in no library. */
export function compileUnresolved(): string {
  return compile('unresolved', [join(FOLDER, 'unresolved.c')]);
}

function compile(name: string, sources: readonly string[]): string {
  const content = [...sources, join(FOLDER, 'shim.h')].map((path) => readFileSync(path));
  const hash = createHash('sha256').update(Buffer.concat(content)).update(process.arch).digest('hex').slice(0, 16);
  const lib = join(CACHE, `${name}-${hash}.so`);
  if (!existsSync(lib)) {
    mkdirSync(dirname(lib), { recursive: true });
    const unfinished = `${lib}.${process.pid}`;
    const flags = ['-shared', '-fPIC', '-fvisibility=hidden', '-pthread', '-O1', '-Wall', '-Wextra', `-I${HEADERS}`];
    execFileSync('cc', [...flags, '-o', unfinished, ...sources, '-ldl'], { stdio: ['ignore', 'inherit', 'inherit'] });
    renameSync(unfinished, lib);
  }
  return lib;
}
