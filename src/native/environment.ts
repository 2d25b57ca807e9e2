import { isCompiled } from '../runtime.ts';
import type { Guard } from './guard.ts';

/** Before the name of a variable that the launcher took out of the runtime's way; launch.c and guard.c say the same. */
const TAKEN = 'COFFER_TAKEN:';

/** What the launcher adds, for guard.c: no other variable has this name, since the launcher renames all that begin so. */
const STATE = `${TAKEN}STATE`;

/**
 * The environment as it was given to coffer, for a process that node:child_process starts: as JavaScript has it, so that what is
 * not UTF-8 is lost, and of two variables of one name all but one.
 */
export function givenEnvironment(env: NodeJS.ProcessEnv = process.env, compiled = isCompiled()): NodeJS.ProcessEnv {
  if (!compiled) return { ...env };
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => name !== STATE)
      .map(([name, value]) => [name.startsWith(TAKEN) ? name.slice(TAKEN.length) : name, value]),
  );
}

/** What coffer was started with, for a command that takes its place. */
export interface GivenStart {
  /** The environment, "NAME=value" each, in its order and byte for byte: a character is a byte. */
  readonly variables: readonly string[];
  /** What the launcher noted, for `Guard.exec`; null where there was none. */
  readonly state: string | null;
}

/** To be asked before a PKCS#11 module is loaded, which may change the environment of this process. */
export function givenStart(guard: Guard, compiled = isCompiled()): GivenStart {
  const variables = guard.environment();
  if (!compiled) return { variables, state: null };
  const noted = variables.find((one) => one.startsWith(`${STATE}=`));
  return {
    variables: variables
      .filter((one) => one !== noted)
      .map((one) => (one.startsWith(TAKEN) ? one.slice(TAKEN.length) : one)),
    state: noted?.slice(STATE.length + 1) ?? null,
  };
}
