import { readFileSync } from 'node:fs';
import { AbsentError, type CofferError, ExecuteError, isNoSuchFile, systemErrorCode } from '../errors.ts';
import { giveEnvironmentBack } from '../native/environment.ts';
import { type Guard, loadGuard } from '../native/guard.ts';
import { NOTHING } from './find-program.ts';

/** What the command gets that takes the place of this process. */
export interface ProgramStart {
  readonly file: string;
  /** From the command's name on, which the line of coffer ends with. */
  readonly args: readonly string[];
  /** By name. */
  readonly variables: ReadonlyMap<string, string>;
  /** The names that are taken out of the environment coffer was started with; null for all of them. */
  readonly without: readonly string[] | null;
  /** Descriptors that it gets beside 0, 1 and 2. */
  readonly keep: readonly number[];
}

/** Replaces this process. @throws ExecuteError, AbsentError where the system does not start it */
export function startProgram({ file, args, variables, without, keep }: ProgramStart): never {
  const guard = loadGuard();
  const more = [...variables].map(([name, value]) => `${name}=${value}`);
  const own = rawArguments(args);
  const start = (path: string, argv: readonly (string | Uint8Array)[]): never =>
    guard.exec(path, argv, without === null ? more : null, keep);
  if (without !== null) changeEnvironment(guard, [...without, ...variables.keys()], more);
  try {
    return start(file, own);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOEXEC') throw notStarted(error, file);
  }
  // A script without a first line that names its shell: as execvp(3) and shells do.
  try {
    return start('/bin/sh', ['sh', file, ...own.slice(1)]);
  } catch (error) {
    throw notStarted(error, file);
  }
}

function changeEnvironment(guard: Guard, without: readonly string[], more: readonly string[]): void {
  giveEnvironmentBack(guard);
  guard.changeEnvironment(without, more);
}

/** The arguments byte for byte: what is not UTF-8 was lost when the runtime read them. */
function rawArguments(args: readonly string[]): readonly (string | Uint8Array)[] {
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
  ['ETXTBSY', 'it is being written'],
  ['ENOMEM', 'there is not enough memory'],
  ['ESTALE', 'coffer cannot go back to the directory that it was started in'],
]);
