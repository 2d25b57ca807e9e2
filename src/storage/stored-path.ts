import { IntegrityError } from '../errors.ts';

/** Coffer's paths are printable ASCII, and so SQLite's order of them is JavaScript's; neither is a matter of course in a file of somebody else's. */
export function isPath(path: unknown): path is string {
  return typeof path === 'string' && /^[\x20-\x7e]+$/.test(path);
}

/** @param path of the database */
export function damaged(path: string): IntegrityError {
  const problem = `the database ${path} has rows that coffer did not write, or not in their order`;
  return new IntegrityError('storage_corrupt', problem, {
    hint: 'restore the store from a backup and find out who could write to it',
  });
}
