import type { Child, Page, Row, Rows } from '../../src/storage/index.ts';

/** Rows in memory, in the order of paths, for what is built on rows alone. An attacker changes `map` directly. */
export class MemoryRows implements Rows {
  readonly isNew = false;
  layout = 2;
  readonly map: Map<string, Uint8Array>;

  constructor(rows: Iterable<readonly [string, Uint8Array]> = []) {
    this.map = new Map(rows);
  }

  async raiseLayout(layout: number): Promise<void> {
    this.layout = layout;
  }

  async get(path: string): Promise<Uint8Array | null> {
    return this.map.get(path) ?? null;
  }

  async getMany(paths: readonly string[]): Promise<(Uint8Array | null)[]> {
    return paths.map((path) => this.map.get(path) ?? null);
  }

  async has(path: string): Promise<boolean> {
    return this.map.has(path);
  }

  async hasBelow(folder: string): Promise<boolean> {
    return (await this.next(folder, null)) !== null;
  }

  async put(path: string, value: Uint8Array): Promise<void> {
    this.map.set(path, value);
  }

  async insert(path: string, value: Uint8Array): Promise<boolean> {
    if (this.map.has(path)) return false;
    this.map.set(path, value);
    return true;
  }

  async delete(path: string): Promise<void> {
    this.map.delete(path);
  }

  async list(folder: string, { after = null, most = Infinity }: Page = {}): Promise<Child[]> {
    const prefix = folder === '' ? '' : `${folder}/`;
    const found = new Map<string, Child>();
    for (const path of this.map.keys()) {
      if (!path.startsWith(prefix)) continue;
      const [segment = '', ...below] = path.slice(prefix.length).split('/');
      found.set(segment + (below.length > 0 ? '/' : ''), { segment, folder: below.length > 0 });
    }
    const from = after === null ? null : after.segment + (after.folder ? '/' : '');
    const names = [...found.keys()].sort().filter((name) => from === null || name > from);
    return names.slice(0, most).flatMap((name) => found.get(name) ?? []);
  }

  async scan(after: string | null, most: number): Promise<readonly Row[]> {
    const paths = [...this.map.keys()].filter((path) => after === null || path > after).sort();
    return paths.slice(0, most).map((path) => ({ path, value: this.map.get(path) ?? new Uint8Array(0) }));
  }

  async next(folder: string, after: string | null): Promise<string | null> {
    const prefix = folder === '' ? '' : `${folder}/`;
    const paths = [...this.map.keys()].filter((path) => path.startsWith(prefix) && (after === null || path > after));
    return paths.sort()[0] ?? null;
  }
}
