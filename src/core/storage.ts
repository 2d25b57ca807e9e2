import { throughCommit } from '../native/outcome.ts';
import { driverOf, type Storage } from '../storage/index.ts';
import type { Context } from './context.ts';

/**
 * Opens the configured storage for as long as `use` runs.
 * @param create makes it where there is none
 * @throws StoreError `not_initialized` where there is none and none is to be made, `storage_*`
 */
export async function withStorage<T>(
  { config, note }: Pick<Context, 'config' | 'note'>,
  create: boolean,
  use: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = await driverOf(config.storage).open(config.storage, { create, note, throughCommit });
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}

/** The store as messages name it. */
export function storeName({ config }: Pick<Context, 'config'>): string {
  return driverOf(config.storage).describe(config.storage);
}
