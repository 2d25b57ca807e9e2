import type { EngineResponse, Operation } from '../../engines/index.ts';
import { hasCode, StoreError, UsageError } from '../../errors.ts';

/**
 * A path as people type it, with one slash between its names and none at either end: "$FOLDER/$NAME" is the same path
 * whichever of the two has a slash there.
 */
export function joinedNames(path: string): string {
  if (!path.startsWith('/') && !path.endsWith('/') && !path.includes('//')) return path;
  return path
    .split('/')
    .filter((name) => name !== '')
    .join('/');
}

/** Why nothing has that path; null where something may. @param path of `joinedNames` */
export function pathProblem(path: string): string | null {
  if (path === '') return 'it is empty';
  if (!/[\p{Cc}\p{Cs}]/u.test(path)) return null;
  // JSON can hold half of a pair of surrogates. No bytes of UTF-8 stand for it, so that all of them would be one name.
  return /\p{Cs}/u.test(path) ? 'it has half of a surrogate pair' : 'it has a control character';
}

/** The same for what is not there yet. */
export function newPathProblem(path: string): string | null {
  return hasDotName(path) ? DOT_NAMES : pathProblem(path);
}

export const DOT_NAMES = '"." and ".." are no names';

/**
 * A server's client takes "." and ".." out of a path before it asks, so that "p/../q" would be "q" there and another secret
 * here.
 */
export function hasDotName(path: string): boolean {
  return /(?:^|\/)\.\.?(?:\/|$)/.test(path);
}

export function badPath(path: string, problem: string): UsageError {
  return new UsageError('bad_path', `${JSON.stringify(path)} is not a path: ${problem}`, {
    hint: 'for example: secret/app/database',
  });
}

/**
 * Earlier versions of coffer took such names. What has one can still be read, listed and deleted, and nothing gets one.
 * @param ask the engine at the path
 * @returns null where nothing is there, or it must not be written
 */
export async function askByDotName(
  operation: Operation,
  ask: (operation: Operation) => Promise<EngineResponse | null>,
): Promise<EngineResponse | null> {
  if (operation === 'write' || operation === 'patch') return null;
  try {
    const found = await ask(operation === 'list' ? 'list' : 'read');
    return found !== null && operation === 'delete' ? await ask('delete') : found;
  } catch (error) {
    if (hasCode(error, StoreError, 'unsupported_path')) return null;
    throw error;
  }
}
