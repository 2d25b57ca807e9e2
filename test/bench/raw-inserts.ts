// Writes the rows of a store into a new database, as fast as SQLite takes them:
//
//   raw-inserts STORE NEW secrets|all|none BATCHES
//
// "secrets" leaves out the rows of the tree; "none" reads the rows, and writes none. Rows of one folder come together, in no order among
// themselves, as they do from an import, since names are encrypted.

import Sqlite from 'better-sqlite3';
import { isOfTree } from '../../src/tree/index.ts';

/** Segments of a stored path above which rows come together: what holds one version alone comes with its secret, at any time. */
const FOLDER_SEGMENTS = 4;

interface Row {
  readonly path: string;
  readonly value: Uint8Array;
}

const [store, fresh, which, batches] = process.argv.slice(2) as [string, string, string, string];
const rows = rowsOf(store).filter(({ path }) => which === 'all' || !isOfTree(path));
const db = new Sqlite(fresh);
db.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY');
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
db.exec('CREATE TABLE entries (path TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID');
const insert = db.prepare('INSERT INTO entries VALUES (?, ?)');
const batch = Math.ceil(rows.length / Number(batches));
for (let from = 0; which !== 'none' && from < rows.length; from += batch) {
  db.exec('BEGIN IMMEDIATE');
  for (const { path, value } of rows.slice(from, from + batch)) insert.run(path, value);
  db.exec('COMMIT');
}
db.close();

function rowsOf(path: string): Row[] {
  const from = new Sqlite(path, { readonly: true });
  const all = from.prepare('SELECT path, value FROM entries').all() as Row[];
  from.close();
  const folders = new Map<string, Row[]>();
  for (const row of all) {
    const segments = row.path.split('/');
    const folder = segments.slice(0, Math.min(segments.length - 1, FOLDER_SEGMENTS)).join('/');
    const known = folders.get(folder);
    if (known === undefined) folders.set(folder, [row]);
    else known.push(row);
  }
  return shuffled([...folders.values()]).flatMap(shuffled);
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
