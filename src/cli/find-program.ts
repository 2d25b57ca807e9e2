import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { AbsentError, ExecuteError, isNoSuchFile, systemErrorText } from '../errors.ts';

/**
 * The file of a command as a shell finds it: what has a slash is a path, anything else is looked for in PATH.
 * @param path the value of PATH, if it is set
 * @throws AbsentError, ExecuteError
 */
export function findProgram(name: string, path: string | undefined): string {
  const isPath = name.includes('/');
  const files = isPath ? [name] : folders(path).map((folder) => join(folder === '' ? '.' : folder, name));
  let problem: string | null = null;
  for (const file of name === '' ? [] : files) {
    const reason = notExecutable(file);
    if (reason === null) return isPath || file.startsWith('/') ? file : `./${file}`;
    if (reason !== ABSENT) problem ??= `${file}: ${reason}`;
  }
  if (problem !== null)
    throw new ExecuteError('command_not_executable', `cannot execute ${problem}`, { hint: NOTHING });
  throw new AbsentError('command_not_found', `there is no command ${JSON.stringify(name)}`, {
    hint: isPath ? NOTHING : `it was looked for in PATH; ${NOTHING}`,
  });
}

/** Also said where the system cannot start what was found. */
export const NOTHING = 'nothing was run';

/** Of confstr(_CS_PATH), which the C library takes where PATH is not set. */
const USUAL = '/bin:/usr/bin';

function folders(path = USUAL): string[] {
  return path.split(':');
}

const ABSENT = Symbol('absent');

function notExecutable(file: string): string | typeof ABSENT | null {
  try {
    if (statSync(file).isDirectory()) return 'it is a directory';
    accessSync(file, constants.X_OK);
    return null;
  } catch (error) {
    return isNoSuchFile(error) ? ABSENT : systemErrorText(error);
  }
}
