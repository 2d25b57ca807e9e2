import { runCommandLine } from './cli/run.ts';

/** Runs one command line (without the interpreter's and the program's name) and returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommandLine(argv);
}
