import type { JsonObject } from '../json.ts';

// Secrets of kv on their way out of one store and into another.

/** One secret, apart from its path. */
export interface Carried {
  /** What it is now; null where that is deleted, or where it has no version. */
  readonly data: JsonObject | null;
  /** As `kv metadata get` answers; null for version 1. What only some have, such as settings, may be there alone. */
  readonly metadata: JsonObject | null;
  /** The data of all versions by their numbers, of deleted ones too; null where the newest alone is carried. */
  readonly versions: JsonObject | null;
}

export type Change = 'new' | 'changed' | 'unchanged';

/** What bringing a secret in comes to, and how it is done. */
export interface Planned {
  readonly change: Change;
  /** Whether the engine has no place for the metadata that came with it. */
  readonly dropsMetadata: boolean;
  readonly apply: () => Promise<void>;
}

/** How secrets leave a mount and come into it, within one transaction. */
export interface Transfer {
  /** @param withVersions whether all of them leave @returns null where there is no such secret */
  readonly take: (path: string, withVersions: boolean) => Promise<Carried | null>;
  /**
   * @param cas the version that a secret which changes must be at, 0 for none yet; null for any
   * @throws StoreError `cas_mismatch`, `cas_required`, `path_in_use` where versions would be lost; UsageError `bad_data`,
   *   `bad_parameter`, `no_data`, `version_1`
   */
  readonly plan: (path: string, carried: Carried, cas: number | null) => Promise<Planned>;
}
