// The Node.js that a script of this project runs on. Plain old JavaScript without a package, since a Node that is too old
// reads this far.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [22, 12];
/** What is fetched where Node is older; the registry has it for Linux on x64 and on arm64. */
const FETCHED_NODE = '24.21.0';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), '.deps', 'node');
const NAME = `node-${process.platform}-${process.arch}`;

/** Whether coffer runs on a Node, e.g. '24.1.0'. */
export function isSupported(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/**
 * Returns on a Node that coffer runs on. Else the script runs once more on one that is fetched, as a package, into
 * .deps/node, and this process ends as that one does.
 */
export function ensureNode() {
  if (isSupported(process.versions.node)) return;
  const bin = join(folder, 'node_modules', NAME, 'bin');
  const node = join(bin, 'node');
  if (!isFetched(node)) fetchNode(node);
  // npm, npx and what they start take the first Node on PATH.
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const args = [...process.execArgv, ...process.argv.slice(1)];
  process.exit(spawnSync(node, args, { stdio: 'inherit', env }).status ?? 1);
}

/** What a script of bin throws is said in one line; COFFER_DEBUG=1 shows where. */
export function sayErrorsInOneLine() {
  process.on('uncaughtException', (error) => {
    console.error(process.env.COFFER_DEBUG === '1' ? error : `error: ${error.message}`);
    process.exit(1);
  });
}

function isFetched(node) {
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout === `v${FETCHED_NODE}\n`;
}

function fetchNode(node) {
  const needed = `Node.js ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}`;
  process.stderr.write(`setup: ${needed}: fetching ${FETCHED_NODE} into ${folder}\n`);
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--silent'];
  // npm says nothing of use here.
  const { error } = spawnSync('npm', [...args, `${NAME}@${FETCHED_NODE}`], { stdio: 'ignore' });
  if (isFetched(node)) return;
  const why = error === undefined ? `npm cannot install ${NAME}@${FETCHED_NODE}` : 'there is no npm';
  process.stderr.write(`setup: ${why}; install Node.js 22, 24 or 26 and try again\n`);
  process.exit(1);
}
