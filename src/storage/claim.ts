import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Hint,
  IntegrityError,
  isNoSuchFile,
  StoreError,
  systemErrorCode,
  systemErrorText,
  UsageError,
} from '../errors.ts';
import { changedBy, describeExposure, type Exposure, exposures, letsOthersAdd } from '../exposure.ts';
import { makePrivateFolder, UnsafePlace } from '../private-files.ts';
import { NAME_ANOTHER, ONE_USER } from './sqlite-errors.ts';

/**
 * Makes sure that the file exists, is a regular file of this user's (or root's) with mode 0600, in a folder that nobody
 * else can write; SQLite opens it by its name, and makes its log beside it. Returns false when it is not there.
 * @param note told where others could have written it until now
 * @throws UsageError `not_a_store`; StoreError `storage_exposed`, `storage_failed`; IntegrityError `journal_found`
 */
export function claimFile(path: string, create: boolean, note: (text: Hint) => void): boolean {
  try {
    if (create) makePrivateFolder(dirname(path));
    const fault = folderFault(path);
    if (fault !== null) throw fault;
    const told: Hint[] = [];
    const stat = claim(path, create ? constants.O_CREAT : 0, (text) => told.push(text));
    told.forEach(note);
    checkSize(path, stat);
    checkNeighbours(path);
    // Where the store was open to others its log is no news, and may be of this command alone.
    claimLog(path, told.length > 0 ? () => undefined : note);
    return true;
  } catch (error) {
    if (isNoSuchFile(error) && !create) return false;
    throw storageFault(path, error);
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
  const problem = `the store ${path} is not used: other users can make files beside it in ${folder}`;
  return new StoreError('storage_exposed', problem, {
    hint: 'give it a folder of its own, such as /var/lib/coffer, in storage "sqlite" { path }',
  });
}

/**
 * Looks at the file and SQLite's beside it as `claimFile` does, and changes nothing. Returns false when there is no store.
 * @throws UsageError `not_a_store`; StoreError `storage_exposed`, `storage_failed`; IntegrityError `journal_found`
 */
export function checkStoreFiles(path: string): boolean {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() === true) throw isALink(path);
    if (stat !== undefined) {
      checkFile(path, stat);
      checkSize(path, stat);
    }
    checkNeighbours(path);
    return stat !== undefined;
  } catch (error) {
    throw storageFault(path, error);
  }
}

const LOG = ['-wal', '-shm'] as const;

/** The files that hold what the store holds, those that are there. */
export function storeFiles(path: string): { readonly name: string; readonly mode: number }[] {
  return ['', ...LOG].flatMap((end) => {
    const stat = lstatSync(path + end, { throwIfNoEntry: false });
    return stat === undefined ? [] : [{ name: path + end, mode: stat.mode }];
  });
}

/** Looks at the file that was opened, not at its name. */
function claim(path: string, flags: number, note: (text: Hint) => void): Stats {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | flags, 0o600);
  try {
    const stat = fstatSync(descriptor);
    checkFile(path, stat);
    if ((stat.mode & OTHERS) !== 0) fchmodSync(descriptor, 0o600);
    if (changedBy(stat) === 'mode')
      note([
        `other users could write ${path} until now, and may have changed it; find out who did, and `,
        { remedy: 'see-altered' },
      ]);
    return stat;
  } finally {
    closeSync(descriptor);
  }
}

const OTHERS = 0o077;

/** SQLite gives its log the mode that the store had then. Another process that closes the store takes the log away. */
function claimLog(path: string, note: (text: Hint) => void): void {
  for (const { name, mode } of storeFiles(path)) {
    if (name === path || (mode & OTHERS) === 0) continue;
    try {
      claim(name, 0, note);
    } catch (error) {
      if (!isNoSuchFile(error)) throw error;
    }
  }
}

/** @throws UsageError `not_a_store`; StoreError `storage_exposed` */
function checkFile(path: string, stat: Stats): void {
  if (!stat.isFile()) throw notAFile(path);
  if (changedBy(stat) === 'owner') throw storeExposed(path, { path, at: 'end', by: 'owner', uid: stat.uid });
  refuseRoots(path, path, stat);
}

/** Root's is no danger to another user, and yet not theirs: SQLite's files beside it would be, and keep root out. */
function refuseRoots(store: string, path: string, { uid }: Stats): void {
  if (uid !== 0 || process.getuid?.() === 0) return;
  throw new StoreError('storage_exposed', `the store ${store} is not used: ${path} belongs to root`, {
    hint: ONE_USER,
  });
}

/** SQLite takes a file of one byte for an empty one, and would write over it. @throws UsageError `not_a_store` */
function checkSize(path: string, { size }: Stats): void {
  if (size === 1) throw new UsageError('not_a_store', `${path} is not a coffer store`, NAME_ANOTHER);
}

/**
 * SQLite's files beside the store. A rollback journal is never coffer's: its log is the -wal from the first change on. From one
 * that somebody put there SQLite would write into the store, and delete a file that it names.
 * @throws UsageError `not_a_store`; StoreError `storage_exposed`; IntegrityError `journal_found`
 */
function checkNeighbours(path: string): void {
  for (const end of LOG) {
    const stat = lstatSync(path + end, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isFile()) throw planted(path + end);
    if (changedBy(stat) === 'owner')
      throw storeExposed(path, { path: path + end, at: 'end', by: 'owner', uid: stat.uid });
    refuseRoots(path, path + end, stat);
  }
  const journal = `${path}-journal`;
  if (lstatSync(journal, { throwIfNoEntry: false }) === undefined) return;
  const problem = `there is a file ${journal}, which coffer never makes and which SQLite would write into the store`;
  throw new IntegrityError('journal_found', problem, {
    hint: 'find out who put it there before you move it away',
  });
}

/** The error of a store through which somebody else decides what it is. */
function storeExposed(store: string, exposure: Exposure): StoreError {
  const { problem, remedy } = describeExposure(exposure);
  return new StoreError('storage_exposed', `the store ${store} is not used: ${problem}`, { hint: remedy });
}

function notAFile(path: string): UsageError {
  return new UsageError('not_a_store', `${path} is not a regular file`, NAME_ANOTHER);
}

/** Of a file that SQLite makes and removes by itself. */
function planted(path: string): UsageError {
  return new UsageError('not_a_store', `${path} is not a regular file, as SQLite makes it`, {
    hint: 'find out who put it there before you remove it',
  });
}

function isALink(path: string): UsageError {
  return new UsageError('not_a_store', `${path} is a symbolic link`, {
    hint: 'if it is yours, name the file itself in storage "sqlite" { path }; else find out who put it there before you remove it',
  });
}

/** What opening a file, or looking at its folders, can throw, in the operator's words. */
export function storageFault(path: string, error: unknown): unknown {
  if (error instanceof UnsafePlace)
    return new StoreError('storage_exposed', `no store is made at ${path}: ${error.message}`, { hint: error.hint });
  const code = systemErrorCode(error);
  if (code === 'EISDIR' || code === 'ENXIO') return notAFile(path);
  if (code === 'ELOOP') return isALink(path);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new StoreError('storage_failed', `cannot open ${path} for reading and writing: ${systemErrorText(error)}`, {
      hint: code === 'EROFS' ? 'a store needs a file system that can be written' : ONE_USER,
      cause: error,
    });
  }
  return code === null || !/^E[A-Z0-9]+$/.test(code)
    ? error
    : new StoreError('storage_failed', `cannot open ${path}: ${systemErrorText(error)}`, {
        hint: hintFor(code),
        cause: error,
      });
}

/** The file system does not have such a path, or the machine has had enough. */
function hintFor(code: string): string | null {
  if (code === 'ENOTDIR') return `something that should be a folder on the way there is none; ${NAME_ANOTHER.hint}`;
  if (code === 'ENOENT' || code === 'ENAMETOOLONG' || code === 'EINVAL') return NAME_ANOTHER.hint;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'make room on that file system';
  return null;
}
