// Makes what is native in coffer, for the build and for the packages: three add-ons and the launcher of the program.
//
//   guard.node    our own, src/native/guard.c
//   pkcs11.node   pkcs11js, compiled from the package's sources
//   sqlite.node   better-sqlite3, as its package has it compiled
//
// All speak Node-API, which stays the same from one Node.js to the next, and Bun has it too: one file serves them all.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import headers from 'node-api-headers';

const require = createRequire(import.meta.url);
const sources = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src', 'native');
const pkcs11js = dirname(require.resolve('pkcs11js/package.json'));

/** The compilers of this machine, for itself. */
export const HERE = { arch: process.arch, cc: process.env.CC || 'cc', cxx: process.env.CXX || 'c++' };

const SHARED = ['-shared', '-fPIC', '-O2', `-I${headers.include_dir}`];
const HARDENED = ['-Wl,-z,relro,-z,now', '-Wl,--build-id=none'];

/**
 * Writes the three add-ons to a folder; one that is newer than its source stays.
 * @param target for another processor, e.g. { arch: 'arm64', cc: 'aarch64-linux-gnu-gcc', cxx: 'aarch64-linux-gnu-g++' }
 */
export function buildAddons(folder, target = HERE) {
  mkdirSync(folder, { recursive: true });
  const guard = join(sources, 'guard.c');
  make(join(folder, 'guard.node'), [guard], (output) => {
    // Its handlers stay for as long as the process does, and so must it.
    const options = [...SHARED, ...HARDENED, '-std=gnu11', '-pthread', '-Wall', '-Wextra', '-Wl,-z,nodelete'];
    compile(target.cc, [...options, '-o', output, guard, '-ldl']);
  });
  const parts = ['dl.cpp', 'common.cpp', 'main.cpp'].map((name) => join('src', name));
  make(
    join(folder, 'pkcs11.node'),
    parts.map((part) => join(pkcs11js, part)),
    (output) => {
      const options = ['-DNAPI_DISABLE_CPP_EXCEPTIONS', '-Iincludes'];
      compileAddon({ folder: pkcs11js, sources: parts, options, output, compiler: target.cxx });
    },
  );
  const sqlite = join(
    dirname(require.resolve('better-sqlite3/package.json')),
    'prebuilds',
    `linux-${target.arch}.node`,
  );
  make(join(folder, 'sqlite.node'), [sqlite], (output) => copyFileSync(sqlite, output));
}

/** Compiles a package's add-on of C++. @param sources relative to its folder */
export function compileAddon({ folder, sources, options, libraries = [], output, compiler = HERE.cxx }) {
  const common = [...SHARED, ...HARDENED, '-std=c++17', '-s', '-w'];
  // The C++ library inside, so that no other is needed.
  const inside = ['-static-libstdc++', '-static-libgcc'];
  compile(compiler, [...common, ...options, ...inside, '-o', output, ...sources, ...libraries], folder);
}

/** Writes the launcher of the program, src/native/launch.c, which needs no library. */
export function buildLauncher(output, target = HERE) {
  const source = join(sources, 'launch.c');
  make(output, [source], (file) => {
    compile(target.cc, [
      '-static',
      '-O2',
      '-std=gnu11',
      '-Wall',
      '-Wextra',
      '-Wl,--build-id=none',
      '-s',
      '-o',
      file,
      source,
    ]);
  });
}

function make(output, inputs, write) {
  if (changed(output) > Math.max(...inputs.map(changed))) return;
  write(`${output}.new`);
  renameSync(`${output}.new`, output);
}

/** When a file was last changed, in milliseconds; 0 where there is none. */
function changed(file) {
  return statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? 0;
}

function compile(compiler, args, cwd) {
  const { status, error, stderr } = spawnSync(compiler, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (error !== undefined)
    throw new Error(
      `the compiler ${compiler} cannot be started (${error.code}); install one, e.g. apt-get install g++ libc6-dev`,
    );
  if (status === 0) {
    process.stderr.write(stderr);
    return;
  }
  const lines = stderr.split('\n');
  const reason = lines.find((line) => /error|cannot find|undefined reference/.test(line)) ?? lines[0];
  throw new Error(`${compiler} cannot make ${basename(args[args.indexOf('-o') + 1], '.new')}: ${reason.trim()}`);
}
