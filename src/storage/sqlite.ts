import { IntegrityError, StoreError, systemErrorCode } from '../errors.ts';
import { claimFile } from './claim.ts';
import { Connection } from './connection.ts';
import { AGAINST_HOSTILE_FILES, createSchema, dropEmptySchema, noStoreIn, readSchema } from './schema.ts';
import { BUSY_TIMEOUT_MS, guard, translated } from './sqlite-errors.ts';
import { type Child, type OpenOptions, type Page, ReadOnlyTransaction, type Rows, type Storage } from './storage.ts';

const BUSY_STEP_MS = 20;
/** What follows "/" in ASCII. */
const BEHIND_SLASH = '0';

/**
 * Opens the store's SQLite file.
 * @throws StoreError `not_initialized` when the file does not exist and `create` is false, `storage_busy`,
 *   `storage_failed`, `storage_exposed`; UsageError `not_a_store` for a file that is something else;
 *   IntegrityError `storage_corrupt`, `schema_altered`, `store_too_new`, `journal_found`.
 */
export async function openSqlite(
  path: string,
  { create, note = () => undefined, throughCommit = (commit) => commit() }: OpenOptions,
): Promise<Storage> {
  const present = claimFile(path, create, note);
  if (!present) {
    throw new StoreError('not_initialized', `there is no store at ${path}`, { hint: 'create one with: coffer init' });
  }
  const connection = await Connection.open(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    await prepare(connection, path, create);
    return new SqliteStorage(connection, path, { create, throughCommit });
  } catch (error) {
    connection.close();
    throw translated(path, error);
  }
}

/** The file's own journal mode is not obeyed: whoever wrote the file chose it. */
async function prepare(connection: Connection, path: string, create: boolean): Promise<void> {
  connection.exec(AGAINST_HOSTILE_FILES);
  connection.exec('BEGIN');
  const found = readSchema(connection, path);
  connection.exec('COMMIT');
  if (found === 'empty' && !create) throw noStoreIn(path);
  if (connection.value('PRAGMA journal_mode') !== 'wal') await useWal(connection);
  connection.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
}

/**
 * SQLite does not wait for another process that makes the same change at this moment, so coffer does. The change itself is
 * journalled in memory, so that coffer never leaves a rollback journal.
 */
async function useWal(connection: Connection): Promise<void> {
  for (let waited = 0; ; waited += BUSY_STEP_MS) {
    try {
      connection.exec('PRAGMA journal_mode = MEMORY; PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (systemErrorCode(error)?.startsWith('SQLITE_BUSY') !== true || waited >= BUSY_TIMEOUT_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_STEP_MS));
    }
  }
}

type StorageOptions = Required<Pick<OpenOptions, 'create' | 'throughCommit'>>;

class SqliteStorage implements Storage {
  readonly #connection: Connection;
  readonly #path: string;
  readonly #create: boolean;
  readonly #throughCommit: StorageOptions['throughCommit'];

  constructor(connection: Connection, path: string, { create, throughCommit }: StorageOptions) {
    this.#connection = connection;
    this.#path = path;
    this.#create = create;
    this.#throughCommit = throughCommit;
  }

  async transaction<T>(mode: 'read' | 'write', use: (rows: Rows) => Promise<T>): Promise<T> {
    guard(this.#path, () => this.#connection.exec(mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN'));
    try {
      const isNew = guard(this.#path, () => this.#checkSchema(mode)) === 'made';
      const result = await use(new SqliteRows(this.#connection, this.#path, { writable: mode === 'write', isNew }));
      if (mode === 'write' && this.#create) guard(this.#path, () => dropEmptySchema(this.#connection));
      await heardSignals();
      const commit = async (): Promise<void> => guard(this.#path, () => this.#connection.exec('COMMIT'));
      await (mode === 'write' ? this.#throughCommit(commit) : commit());
      return result;
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  /** Before anything else in a transaction. */
  #checkSchema(mode: 'read' | 'write'): 'found' | 'made' {
    if (readSchema(this.#connection, this.#path) === 'store') return 'found';
    if (mode === 'read' || !this.#create) throw noStoreIn(this.#path);
    createSchema(this.#connection);
    return 'made';
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}

/** Lets a signal that came while PKCS#11 or SQLite held the thread end the command before anything is kept or shown. */
async function heardSignals(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

class SqliteRows implements Rows {
  readonly #connection: Connection;
  readonly #path: string;
  readonly #writable: boolean;
  readonly isNew: boolean;

  constructor(
    connection: Connection,
    path: string,
    { writable, isNew }: { readonly writable: boolean; readonly isNew: boolean },
  ) {
    this.#connection = connection;
    this.#path = path;
    this.#writable = writable;
    this.isNew = isNew;
  }

  async get(path: string): Promise<Uint8Array | null> {
    const value = this.#guarded((connection) => connection.value('SELECT value FROM entries WHERE path = ?', path));
    if (value === undefined) return null;
    if (!(value instanceof Uint8Array)) throw damaged(this.#path);
    return value;
  }

  async getMany(paths: readonly string[]): Promise<(Uint8Array | null)[]> {
    return Promise.all(paths.map((path) => this.get(path)));
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

  async list(folder: string, { after = null, most = Infinity }: Page = {}): Promise<Child[]> {
    // One index seek a child: from a leaf go to what sorts behind it, from a folder to what sorts behind all it holds.
    const prefix = folder === '' ? '' : `${folder}/`;
    return this.#guarded((connection) => {
      const children: Child[] = [];
      let last = after;
      while (children.length < most) {
        const behind = last === null ? '' : `${last.segment}${last.folder ? BEHIND_SLASH : '\0'}`;
        const path = this.#seek(connection, `${prefix}${behind}`);
        if (path === null || !path.startsWith(prefix)) break;
        const [segment = '', ...below] = path.slice(prefix.length).split('/');
        last = { segment, folder: below.length > 0 };
        children.push(last);
      }
      return children;
    });
  }

  async next(folder: string, after: string | null): Promise<string | null> {
    const prefix = folder === '' ? '' : `${folder}/`;
    const path = this.#guarded((connection) => this.#seek(connection, after === null ? prefix : `${after}\0`));
    return path?.startsWith(prefix) === true ? path : null;
  }

  /** The first path from `from` on. */
  #seek(connection: Connection, from: string): string | null {
    const path = connection.value('SELECT path FROM entries WHERE path >= ? ORDER BY path LIMIT 1', from);
    if (path === undefined) return null;
    if (!isPath(path) || path < from) throw damaged(this.#path);
    return path;
  }

  #requireWritable(): void {
    if (!this.#writable) throw new ReadOnlyTransaction('a row was to be written in a read transaction');
  }

  #guarded<T>(use: (connection: Connection) => T): T {
    return guard(this.#path, () => use(this.#connection));
  }
}

/** Coffer's paths are printable ASCII, and so SQLite's order of them is JavaScript's; neither is a matter of course in a file of somebody else's. */
function isPath(path: unknown): path is string {
  return typeof path === 'string' && /^[\x20-\x7e]+$/.test(path);
}

function damaged(path: string): IntegrityError {
  const problem = `the database ${path} has rows that coffer did not write, or not in their order`;
  return new IntegrityError('storage_corrupt', problem, {
    hint: 'restore the store from a backup and find out who could write to it',
  });
}
