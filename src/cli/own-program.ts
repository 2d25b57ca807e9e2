import { dirname, join } from 'node:path';
import { isCompiled } from '../runtime.ts';

/**
 * The command line that starts this same program once more: of the compiled one the launcher, which keeps from it what the runtime
 * would obey, else Node.js with the bundle. The environment for it is `givenEnvironment`.
 */
export function ownProgram(args: readonly string[]): { readonly file: string; readonly args: readonly string[] } {
  if (isCompiled()) return { file: join(dirname(process.execPath), 'coffer'), args };
  const [, script = ''] = process.argv;
  return { file: process.execPath, args: [...process.execArgv, script, ...args] };
}
