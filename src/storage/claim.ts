import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { IntegrityError, isNoSuchFile, StoreError, systemErrorCode, UsageError } from '../errors.ts';
import { changedBy, describeExposure, exposures, letsOthersAdd } from '../exposure.ts';
import type { Exposure } from '../exposure.ts';
import { makePrivateFolder, UnsafePlace } from '../private-files.ts';
import { NAME_ANOTHER } from './sqlite-errors.ts';

/**
 * Makes sure that the file exists, is a regular file of this user's (or root's) with mode 0600, in a folder that nobody
 * else can write; SQLite opens it by its name, and makes its log beside it. Returns false when it is not there.
 * @throws UsageError `not_a_store`; StoreError `storage_exposed`, `storage_failed`; IntegrityError `journal_found`
 */
export function claimFile(path: string, create: boolean): boolean {
  try {
    if (create) makePrivateFolder(dirname(path));
    const fault = folderFault(path);
    if (fault !== null) throw fault;
    const flags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | (create ? constants.O_CREAT : 0);
    claim(path, openSync(path, flags, 0o600));
    checkNeighbours(path);
    return true;
  } catch (error) {
    if (isNoSuchFile(error) && !create) return false;
    throw told(path, error);
  }
}

/**
 * Why no store is used in this folder; null where nothing speaks against it. Others may not even add files, as a sticky
 * folder lets them: SQLite looks for a journal beside the store. Folders further above are left to `diagnose`: whoever swaps the
 * folder swaps the store, which the file is not trusted for anyway, and the shared volume of a container may leave no choice.
 */
export function folderFault(path: string): StoreError | null {
  const exposure = exposures(path).find(({ at }) => at === 'folder' || at === 'link');
  if (exposure !== undefined) return storeExposed(path, exposure);
  const folder = dirname(path);
  if (!letsOthersAdd(folder)) return null;
  return new StoreError('storage_exposed', `the store ${path} is not used: other users can make files beside it in ${folder}`, {
    hint: 'give it a folder of its own, such as /var/lib/coffer, in storage "sqlite" { path }',
  });
}

/** Looks at the file that was opened, not at its name. Closes it. */
function claim(path: string, descriptor: number): void {
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw notAFile(path);
    if (changedBy(stat) === 'owner') throw storeExposed(path, { path, at: 'end', by: 'owner', uid: stat.uid });
    if ((stat.mode & 0o077) !== 0) fchmodSync(descriptor, 0o600);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * SQLite's files beside the store. A rollback journal is never coffer's: its log is the -wal from the first change on. From one
 * that somebody put there SQLite would write into the store, and delete a file that it names.
 * @throws UsageError `not_a_store`; StoreError `storage_exposed`; IntegrityError `journal_found`
 */
export function checkNeighbours(path: string): void {
  for (const end of ['-wal', '-shm']) {
    const stat = lstatSync(path + end, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isFile()) throw notAFile(path + end);
    if (changedBy(stat) === 'owner') throw storeExposed(path, { path: path + end, at: 'end', by: 'owner', uid: stat.uid });
  }
  const journal = `${path}-journal`;
  if (lstatSync(journal, { throwIfNoEntry: false }) === undefined) return;
  throw new IntegrityError('journal_found', `there is a file ${journal}, which coffer never makes and which SQLite would write into the store`, {
    hint: 'find out who put it there, and move it away',
  });
}

/** The error of a store through which somebody else decides what it is. */
export function storeExposed(store: string, exposure: Exposure): StoreError {
  const { problem, remedy } = describeExposure(exposure);
  return new StoreError('storage_exposed', `the store ${store} is not used: ${problem}`, { hint: remedy });
}

function notAFile(path: string): UsageError {
  return new UsageError('not_a_store', `${path} is not a regular file`, NAME_ANOTHER);
}

/** What opening a file can throw, in the operator's words. */
function told(path: string, error: unknown): unknown {
  if (error instanceof UnsafePlace) return new StoreError('storage_exposed', `no store is made at ${path}: ${error.message}`, { hint: error.hint });
  const code = systemErrorCode(error);
  if (code === 'EISDIR' || code === 'ENXIO') return notAFile(path);
  if (code === 'ELOOP') return new UsageError('not_a_store', `${path} is a symbolic link`, { hint: 'name the file itself in storage "sqlite" { path }' });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new StoreError('storage_failed', `cannot open ${path} for reading and writing: ${code}`, {
      hint: 'run coffer as the user who owns the store',
      cause: error,
    });
  }
  return code === null || !/^E[A-Z0-9]+$/.test(code) ? error : new StoreError('storage_failed', `cannot open ${path}: ${code}`, { cause: error });
}
