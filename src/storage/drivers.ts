import type { SqliteConfig, StorageConfig } from '../config/types.ts';
import { checkSqlite } from './integrity.ts';
import { openSqlite } from './sqlite.ts';
import type { OpenOptions, Storage } from './storage.ts';

/** One kind of database. Each is tried with the suite in test/unit/storage/contract.ts. */
export interface Driver<Kind extends StorageConfig> {
  /** @throws StoreError `not_initialized` where there is no store and none is to be made, `storage_*`; UsageError; IntegrityError */
  open(config: Kind, options: OpenOptions): Promise<Storage>;
  /** What the database finds wrong with itself, a line each. @throws StoreError `not_initialized`; UsageError; IntegrityError */
  check(config: Kind): Promise<string[]>;
  /** The store as messages name it. */
  describe(config: Kind): string;
  /** Where it lies on this machine; null for a store that is elsewhere. */
  file(config: Kind): string | null;
}

const sqlite: Driver<SqliteConfig> = {
  open: ({ path }, options) => openSqlite(path, options),
  check: ({ path }) => checkSqlite(path),
  describe: ({ path }) => path,
  file: ({ path }) => path,
};

/** By the name of the stanza. */
const DRIVERS: { readonly [Type in StorageConfig['type']]: Driver<Extract<StorageConfig, { readonly type: Type }>> } = {
  sqlite,
};

/** The driver of a configured storage. */
export function driverOf({ type }: StorageConfig): Driver<StorageConfig> {
  return DRIVERS[type];
}
