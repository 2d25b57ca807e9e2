// A Node from its npm package.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './ensure.mjs';

/** Installs a version, e.g. 22 or 24.9.0, below a folder. Returns its folder, of bin and so on, and the exact version. */
export function fetchNode(version, into) {
  const name = `node-${process.platform}-${process.arch}`;
  const args = ['install', '--prefix', into, '--no-save', '--no-audit', '--no-fund', '--silent'];
  execFileSync('npm', [...args, `${name}@${version}`], { stdio: 'inherit' });
  const folder = join(into, 'node_modules', name);
  const { version: exact } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  say(`Node ${exact} is in ${folder}`);
  return { folder, exact };
}
