import { spawnSync } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';
import { root } from '../setup/ensure.mjs';

/**
 * The Node.js that this machine has: the first on PATH that the set-up scripts did not fetch, else the one that runs the bench.
 * @returns {{path: string, version: string}}
 */
export function systemNode() {
  const fetched = join(root, '.deps') + sep;
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .find((each) => isProgram(each) && !realpathSync(each).startsWith(fetched));
  if (path === undefined) return { path: process.execPath, version: process.version };
  return { path, version: spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim() };
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
