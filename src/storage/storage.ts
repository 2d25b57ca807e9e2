import type { Hint } from '../errors.ts';

/**
 * What coffer needs of a database. Paths are segments of [A-Za-z0-9_-] joined by "/"; values are bytes. The interface
 * is asynchronous so that a networked database can stand behind it.
 */
export interface Storage {
  /**
   * Runs `use` on one consistent snapshot. Whatever it writes is committed whole when it returns and vanishes whole
   * when it throws or the process dies. A 'write' transaction keeps other writers out from its start.
   */
  transaction<T>(mode: 'read' | 'write', use: (rows: Rows) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Whether the store is to be made: the first write transaction makes it, and one that leaves no row takes it back. */
  readonly create: boolean;
  /** Told what the operator should know of the store. */
  readonly note?: (text: Hint) => void;
  /** Runs the COMMIT of every transaction that wrote something: from there on it is done, whatever happens to the command. */
  readonly throughCommit?: (commit: () => Promise<void>) => Promise<void>;
}

/** A row was to be written in a 'read' transaction. */
export class ReadOnlyTransaction extends Error {}

/** The rows as one transaction sees them. In a 'read' transaction `put` and `delete` throw ReadOnlyTransaction. */
export interface Rows {
  /**
   * Whether there was no store before this transaction, which makes it. A store that is there had rows from the transaction on that made
   * it: one without any was emptied.
   */
  readonly isNew: boolean;
  /** The version of the rows' layout, 1 or 2. Nothing authenticates it. */
  readonly layout: number;
  /** Makes it a later one. */
  raiseLayout(layout: number): Promise<void>;
  get(path: string): Promise<Uint8Array | null>;
  /** The same for several, in their order, which costs a networked database one trip. */
  getMany(paths: readonly string[]): Promise<(Uint8Array | null)[]>;
  /** Whether there is such a row, without its value. */
  has(path: string): Promise<boolean>;
  /** Whether there is any row below a folder, which is not "". */
  hasBelow(folder: string): Promise<boolean>;
  put(path: string, value: Uint8Array): Promise<void>;
  /** A row that is new. @returns false, with nothing done, where there is one at that path */
  insert(path: string, value: Uint8Array): Promise<boolean>;
  /** Deleting what is not there is no error. */
  delete(path: string): Promise<void>;
  /**
   * The direct children of a folder ("" is the root), in the order of paths. Costs in proportion to their number, not to what
   * lies below them.
   */
  list(folder: string, page?: Page): Promise<Child[]>;
  /** Rows in the order of paths, at most so many, from behind the path `after`, or from the first on. */
  scan(after: string | null, most: number): Promise<readonly Row[]>;
  /** The first row below a folder ("" is the root) behind the row `after`, in the order of paths, folder by folder; null at the end. */
  next(folder: string, after: string | null): Promise<string | null>;
}

export interface Row {
  readonly path: string;
  readonly value: Uint8Array;
}

/** A part of a listing. */
export interface Page {
  /** The last child of the page before, which may be gone by now; null to begin. */
  readonly after?: Child | null;
  readonly most?: number;
}

/** A segment may be a row, a folder of further rows, or both; then it is listed twice. */
export interface Child {
  readonly segment: string;
  readonly folder: boolean;
}
