// `npm run dev -- ARGS`: one command line, from src as it is, without a build of the bundle.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../src/main.ts';
import { buildAddons } from './natives.mjs';

buildAddons(join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'lib'));
start(process.argv.slice(2));
