// `npm run dev -- ARGS`: one command line, from src as it is, without a build of the bundle.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAddons } from './natives.mjs';
import { ensureNode } from './node.mjs';

ensureNode();
buildAddons(join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'lib'));
const { start } = await import('../src/main.ts');
start(process.argv.slice(2));
