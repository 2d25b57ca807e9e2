// `npm run dev -- ARGS`: one command line, from src as it is, without a build of the bundle.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../src/main.ts';
import { compileGuard } from './guard.mjs';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');
if (!existsSync(join(dist, 'guard.node'))) compileGuard(join(dist, 'guard.node'));
process.exitCode = await main(process.argv.slice(2));
