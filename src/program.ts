// The start of the compiled program.
import { start } from './cli/start.ts';

start(process.argv.slice(2));
