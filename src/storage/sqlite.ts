import type { Options } from 'better-sqlite3';
import { closeSync, constants, existsSync, fchmodSync, fstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { IntegrityError, StoreError, UsageError } from '../errors.ts';
import { makeFolders } from '../folders.ts';
import { Connection } from './connection.ts';
import { BUSY_TIMEOUT_MS, errorCode, guard, translated } from './sqlite-errors.ts';
import { ReadOnlyTransaction } from './storage.ts';
import type { Child, Rows, Storage } from './storage.ts';

/** "coff": marks the file as ours (SQLite file format, section 1.3, offset 68). */
const APPLICATION_ID = 0x636f6666;
/** The row layout; raised when it changes. */
const SCHEMA_VERSION = 1;
const BUSY_STEP_MS = 20;
const NAME_ANOTHER = { hint: 'name another file in storage "sqlite" { path }' };
const SELECT_APPLICATION_ID = 'PRAGMA application_id';

export interface OpenOptions {
  readonly create: boolean;
  /** Runs the COMMIT of every write transaction: from there on it is done, whatever happens to the command. */
  readonly throughCommit?: (commit: () => Promise<void>) => Promise<void>;
}

/**
 * Opens the store's SQLite file.
 * @throws StoreError `not_initialized` when the file does not exist and `create` is false, `storage_busy`,
 *   `storage_failed`; UsageError `not_a_store` for a file that is something else; IntegrityError `storage_corrupt`.
 */
export async function openSqlite(path: string, { create, throughCommit = (commit) => commit() }: OpenOptions): Promise<Storage> {
  const present = claimFile(path, create);
  if (!present) {
    throw new StoreError('not_initialized', `there is no store at ${path}`, { hint: 'create one with: coffer init' });
  }
  const connection = await open(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    await prepare(connection, path, create);
    return new SqliteStorage(connection, path, throughCommit);
  } catch (error) {
    connection.close();
    throw translated(path, error);
  }
}

/** Makes sure that the file exists, is a regular file and has mode 0600. Returns false when it is not there. */
function claimFile(path: string, create: boolean): boolean {
  const flags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | (create ? constants.O_CREAT : 0);
  try {
    if (create) makeFolders(dirname(path));
    const descriptor = openSync(path, flags, 0o600);
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw new UsageError('not_a_store', `${path} is not a regular file`, NAME_ANOTHER);
      if ((stat.mode & 0o077) !== 0) fchmodSync(descriptor, 0o600);
    } finally {
      closeSync(descriptor);
    }
    return true;
  } catch (error) {
    const code = errorCode(error);
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !create) return false;
    if (code === 'EISDIR' || code === 'ENXIO') throw new UsageError('not_a_store', `${path} is not a regular file`, NAME_ANOTHER);
    if (code === 'ELOOP') throw new UsageError('not_a_store', `${path} is a symbolic link`, { hint: 'name the file itself in storage "sqlite" { path }' });
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new StoreError('storage_failed', `cannot open ${path} for reading and writing: ${code}`, {
        hint: 'run coffer as the user who owns the store',
        cause: error,
      });
    }
    if (code !== null && code.startsWith('E')) {
      throw new StoreError('storage_failed', `cannot open ${path}: ${code}`, { cause: error });
    }
    throw error;
  }
}

async function prepare(connection: Connection, path: string, create: boolean): Promise<void> {
  const applicationId = connection.value(SELECT_APPLICATION_ID);
  const version = connection.value('PRAGMA user_version');
  if (applicationId === 0 && version === 0 && isEmpty(connection)) {
    if (!create) throw new StoreError('not_initialized', `there is no store in ${path}`, { hint: 'create one with: coffer init' });
    await useWal(connection);
  } else if (applicationId !== APPLICATION_ID) {
    throw new UsageError('not_a_store', `${path} is a database, but not a coffer store`, NAME_ANOTHER);
  } else if (version !== SCHEMA_VERSION) {
    throw new UsageError('store_too_new', `${path} has layout ${String(version)}; this coffer knows layout ${SCHEMA_VERSION}`, {
      hint: 'use a newer coffer',
    });
  }
  connection.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
}

/** SQLite does not wait for another process that makes the same change at this moment, so coffer does. */
async function useWal(connection: Connection): Promise<void> {
  for (let waited = 0; ; waited += BUSY_STEP_MS) {
    try {
      connection.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (errorCode(error)?.startsWith('SQLITE_BUSY') !== true || waited >= BUSY_TIMEOUT_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_STEP_MS));
    }
  }
}

function isEmpty(connection: Connection): boolean {
  return connection.value('SELECT count(*) FROM sqlite_schema') === 0;
}

class SqliteStorage implements Storage {
  readonly #connection: Connection;
  readonly #path: string;
  readonly #throughCommit: Required<OpenOptions>['throughCommit'];

  constructor(connection: Connection, path: string, throughCommit: Required<OpenOptions>['throughCommit']) {
    this.#connection = connection;
    this.#path = path;
    this.#throughCommit = throughCommit;
  }

  async transaction<T>(mode: 'read' | 'write', use: (rows: Rows) => Promise<T>): Promise<T> {
    guard(this.#path, () => this.#connection.exec(mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN'));
    try {
      if (mode === 'write') guard(this.#path, () => createTable(this.#connection));
      const result = await use(guard(this.#path, () => new SqliteRows(this.#connection, this.#path, mode === 'write')));
      await heardSignals();
      const commit = async (): Promise<void> => guard(this.#path, () => this.#connection.exec('COMMIT'));
      await (mode === 'write' ? this.#throughCommit(commit) : commit());
      return result;
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}

/** Lets a signal that came while PKCS#11 or SQLite held the thread end the command before anything is kept or shown. */
async function heardSignals(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Inside the first write transaction, so that a store that failed to come about leaves no table behind. */
function createTable(connection: Connection): void {
  if (connection.value(SELECT_APPLICATION_ID) === APPLICATION_ID) return;
  connection.exec('CREATE TABLE entries (path TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID');
  connection.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
}

class SqliteRows implements Rows {
  readonly #connection: Connection;
  readonly #path: string;
  readonly #writable: boolean;

  constructor(connection: Connection, path: string, writable: boolean) {
    this.#connection = connection;
    this.#path = path;
    this.#writable = writable;
  }

  async get(path: string): Promise<Uint8Array | null> {
    const value = this.#guarded((connection) => connection.value('SELECT value FROM entries WHERE path = ?', path));
    if (value === undefined) return null;
    if (!(value instanceof Uint8Array)) throw new IntegrityError('storage_corrupt', `a row of ${this.#path} is not bytes`);
    return value;
  }

  async put(path: string, value: Uint8Array): Promise<void> {
    this.#requireWritable();
    const upsert = 'INSERT INTO entries VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET value = excluded.value';
    this.#guarded((connection) => connection.prepare(upsert).run(path, value));
  }

  async delete(path: string): Promise<void> {
    this.#requireWritable();
    this.#guarded((connection) => connection.prepare('DELETE FROM entries WHERE path = ?').run(path));
  }

  async list(folder: string): Promise<Child[]> {
    // One index seek a child: from a leaf go to what sorts behind it, from a folder to what sorts behind all it holds.
    const prefix = folder === '' ? '' : `${folder}/`;
    return this.#guarded((connection) => {
      const children: Child[] = [];
      let from = prefix;
      for (;;) {
        const path = connection.value('SELECT path FROM entries WHERE path >= ? ORDER BY path LIMIT 1', from);
        if (typeof path !== 'string' || !path.startsWith(prefix)) return children;
        const slash = path.indexOf('/', prefix.length);
        const end = slash === -1 ? path.length : slash;
        children.push({ segment: path.slice(prefix.length, end), folder: slash !== -1 });
        from = slash === -1 ? `${path}\0` : `${path.slice(0, slash)}0`; // "0" follows "/" in ASCII
      }
    });
  }

  #requireWritable(): void {
    if (!this.#writable) throw new ReadOnlyTransaction('a row was to be written in a read transaction');
  }

  #guarded<T>(use: (connection: Connection) => T): T {
    return guard(this.#path, () => use(this.#connection));
  }
}

async function open(path: string, options: Options): Promise<Connection> {
  try {
    return await Connection.open(path, options);
  } catch (error) {
    throw translated(path, error);
  }
}

/**
 * What SQLite itself finds wrong with the file (PRAGMA integrity_check), opened for reading only; nothing where all is well.
 * @throws StoreError `not_initialized`; IntegrityError `storage_corrupt`
 */
export async function checkSqlite(path: string): Promise<string[]> {
  if (!existsSync(path)) throw new StoreError('not_initialized', `there is no store at ${path}`, { hint: 'create one with: coffer init' });
  const connection = await open(path, { fileMustExist: true, readonly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    const rows = guard(path, () => connection.prepare('PRAGMA integrity_check(10)').pluck().all());
    return rows.map(String).filter((row) => row !== 'ok');
  } finally {
    connection.close();
  }
}
