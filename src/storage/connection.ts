import type { Database, Options, Statement } from 'better-sqlite3';
import { guard } from './sqlite-errors.ts';

/** A SQLite database and the statements prepared in it, each once. */
export class Connection {
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();

  private constructor(database: Database) {
    this.#database = database;
  }

  /** @throws StoreError `storage_failed`, `storage_busy`; UsageError `not_a_store`; IntegrityError `storage_corrupt` */
  static async open(path: string, options: Options): Promise<Connection> {
    const { default: Sqlite } = await import('better-sqlite3');
    return guard(path, () => new Connection(new Sqlite(path, options)));
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  /** Runs SQL that has neither parameters nor a result. @throws SqliteError */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** For the values of further calls it is the same statement. @throws SqliteError */
  prepare(sql: string): Statement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** The first column of the first row; undefined where there is none. @throws SqliteError */
  value(sql: string, ...parameters: readonly unknown[]): unknown {
    return this.prepare(sql)
      .pluck()
      .get(...parameters);
  }

  /** Every row, as an array of its columns. @throws SqliteError */
  rows(sql: string, ...parameters: readonly unknown[]): unknown[][] {
    return this.prepare(sql)
      .raw()
      .all(...parameters)
      .map((row) => (Array.isArray(row) ? Array.from<unknown>(row) : [row]));
  }

  close(): void {
    this.#database.close();
  }
}
