import { StoreError, systemErrorCode } from '../errors.ts';
import { hearSignals } from '../hearing.ts';
import { claimFile } from './claim.ts';
import { Connection } from './connection.ts';
import { AGAINST_HOSTILE_FILES, createSchema, dropEmptySchema, noStoreIn, readSchema, writeLayout } from './schema.ts';
import { damaged, isPath } from './stored-path.ts';
import { BUSY_TIMEOUT_MS, guard, translated } from './sqlite-errors.ts';
import {
  type Child,
  type OpenOptions,
  type Page,
  ReadOnlyTransaction,
  type Row,
  type Rows,
  type Storage,
} from './storage.ts';

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
  if (found === null && !create) throw noStoreIn(path);
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
      const found = guard(this.#path, () => this.#checkSchema(mode));
      const rows = new SqliteRows(this.#connection, this.#path, { writable: mode === 'write', ...found });
      const result = await use(rows);
      if (mode === 'write' && this.#create) guard(this.#path, () => dropEmptySchema(this.#connection));
      await heardSignals();
      const commit = async (): Promise<void> => guard(this.#path, () => this.#connection.exec('COMMIT'));
      await (found.isNew || rows.changed ? this.#throughCommit(commit) : commit());
      return result;
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  /** Before anything else in a transaction. */
  #checkSchema(mode: 'read' | 'write'): Pick<Rows, 'isNew' | 'layout'> {
    const layout = readSchema(this.#connection, this.#path);
    if (layout !== null) return { isNew: false, layout };
    if (mode === 'read' || !this.#create) throw noStoreIn(this.#path);
    return { isNew: true, layout: createSchema(this.#connection) };
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
  /** Whether anything was to be put or deleted. */
  changed = false;
  #layout: number;

  constructor(
    connection: Connection,
    path: string,
    { writable, isNew, layout }: Pick<Rows, 'isNew' | 'layout'> & { readonly writable: boolean },
  ) {
    this.#connection = connection;
    this.#path = path;
    this.#writable = writable;
    this.isNew = isNew;
    this.#layout = layout;
  }

  get layout(): number {
    return this.#layout;
  }

  async raiseLayout(layout: number): Promise<void> {
    this.#requireWritable();
    this.#guarded((connection) => writeLayout(connection, layout));
    this.#layout = layout;
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

  async has(path: string): Promise<boolean> {
    return this.#guarded((connection) => connection.value('SELECT 1 FROM entries WHERE path = ?', path)) !== undefined;
  }

  async hasBelow(folder: string): Promise<boolean> {
    return (await this.next(folder, null)) !== null;
  }

  async put(path: string, value: Uint8Array): Promise<void> {
    this.#requireWritable();
    const upsert = 'INSERT INTO entries VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET value = excluded.value';
    this.#guarded((connection) => connection.prepare(upsert).run(path, value));
  }

  async insert(path: string, value: Uint8Array): Promise<boolean> {
    this.#requireWritable();
    const insert = 'INSERT INTO entries VALUES (?, ?) ON CONFLICT (path) DO NOTHING';
    return this.#guarded((connection) => connection.prepare(insert).run(path, value)).changes === 1;
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

  async scan(after: string | null, most: number): Promise<readonly Row[]> {
    await hearSignals();
    const from = after === null ? '' : `${after}\0`;
    const select = 'SELECT path, value FROM entries WHERE path >= ? ORDER BY path LIMIT ?';
    const found = this.#guarded((connection) => connection.rows(select, from, most));
    let last = '';
    return found.map(([path, value]) => {
      if (!isPath(path) || path < from || path <= last || !(value instanceof Uint8Array)) throw damaged(this.#path);
      last = path;
      return { path, value };
    });
  }

  /** The first path from `from` on. */
  #seek(connection: Connection, from: string): string | null {
    const path = connection.value('SELECT path FROM entries WHERE path >= ? ORDER BY path LIMIT 1', from);
    if (path === undefined) return null;
    if (!isPath(path) || path < from) throw damaged(this.#path);
    return path;
  }

  /** Before anything is put or deleted. */
  #requireWritable(): void {
    if (!this.#writable) throw new ReadOnlyTransaction('a row was to be written in a read transaction');
    this.changed = true;
  }

  #guarded<T>(use: (connection: Connection) => T): T {
    return guard(this.#path, () => use(this.#connection));
  }
}
