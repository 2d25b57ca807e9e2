import { writeSync } from 'node:fs';
import { variable } from '../config/index.ts';
import { visible } from '../visible.ts';
import { runCommandLine } from './run.ts';

/**
 * Runs one command line (without the interpreter's and the program's name), and the process ends with its exit status. Until
 * the command has said otherwise that is a failure, so that one which waits for what never comes is none that succeeded.
 */
export function start(argv: readonly string[], run = runCommandLine): void {
  process.exitCode = 1;
  const unfinished = () => say('internal error: the command ended before it was done');
  process.once('exit', unfinished);
  void run(argv)
    .catch((error: unknown) => {
      say(faultText(error));
      return 1;
    })
    .then((status) => {
      process.removeListener('exit', unfinished);
      process.exitCode = status;
    });
}

/** What is thrown up to here is a fault in coffer itself: whatever an operator can meet was reported. */
function faultText(error: unknown): string {
  if (!(error instanceof Error)) return `internal error: ${visible(String(error))}`;
  const debug = variable(process.env, 'debug') === '1';
  return debug ? String(error.stack) : `internal error: ${visible(error.message)} (COFFER_DEBUG=1 shows where)`;
}

function say(line: string): void {
  writeSync(2, `${line}\n`);
}
