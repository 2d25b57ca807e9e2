// Builds the program: one folder that needs neither Node nor a package.
//
//   coffer       the launcher, src/native/launch.c
//   coffer.bin   everything else, compiled with Bun
//   lib/         the native add-ons

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HERE, buildLauncher } from './natives.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Bun, of the package that package.json pins. Null where npm did not install it, as it is for Linux on x86-64 alone. */
export function runtime() {
  const path = join(root, 'node_modules', '@oven', 'bun-linux-x64', 'bin', 'bun');
  return existsSync(path) ? path : null;
}

/**
 * Writes the program to a folder.
 * @param lib the folder of the add-ons
 * @param target as of natives.mjs; for another processor with `bun`, the path of the Bun that runs there
 */
export function buildProgram(folder, lib, target = HERE) {
  mkdirSync(folder, { recursive: true });
  buildLauncher(join(folder, 'coffer'), target);
  cpSync(lib, join(folder, 'lib'), { recursive: true });
  const other = target.bun === undefined ? [] : [`--bun=${target.bun}`, `--target=bun-linux-${target.arch}`];
  const { status } = spawnSync(runtime(), [join(root, 'bin', 'compile.mjs'), join(folder, 'coffer.bin'), ...other], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('the program cannot be compiled');
}
