import { shortened } from './digits.ts';
import type { TreeKeys } from './keys.ts';

/** The row of the root. */
export const ROOT = 'core/tree';
const NODES = 'tree';
const BELOW_NODES = `${NODES}/`;
/** Rows that a machine writes for itself, without the HSM. */
const OF_MACHINES = ['core/lease/', 'core/sealed/'];

/** Where a node is stored. @param address the digits on the way to it */
export function nodePath(address: string): string {
  return address === '' ? NODES : `${NODES}/${shortened(address)}`;
}

/** Whether a row is one of the tree itself. */
export function isOfTree(path: string): boolean {
  return path === ROOT || path === NODES || path.startsWith(BELOW_NODES);
}

/** Whether a row is a leaf. A folder, with a slash at its end, has leaves or is itself of no account. */
export function isCovered(path: string): boolean {
  return !isOfTree(path) && !OF_MACHINES.some((own) => path.startsWith(own));
}

/** "a/b" of "a/b/c"; "" of "a". */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

const MOST_REMEMBERED = 500;

/** Keys of leaves. All that lies directly in a folder begins with the half of that folder, so that a listing can be checked. */
export class LeafKeys {
  readonly #keys: TreeKeys;
  readonly #folders = new Map<string, string>();
  /** A row is mostly asked for before it is written. */
  readonly #rows = new Map<string, string>();

  constructor(keys: TreeKeys) {
    this.#keys = keys;
  }

  /** The first half of whatever lies directly in a folder. */
  folder(folder: string): string {
    return this.#remembered(this.#folders, folder);
  }

  row(path: string): string {
    return this.folder(folderOf(path)) + this.#remembered(this.#rows, path);
  }

  /** Of the leaf that says that there is something below a folder, which is not "". */
  mark(folder: string): string {
    return this.folder(folderOf(folder)) + this.#remembered(this.#rows, `${folder}/`);
  }

  /** The second half of the leaf of a child. */
  child(prefix: string, { segment, folder }: { readonly segment: string; readonly folder: boolean }): string {
    return this.#keys.half(`${prefix}${segment}${folder ? '/' : ''}`);
  }

  #remembered(halves: Map<string, string>, path: string): string {
    const known = halves.get(path);
    if (known !== undefined) return known;
    if (halves.size >= MOST_REMEMBERED) halves.clear();
    const half = this.#keys.half(path);
    halves.set(path, half);
    return half;
  }
}
