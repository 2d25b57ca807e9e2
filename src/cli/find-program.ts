import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { AbsentError, ExecuteError, isNoSuchFile, systemErrorText } from '../errors.ts';

/** A command that can be executed, as far as its mode says. */
export interface Program {
  /** Its path, in bytes. */
  readonly file: Buffer;
  /** Whether a shell would run it where the system does not know what it is. */
  readonly isText: boolean;
}

/**
 * The file of a command as a shell finds it: what has a slash is a path, anything else is looked for in PATH, where folders are no commands
 * and what cannot be looked at is not there. Names of files are bytes: in both strings a character is one.
 * @param path the value of PATH, if it is set
 * @throws AbsentError, ExecuteError
 */
export function findProgram(name: string, path: string | undefined): Program {
  if (name.includes('/')) return programAt(name);
  const files = name === '' ? [] : folders(path).map((folder) => `${folder === '' ? '.' : folder}/${name}`);
  const found = files.filter(isThere);
  const [first] = found;
  if (first === undefined) throw absent(name, `it was looked for in PATH; ${NOTHING}`);
  return programAt(found.find(mayExecute) ?? first);
}

/** Also said where the system cannot start what was found. */
export const NOTHING = 'nothing was run';

/** How a file is called in messages. */
export function shownFile(file: string | Uint8Array): string {
  return (typeof file === 'string' ? bytesOf(file) : Buffer.from(file)).toString('utf8');
}

/** Of confstr(_CS_PATH), which the C library takes where PATH is not set. */
const USUAL = '/bin:/usr/bin';

function folders(path = USUAL): string[] {
  return path.split(':');
}

function bytesOf(file: string): Buffer {
  return Buffer.from(file, 'latin1');
}

function isThere(file: string): boolean {
  try {
    return !statSync(bytesOf(file)).isDirectory();
  } catch {
    return false;
  }
}

function mayExecute(file: string): boolean {
  try {
    accessSync(bytesOf(file), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function programAt(file: string): Program {
  const bytes = bytesOf(file.startsWith('-') ? `./${file}` : file); // no option of an interpreter
  try {
    const status = statSync(bytes);
    if (status.isDirectory()) throw refused(file, 'it is a directory');
    accessSync(bytes, constants.X_OK);
    return { file: bytes, isText: status.isFile() && beginsAsText(bytes) };
  } catch (error) {
    if (error instanceof ExecuteError) throw error;
    if (isNoSuchFile(error)) throw absent(file, NOTHING);
    throw refused(file, systemErrorText(error));
  }
}

/** As bash and POSIX have it: the first line of a script holds no NUL. */
function beginsAsText(file: Buffer): boolean {
  const start = Buffer.alloc(80);
  try {
    const descriptor = openSync(file, 'r');
    const length = readSync(descriptor, start);
    closeSync(descriptor);
    const [line = ''] = start.toString('latin1', 0, length).split('\n', 1);
    return !line.includes('\0');
  } catch {
    return true; // whoever may not read it may still execute it
  }
}

function refused(file: string, problem: string): ExecuteError {
  return new ExecuteError('command_not_executable', `cannot execute ${shownFile(file)}: ${problem}`, { hint: NOTHING });
}

function absent(name: string, hint: string): AbsentError {
  return new AbsentError('command_not_found', `there is no command ${JSON.stringify(shownFile(name))}`, { hint });
}
