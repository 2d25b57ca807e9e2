import { readFileSync } from 'node:fs';
import { AbsentError, type CofferError, ExecuteError, isNoSuchFile, systemErrorCode } from '../errors.ts';
import { loadGuard } from '../native/guard.ts';
import { NOTHING, type Program, shownFile } from './find-program.ts';

/** What the command gets that takes the place of this process. */
export interface ProgramStart {
  readonly program: Program;
  /** From the command's name on. */
  readonly args: readonly (string | Uint8Array)[];
  /** "NAME=value" each; a string is UTF-8. */
  readonly environment: readonly (string | Uint8Array)[];
  /** Descriptors that it gets beside 0, 1 and 2. */
  readonly keep: readonly number[];
  /** Of `givenStart`. */
  readonly state: string | null;
}

/** Replaces this process. @throws ExecuteError, AbsentError where the system does not start it */
export function startProgram({ program, args, environment, keep, state }: ProgramStart): never {
  const start = (path: string | Uint8Array, argv: readonly (string | Uint8Array)[]): never =>
    loadGuard().exec(path, argv, environment, keep, state);
  try {
    return start(program.file, args);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOEXEC' || !program.isText) throw notStarted(error, shownFile(program.file));
  }
  // A script without a first line that names its shell: as execvp(3) and shells do.
  try {
    return start('/bin/sh', ['sh', program.file, ...args.slice(1)]);
  } catch (error) {
    throw notStarted(error, shownFile(program.file));
  }
}

/** The last arguments of coffer's line byte for byte: what is not UTF-8 was lost when the runtime read them. */
export function rawArguments(args: readonly string[]): readonly (string | Uint8Array)[] {
  if (!args.some((arg) => arg.includes('\ufffd'))) return args;
  const line = readFileSync('/proc/self/cmdline');
  const all: Uint8Array[] = [];
  for (let start = 0, end; (end = line.indexOf(0, start)) !== -1; start = end + 1) all.push(line.subarray(start, end));
  return all.slice(-args.length);
}

function notStarted(error: unknown, file: string): CofferError {
  const code = systemErrorCode(error);
  if (isNoSuchFile(error)) {
    return new AbsentError('command_not_found', `cannot start ${file}: what it needs to be run with is not there`, {
      hint: NOTHING,
      cause: error,
    });
  }
  const isTooLong = code === 'E2BIG';
  const reason = isTooLong ? 'its arguments or its environment are too large' : (REASONS.get(code ?? '') ?? code);
  return new ExecuteError('command_not_executable', `cannot start ${file}: ${reason ?? 'unknown error'}`, {
    hint: isTooLong ? `${NOTHING}; -file=NAME=PATH#FIELD hands on a large value as a file` : NOTHING,
    cause: error,
  });
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['ENOEXEC', 'it is neither a program for this machine nor a script'],
  ['ETXTBSY', 'it is being written'],
  ['ENOMEM', 'there is not enough memory'],
  ['ESTALE', 'coffer cannot go back to the directory that it was started in'],
]);
