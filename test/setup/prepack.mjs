// Before `npm pack`: the package holds what was built, and nothing of it is compiled or fetched where it is installed.

import { SetupError, ensureBuild, ensureDependencies, ensureNode } from './ensure.mjs';

try {
  ensureNode();
  await ensureDependencies();
  ensureBuild();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = 1;
}
