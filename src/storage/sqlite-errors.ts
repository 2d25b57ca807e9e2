import { IntegrityError, StoreError, systemErrorCode, UsageError } from '../errors.ts';

/** How long SQLite waits for another process before it says SQLITE_BUSY. */
export const BUSY_TIMEOUT_MS = 10_000;

/** For whom the system keeps away from a store. */
export const ONE_USER =
  'a store serves one operating-system user: run coffer as the user who owns it (sudo -u); coffer(1) says how a second user does so';

export const NAME_ANOTHER = { hint: 'name another file in storage "sqlite" { path }' };

/** Runs `use`; what SQLite throws there comes as a CofferError. */
export function guard<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw translated(path, error);
  }
}

/** What SQLite throws, as an error that says which file and what to do; anything else as it is. */
export function translated(path: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === null || !code.startsWith('SQLITE_')) return error;
  if (code.startsWith('SQLITE_NOTADB'))
    return new UsageError('not_a_store', `${path} is not a coffer store`, {
      hint: `${NAME_ANOTHER.hint}; if this was the store, restore it from a backup`,
      cause: error,
    });
  if (code.startsWith('SQLITE_CORRUPT')) {
    return new IntegrityError('storage_corrupt', `the database file ${path} is damaged (${code})`, {
      hint: 'restore it from a backup',
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return new StoreError('storage_busy', `another process holds ${path} for longer than ${BUSY_TIMEOUT_MS / 1000} s`, {
      hint: 'try again when it has finished',
      cause: error,
    });
  }
  return new StoreError('storage_failed', `${path}: the database says ${code}`, {
    hint: HINTS.find(([prefix]) => code.startsWith(prefix))?.[1],
    cause: error,
  });
}

/** By the beginning of SQLite's result codes (https://sqlite.org/rescode.html), the longer ones first. */
const HINTS: readonly (readonly [string, string])[] = [
  ['SQLITE_FULL', 'the disk is full; the last change was not kept'],
  ['SQLITE_IOERR_SHM', 'is the disk full? the last change was not kept'],
  ['SQLITE_IOERR_WRITE', 'is the disk full? the last change was not kept'],
  ['SQLITE_IOERR', 'the disk or the file system fails: see the log of the kernel; the last change was not kept'],
  ['SQLITE_CANTOPEN', 'the folder must be writable too: SQLite keeps its log (-wal, -shm) beside the file'],
  ['SQLITE_READONLY', 'the file and its folder must be writable: SQLite keeps its log (-wal, -shm) beside the file'],
  ['SQLITE_PERM', ONE_USER],
  ['SQLITE_NOMEM', 'there is not enough memory'],
];
