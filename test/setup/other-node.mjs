// `npm run test:node -- 26`: every check on another version of Node. Node comes from its npm package, the sources are those
// of HEAD in a clone of their own.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isSupported } from '../../bin/node.mjs';
import { root, say } from './ensure.mjs';
import { fetchNode } from './fetch-node.mjs';

const version = process.argv[2];
if (version === undefined || !/^\d+(?:\.\d+){0,2}$/.test(version)) {
  console.error('usage: npm run test:node -- VERSION, such as 22 or 26.1.0');
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'coffer-node-'));
try {
  process.exitCode = testOn(fetchNode(version, folder));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @returns the exit code of `npm test` */
function testOn({ folder: node, exact }) {
  if (!isSupported(exact)) {
    // The clone would fetch a newer one for itself, and test that.
    console.error(`coffer does not run on Node ${exact}`);
    return 1;
  }
  const clone = join(folder, 'coffer');
  execFileSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  if (execFileSync('git', ['-C', root, 'status', '--porcelain']).length > 0) say('what is not committed is not tested');
  const env = { ...process.env, PATH: `${join(node, 'bin')}${delimiter}${process.env.PATH}` };
  return (
    spawnSync('npm', ['test', '--silent'], { cwd: clone, env, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1
  );
}
