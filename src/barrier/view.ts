import type { Child, Rows } from '../storage/index.ts';
import type { Barrier } from './barrier.ts';
import type { Names } from './names.ts';

/** What an engine sees of the store: its own names and plaintext values, nothing else's. */
export interface View {
  get(path: readonly string[]): Promise<Uint8Array | null>;
  put(path: readonly string[], value: Uint8Array): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(path: readonly string[]): Promise<void>;
  /** The direct children of a folder, sorted by name; a name may be a value, a folder, or both (two entries). */
  list(path: readonly string[]): Promise<Entry[]>;
}

export interface Entry {
  readonly name: string;
  readonly folder: boolean;
}

/** A second layer around the barrier's ciphertext: seal wrap. */
export interface ValueWrapper {
  wrap(storedPath: string, value: Uint8Array): Promise<Uint8Array>;
  /** @param name what an error calls the value */
  unwrap(storedPath: string, wrapped: Uint8Array, name: string): Promise<Uint8Array>;
}

/** Children that are read at a time. */
const PAGE = 1000;

export interface ViewOptions {
  readonly barrier: Barrier;
  readonly names: Names;
  readonly rows: Rows;
  /** The stored folder that everything of the view lies in. */
  readonly root: string;
  /** The segment below it that is the view's own, encrypted like every other. */
  readonly base: string;
  /** What errors call the value at a path. */
  readonly nameOf: (path: readonly string[]) => string;
  readonly wrapper: ValueWrapper | null;
}

/** @throws IntegrityError `value_altered` or `name_altered` from its methods, and what `rows` and `wrapper` throw */
export function openView({ barrier, names, rows, root, base, nameOf, wrapper }: ViewOptions): View {
  const stored = (path: readonly string[]): string => names.encrypt(root, [base, ...path]);
  return {
    async get(path) {
      const at = stored(path);
      const name = nameOf(path);
      const value = await rows.get(at);
      if (value === null) return null;
      return barrier.decrypt(at, wrapper === null ? value : await wrapper.unwrap(at, value, name), name);
    },
    async put(path, value) {
      const at = stored(path);
      const sealed = barrier.encrypt(at, value);
      await rows.put(at, wrapper === null ? sealed : await wrapper.wrap(at, sealed));
    },
    async delete(path) {
      await rows.delete(stored(path));
    },
    async list(path) {
      const folder = stored(path);
      const entries: Entry[] = [];
      let after: Child | null = null;
      do {
        const page: Child[] = await rows.list(folder, { after, most: PAGE });
        entries.push(
          ...page.map(({ segment, folder: isFolder }) => ({ name: names.decrypt(folder, segment), folder: isFolder })),
        );
        after = page.length < PAGE ? null : (page.at(-1) ?? null);
      } while (after !== null);
      return entries.sort((a, b) => compare(a.name, b.name) || Number(a.folder) - Number(b.folder));
    },
  };
}

/** By code unit, so that the order does not depend on the locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
