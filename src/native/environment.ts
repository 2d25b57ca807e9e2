import { isCompiled } from '../runtime.ts';
import type { Guard } from './guard.ts';

/** Before the name of a variable that the launcher took out of the runtime's way; launch.c and guard.c say the same. */
const TAKEN = 'COFFER_TAKEN:';

/** What the launcher adds, for guard.c. */
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

/**
 * Makes the environment of this process the one that was given to coffer, byte for byte and in its order, for `Guard.exec` with null.
 * Right before that, and for nothing else: the runtime could obey it. Hence the PKCS#11 module, which lives in this process, does not see
 * those variables either.
 */
export function giveEnvironmentBack(guard: Guard, compiled = isCompiled()): void {
  if (compiled) guard.giveEnvironmentBack();
}
