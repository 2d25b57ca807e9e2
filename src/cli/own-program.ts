/**
 * The command line that starts this same program once more. Today that is Node with bin/coffer; a compiled executable is
 * its own interpreter, and this is the one place that has to know.
 */
export function ownProgram(args: readonly string[]): { readonly file: string; readonly args: readonly string[] } {
  const [, script = ''] = process.argv;
  return { file: process.execPath, args: [...process.execArgv, script, ...args] };
}
