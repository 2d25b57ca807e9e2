// What the bench compiles for itself, kept from one run to the next until a source changes.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runtime } from '../../bin/program.mjs';
import { root } from '../setup/ensure.mjs';

const HERE = join(root, 'test', 'bench');
const KEPT = join(root, 'node_modules', '.cache', 'coffer-bench');
const SQLITE = join(root, 'node_modules', 'better-sqlite3', 'deps', 'sqlite3');
const PKCS11 = join(root, 'node_modules', 'pkcs11js', 'includes');

/** The program that measures. */
export function compileRunner() {
  const source = join(HERE, 'runner.c');
  return kept('runner', [source], (output) => compile(output, [source]));
}

/** The calls of `coffer kv get` in C, with the SQLite that better-sqlite3 has. */
export function compileCalls() {
  const sqlite = kept('sqlite.o', [join(SQLITE, 'sqlite3.c')], (output) =>
    compile(output, ['-c', join(SQLITE, 'sqlite3.c')]),
  );
  const source = join(HERE, 'calls.c');
  return kept('calls', [source, join(SQLITE, 'sqlite3.h')], (output) =>
    compile(output, [`-I${SQLITE}`, `-I${PKCS11}`, source, sqlite, '-pthread', '-ldl', '-lm']),
  );
}

/**
 * Compiles a script of the bench as coffer is compiled, into a folder of its own with the add-ons beside it.
 * @returns the program's path
 */
export function compileScript(name, folder) {
  const program = join(folder, basename(name, '.ts'));
  mkdirSync(folder);
  cpSync(join(root, 'dist', 'program', 'lib'), join(folder, 'lib'), { recursive: true });
  const args = [join(root, 'bin', 'compile.mjs'), program, join(HERE, name)];
  must(spawnSync(runtime(), args, { cwd: root, encoding: 'utf8' }));
  return program;
}

/** Runs a script of the bench in TypeScript. @returns its stdout */
export function typescript(name, args, env) {
  const command = ['--import', 'tsx', join(HERE, name), ...args];
  return must(spawnSync(process.execPath, command, { cwd: root, env, encoding: 'utf8' })).stdout;
}

/** @throws with what the program had to say */
export function must(done) {
  if (done.status === 0) return done;
  throw new Error(`${done.error ?? ''}${done.stdout ?? ''}${done.stderr ?? ''}`.trim());
}

function kept(name, sources, make) {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  const output = join(
    KEPT,
    `${name.split('.')[0]}-${hash.digest('hex').slice(0, 16)}${name.includes('.') ? '.o' : ''}`,
  );
  if (!existsSync(output)) {
    mkdirSync(dirname(output), { recursive: true });
    make(`${output}.new`);
    renameSync(`${output}.new`, output);
  }
  return output;
}

function compile(output, args) {
  must(spawnSync(process.env.CC || 'cc', ['-O2', '-o', output, ...args], { encoding: 'utf8' }));
}
