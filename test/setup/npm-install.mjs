// `npm run test:npm`: the npm package, installed with each npm and started on each Node that coffer runs on.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureNode, root, say } from './ensure.mjs';
import { fetchNode } from './fetch-node.mjs';

/** npm 12 runs no script of a package that it installs. */
const PAIRS = [
  { node: '22', npm: '10' },
  { node: '24', npm: '11' },
  { node: '26', npm: '12' },
];

ensureNode();
const folder = mkdtempSync(join(tmpdir(), 'coffer-npm-'));
try {
  const installs = PAIRS.map(({ node, npm }) => {
    const into = join(folder, node);
    const bin = join(fetchNode(node, into).folder, 'bin');
    execFileSync(
      'npm',
      ['install', '--prefix', into, '--no-save', '--no-audit', '--no-fund', '--silent', `npm@${npm}`],
      {
        stdio: 'inherit',
      },
    );
    return [bin, join(into, 'node_modules', '.bin')].join(delimiter);
  });
  const env = { ...process.env, COFFER_TEST_INSTALLS: JSON.stringify(installs) };
  const args = [join(root, 'test/setup/test.mjs'), 'test/setup/npm-install.test.ts'];
  process.exitCode = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1;
} catch (error) {
  say(error.message);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
