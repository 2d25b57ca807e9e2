// Compiles the native add-on src/native/guard.c, for the build and for whatever else packs or installs coffer.

import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import headers from 'node-api-headers';

const source = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src', 'native', 'guard.c');

/**
 * Writes the add-on to `output`. Node-API stays the same from one Node.js to the next, and Bun has it too, so that one file
 * serves them all.
 * @param compiler another one compiles for another processor, e.g. "aarch64-linux-gnu-gcc"
 */
export function compileGuard(output, compiler = process.env.CC || 'cc') {
  mkdirSync(dirname(output), { recursive: true });
  const options = ['-shared', '-fPIC', '-O2', '-std=gnu11', '-pthread', '-Wall', '-Wextra'];
  // Its handlers stay for as long as the process does, and so must it.
  const linking = ['-Wl,-z,nodelete', '-Wl,-z,relro,-z,now'];
  const args = [...options, ...linking, `-I${headers.include_dir}`, '-o', `${output}.new`, source, '-ldl'];
  const { status, error } = spawnSync(compiler, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined)
    throw new Error(
      `the C compiler ${compiler} cannot be started (${error.code}); install one, e.g. apt-get install gcc libc6-dev`,
    );
  if (status !== 0) throw new Error(`${compiler} cannot compile ${source}`);
  renameSync(`${output}.new`, output);
}
