/**
 * How far a command is, which decides what a fault of the PKCS#11 module means: see guard.c. Nothing of this does anything
 * in a command that has no module.
 */
import { loadedGuard } from './guard.ts';

const STDOUT = 1;

let committed = false;
let heard: () => void = () => undefined;

/** Whether this command has written to the store. */
export function hasCommitted(): boolean {
  return committed;
}

/** Has `listener` called after each COMMIT from now on; it replaces the one before. */
export function afterCommit(listener: () => void): void {
  heard = listener;
}

/** Runs the COMMIT of a write, after which the command must not be reported as failed. */
export async function throughCommit(commit: () => Promise<void>): Promise<void> {
  const guard = loadedGuard();
  guard?.keep();
  try {
    await commit();
  } catch (error) {
    guard?.undo();
    throw error;
  }
  committed = true;
  heard();
}

/** The descriptor for a result, which comes out whole from here on. Descriptor 1 is stderr's while there is a module. */
export function resultOutput(): number {
  const guard = loadedGuard();
  guard?.keep();
  return guard?.redirectOutput() ?? STDOUT;
}

let isOut = false;

/** The command has said all that it has to say, and is to end with this status. */
export function resultIsOut(status: number): void {
  isOut = true;
  loadedGuard()?.done(status);
}

export function isResultOut(): boolean {
  return isOut;
}
