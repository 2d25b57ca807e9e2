// Starts a script of bin on a fresh clone as on any other: node prepare.mjs [NODE'S OPTIONS] SCRIPT [ARGUMENTS]

import { spawnSync } from 'node:child_process';
import { SetupError, areDependenciesMissing, ensureDependencies, ensureNode, root } from './ensure.mjs';

try {
  ensureNode();
  if (areDependenciesMissing()) await ensureDependencies();
  process.exitCode = spawnSync(process.execPath, process.argv.slice(2), { cwd: root, stdio: 'inherit' }).status ?? 1;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = 1;
}
