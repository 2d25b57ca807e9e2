import type { ChangingTrie } from './changing-trie.ts';
import { MARK } from './keys.ts';
import { folderOf, type LeafKeys } from './paths.ts';

/** The leaves that say of a folder that there is something below it. Whoever changes rows keeps them right. */
export class FolderMarks {
  readonly #trie: ChangingTrie;
  readonly #leaves: LeafKeys;
  /** Folders that are known to have something in them, and one that has nothing: many questions in a row are of a few folders. */
  readonly #full = new Set<string>();
  #empty: string | null = null;

  constructor(trie: ChangingTrie, leaves: LeafKeys) {
    this.#trie = trie;
    this.#leaves = leaves;
  }

  /** Whether there is anything below a folder, which is not "". @throws IntegrityError `tree_altered` */
  async has(folder: string): Promise<boolean> {
    if (this.#full.has(folder)) return true;
    if (folder === this.#empty) return false;
    const isMarked = (await this.#trie.find(this.#leaves.mark(folder))) !== null;
    if (isMarked) this.#remember(folder);
    else this.#empty = folder;
    return isMarked;
  }

  /** Before a child comes into a folder. @throws IntegrityError `tree_altered` */
  async set(folder: string): Promise<void> {
    if (folder === '' || (await this.has(folder))) return;
    await this.set(folderOf(folder));
    await this.#trie.put(this.#leaves.mark(folder), MARK);
    this.#remember(folder);
    this.#empty = null;
  }

  /** After a child of a folder is gone. @throws IntegrityError `tree_altered` */
  async clear(folder: string): Promise<void> {
    if (folder === '' || (await this.#trie.hasBelow(this.#leaves.folder(folder)))) return;
    this.#full.clear();
    await this.#trie.delete(this.#leaves.mark(folder));
    await this.clear(folderOf(folder));
  }

  #remember(folder: string): void {
    if (this.#full.size >= MOST_REMEMBERED) this.#full.clear();
    this.#full.add(folder);
  }
}

const MOST_REMEMBERED = 100;
