import { StoreError } from '../errors.ts';
import { checkStoreFiles } from './claim.ts';
import { Connection } from './connection.ts';
import { AGAINST_HOSTILE_FILES, noStoreIn, readSchema } from './schema.ts';
import { BUSY_TIMEOUT_MS, guard } from './sqlite-errors.ts';

/**
 * What SQLite itself finds wrong with the file (PRAGMA integrity_check), opened for reading only; nothing where all is well.
 * @throws StoreError `not_initialized`; IntegrityError `storage_corrupt`, `schema_altered`, `store_too_new`, `journal_found`; UsageError `not_a_store`
 */
export async function checkSqlite(path: string): Promise<string[]> {
  if (!checkStoreFiles(path))
    throw new StoreError('not_initialized', `there is no store at ${path}`, { hint: 'create one with: coffer init' });
  const connection = await Connection.open(path, { fileMustExist: true, readonly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    return guard(path, () => {
      connection.exec(AGAINST_HOSTILE_FILES);
      connection.exec('BEGIN');
      if (readSchema(connection, path) === null) throw noStoreIn(path); // what a strange schema says is not run
      return connection
        .rows('PRAGMA integrity_check(10)')
        .map(([row]) => String(row))
        .filter((row) => row !== 'ok');
    });
  } finally {
    connection.close();
  }
}
