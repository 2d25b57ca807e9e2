// Programs are measured as copies that were just written. How their pages came into the page cache makes a difference of some
// milliseconds: Linux maps what was written or read in one go in larger pieces than what was read as a program ran.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/ensure.mjs';

const PIECE = 65_536;

/** The executable with all that lies beside it. @returns the launcher's path */
export function copyProgram(folder) {
  copyFolder(join(root, 'dist', 'program'), folder);
  return join(folder, 'coffer');
}

/** @returns the copy's path, or the path itself where a copy does not run, as where libraries lie beside it */
export function copyNode(path, folder) {
  mkdirSync(folder);
  const copy = join(folder, 'node');
  copyFile(path, copy);
  return spawnSync(copy, ['-e', '0']).status === 0 ? copy : path;
}

function copyFolder(from, to) {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const copy = entry.isDirectory() ? copyFolder : copyFile;
    copy(join(from, entry.name), join(to, entry.name));
  }
}

/** As an installer writes: cpSync's own way is page by page, and one write of the whole would be mapped in pieces of megabytes. */
function copyFile(from, to) {
  const bytes = readFileSync(from);
  const file = openSync(to, 'wx', 0o755);
  for (let at = 0; at < bytes.length; at += PIECE) writeSync(file, bytes, at, Math.min(PIECE, bytes.length - at));
  closeSync(file);
}
