import { IntegrityError, StoreError, systemErrorCode, UsageError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { NAME_ANOTHER } from './sqlite-errors.ts';

/** "coff": marks the file as ours (SQLite file format, section 1.3, offset 68). */
const APPLICATION_ID = 0x636f6666;
/** The row layout of a new store; raised when it changes. Every older one is read and written as it is. */
const LAYOUT = 2;
const FIRST_LAYOUT = 1;
const TABLE = 'entries';
const CREATE_TABLE = `CREATE TABLE ${TABLE} (path TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID`;

/**
 * For the life of a connection, before anything of the file is read: functions and virtual tables that a schema names are
 * not run, damage within a page is found when the page is read, and no temporary file is made.
 */
export const AGAINST_HOSTILE_FILES =
  'PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY';

/** The columns of sqlite_schema that say what an object is and does; where its first page is, SQLite may choose. */
const COLUMNS = ['type', 'name', 'tbl_name', 'sql'] as const;
const EXPECTED = ['table', TABLE, TABLE, CREATE_TABLE];

/** Two rows: of more than one, at least one is not ours. */
const SELECT_SCHEMA = `SELECT ${COLUMNS.join(', ')} FROM main.sqlite_schema LIMIT 2`;

/**
 * The layout of the store that the file holds; null where it holds nothing yet. Whoever can write the file can give it triggers, views, indexes and
 * tables that SQLite obeys without a word, so its whole schema must be the one table that coffer makes.
 *
 * To be called first in each transaction. What a connection knows of the schema it parses when it first needs it: the
 * header is read before, so that both are of this transaction, and a file that changes meanwhile cannot show one schema
 * and run another.
 * @throws IntegrityError `schema_altered`, `store_too_new`, `storage_corrupt`; UsageError `not_a_store`
 */
export function readSchema(connection: Connection, path: string): number | null {
  const applicationId = connection.value('PRAGMA application_id');
  const layout = connection.value('PRAGMA user_version');
  const objects = schemaOf(connection, path);
  if (applicationId === 0 && layout === 0 && objects.length === 0) return null;
  if (applicationId !== APPLICATION_ID) {
    // Nobody else makes this table to the letter, so that it is the mark that was changed.
    if (objects.some(isExpected))
      throw altered(path, `its application_id is ${String(applicationId)}, which is not coffer's`);
    throw new UsageError('not_a_store', `${path} is a database, but not a coffer store`, NAME_ANOTHER);
  }
  if (Number(layout) > LAYOUT) throw tooNew(path, Number(layout));
  if (typeof layout !== 'number' || layout < FIRST_LAYOUT)
    throw altered(path, `it has layout ${String(layout)}, which there never was`);
  const strange = objects.find((object) => !isExpected(object));
  if (strange !== undefined) throw altered(path, describe(strange));
  if (objects.length === 0) throw altered(path, `its table "${TABLE}" is gone`);
  return layout;
}

/**
 * In the transaction that writes the first rows. `dropEmptySchema` is in the one that takes the last rows back. So a process that
 * is killed, at whatever time, leaves a file that is empty here, or the table with rows: a table without rows is somebody else's doing.
 */
export function createSchema(connection: Connection): number {
  connection.exec(`${CREATE_TABLE}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${LAYOUT}`);
  return LAYOUT;
}

/** @param layout above the one that the store has */
export function writeLayout(connection: Connection, layout: number): void {
  connection.exec(`PRAGMA user_version = ${layout}`);
}

/** Leaves the file as if there had never been a store, where no row is left. */
export function dropEmptySchema(connection: Connection): void {
  if (connection.value(`SELECT 1 FROM ${TABLE} LIMIT 1`) !== undefined) return;
  connection.exec(`DROP TABLE ${TABLE}; PRAGMA application_id = 0; PRAGMA user_version = 0`);
}

export function noStoreIn(path: string): StoreError {
  return new StoreError('not_initialized', `there is no store in ${path}`, { hint: 'create one with: coffer init' });
}

function schemaOf(connection: Connection, path: string): unknown[][] {
  try {
    return connection.rows(SELECT_SCHEMA);
  } catch (error) {
    // The statement is ours and right, so that what SQLite cannot make out is the file.
    if (systemErrorCode(error) !== 'SQLITE_ERROR') throw error;
    throw new IntegrityError('storage_corrupt', `SQLite cannot make out the schema of ${path}`, {
      hint: 'restore the store from a backup',
      cause: error,
    });
  }
}

function isExpected(object: readonly unknown[]): boolean {
  return EXPECTED.every((value, at) => object[at] === value);
}

function describe([type, name, table]: readonly unknown[]): string {
  if (type === 'table' && name === TABLE) return `its table "${TABLE}" is not as coffer makes it`;
  const of = type === 'trigger' || type === 'index' ? ` of ${shown(table)}` : '';
  return `it has a ${['table', 'index', 'view', 'trigger'].find((known) => known === type) ?? 'strange object'} ${shown(name)}${of}, which coffer does not make`;
}

const LONGEST_NAME = 60;

/** A name that somebody else chose: none of its characters may do anything to a terminal. */
function shown(name: unknown): string {
  if (typeof name !== 'string') return 'without a name';
  const escape = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  const escaped = name.slice(0, LONGEST_NAME).replace(/[\\"]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, escape);
  return `"${escaped}${name.length > LONGEST_NAME ? '...' : ''}"`;
}

/** As of every other structure with a version that is not known: whoever can write the file can raise the number. */
function tooNew(path: string, layout: number): IntegrityError {
  const problem = `${path} has layout ${layout}, and this coffer knows layout ${LAYOUT}: a newer coffer made it, or somebody altered it`;
  return new IntegrityError('store_too_new', problem, {
    hint: 'if a newer coffer wrote it, use that one; else find out who could write to the file, and restore it from a backup',
  });
}

function altered(path: string, what: string): IntegrityError {
  return new IntegrityError('schema_altered', `the schema of the database ${path} was altered: ${what}`, {
    hint: 'nothing was read or written; find out who could write to the file, and restore it from a backup',
  });
}
