import { UsageError } from '../../errors.ts';

// What is wrong with a backup. It is printed, so no key material may be in it.

/** Something that another server has and coffer has not. */
export function unsupported(why: string): UsageError {
  return new UsageError('unsupported_backup', `the backup cannot be restored: ${why}`);
}

/** Something that no server writes. */
export function badBackup(why: string): UsageError {
  return new UsageError('bad_backup', `the backup cannot be restored: ${why}`);
}

/** A contradiction within one version, whose number the caller knows. */
export class EntryFault extends Error {}
