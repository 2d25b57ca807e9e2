// What bin/coffer.cjs and bin/cache.mjs find in the bundle.
export { runCommandLine as main } from './cli/run.ts';
export { start } from './cli/start.ts';
