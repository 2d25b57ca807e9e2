import { zero } from '../bytes.ts';
import { CofferError, IntegrityError } from '../errors.ts';
import type { Child, Rows } from '../storage/index.ts';
import { RowFault } from '../tree/index.ts';
import type { Barrier } from './barrier.ts';
import type { Names } from './names.ts';

/** What an engine sees of the store: its own names and plaintext values, nothing else's. */
export interface View {
  get(path: readonly string[]): Promise<Uint8Array | null>;
  /** Whether there is a value, which is not read. */
  has(path: readonly string[]): Promise<boolean>;
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

  async function open(at: string, value: Uint8Array, name: string): Promise<Uint8Array> {
    return barrier.decrypt(at, wrapper === null ? value : await wrapper.unwrap(at, value, name), name);
  }

  /** Says what is wrong with a row, by the name that the operator knows: what does not open was altered, what opens is of another time. */
  async function named<T>(path: readonly string[], at: string, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (fault) {
      if (!(fault instanceof RowFault)) throw fault;
      const name = nameOf(path);
      throw await explained(fault, name, (value) => open(at, value, name));
    }
  }

  async function pageOf(path: readonly string[], folder: string, after: Child | null): Promise<Child[]> {
    try {
      return await rows.list(folder, { after, most: PAGE });
    } catch (fault) {
      if (!(fault instanceof RowFault)) throw fault;
      if (fault.kind === 'removed') throw fault.named(`something in ${nameOf(path)}`);
      throw fault.named(nameOf([...path, names.decrypt(folder, fault.path.slice(folder.length + 1))]));
    }
  }

  return {
    async get(path) {
      const at = stored(path);
      const value = await named(path, at, () => rows.get(at));
      return value === null ? null : open(at, value, nameOf(path));
    },
    async has(path) {
      // Of many names the folder is mostly the same: where it is empty, none of them needs to be encrypted.
      return (await rows.hasBelow(stored(path.slice(0, -1)))) && rows.has(stored(path));
    },
    async put(path, value) {
      const at = stored(path);
      await named(path, at, async () => {
        const sealed = barrier.encrypt(at, value);
        await rows.put(at, wrapper === null ? sealed : await wrapper.wrap(at, sealed));
      });
    },
    async delete(path) {
      const at = stored(path);
      await named(path, at, () => rows.delete(at));
    },
    async list(path) {
      const folder = stored(path);
      const entries: Entry[] = [];
      let after: Child | null = null;
      do {
        const page: Child[] = await pageOf(path, folder, after);
        entries.push(
          ...page.map(({ segment, folder: isFolder }) => ({ name: names.decrypt(folder, segment), folder: isFolder })),
        );
        after = page.length < PAGE ? null : (page.at(-1) ?? null);
      } while (after !== null);
      return entries.sort((a, b) => compare(a.name, b.name) || Number(a.folder) - Number(b.folder));
    },
  };
}

/**
 * What is wrong with a row, by its right name: what does not open was altered, what opens is of another time. Nothing of it is used.
 * @param open opens its value @returns the error to throw
 */
export async function explained(
  fault: RowFault,
  name: string,
  open: (value: Uint8Array) => Promise<Uint8Array>,
): Promise<CofferError> {
  if (fault.value === null) return fault.named(name);
  try {
    zero(await open(fault.value));
    return fault.authentic(name);
  } catch (error) {
    if (error instanceof IntegrityError) return error;
    if (error instanceof CofferError) return fault.named(name); // an HSM that fails here must not hide what is wrong
    throw error;
  }
}

/** By code unit, so that the order does not depend on the locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
