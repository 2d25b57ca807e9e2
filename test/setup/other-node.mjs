// `npm run test:node -- 24`: every check on another version of Node. Node comes from its npm package, the sources are those
// of HEAD in a clone of their own, and the native add-ons are compiled for that Node there.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { root, say } from './ensure.mjs';

const version = process.argv[2];
if (version === undefined || !/^\d+(?:\.\d+){0,2}$/.test(version)) {
  console.error('usage: npm run test:node -- VERSION, such as 22 or 24.9.0');
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'coffer-node-'));
try {
  process.exitCode = testOn(nodeFolder());
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The folder of that Node: bin, include and so on. */
function nodeFolder() {
  const name = `node-${process.platform}-${process.arch}`;
  execFileSync(
    'npm',
    ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--silent', `${name}@${version}`],
    { stdio: 'inherit' },
  );
  const found = join(folder, 'node_modules', name);
  const { version: exact } = JSON.parse(readFileSync(join(found, 'package.json'), 'utf8'));
  say(`Node ${exact} is in ${found}`);
  return found;
}

/** @returns the exit code of `npm test` */
function testOn(node) {
  const clone = join(folder, 'coffer');
  execFileSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  if (execFileSync('git', ['-C', root, 'status', '--porcelain']).length > 0) say('what is not committed is not tested');
  const env = { ...process.env, PATH: `${join(node, 'bin')}${delimiter}${process.env.PATH}` };
  // node-gyp would look for headers on the network.
  if (existsSync(join(node, 'include', 'node'))) env.npm_config_nodedir = node;
  return (
    spawnSync('npm', ['test', '--silent'], { cwd: clone, env, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1
  );
}
