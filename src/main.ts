import { runCommandLine } from './cli/run.ts';

/** Runs one command line (without the interpreter's and the program's name) and returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommandLine(argv);
}

/**
 * Runs one command line, and the process ends with its exit status. Until the command has said otherwise that is a failure, so
 * that one which waits for what never comes is none that succeeded.
 */
export function start(argv: readonly string[], run = main): void {
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

/** Whatever is thrown up to here is a fault in coffer itself: what an operator can meet was reported. */
function faultText(error: unknown): string {
  if (!(error instanceof Error)) return `internal error: ${String(error)}`;
  const debug = process.env['COFFER_DEBUG'] === '1';
  return debug ? (error.stack ?? error.message) : `internal error: ${error.message} (COFFER_DEBUG=1 shows where)`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
