import type { Names } from '../../barrier/index.ts';
import { engineOf } from '../../engines/index.ts';
import { CofferError } from '../../errors.ts';
import { DATA, MOUNTS, RECORD } from '../row-paths.ts';
import { RECORD_NAME } from '../unsealed/state.ts';
import type { Mount } from './table.ts';

const LONGEST_PATH = 200;

/** What the operator knows a row or a folder as, whatever the row may be. */
export function rowNames(mounts: readonly Mount[], names: Names): (stored: string) => string {
  const folders = new Map(mounts.map((mount) => [names.encrypt(DATA, [mount.uuid]), mount]));
  return (stored) => {
    if (stored === RECORD) return RECORD_NAME;
    if (stored === MOUNTS) return 'the mount table';
    if (stored === DATA) return 'the mounts';
    const [root = '', own = '', ...segments] = stored.split('/');
    const mount = folders.get(`${root}/${own}`);
    if (mount === undefined) return `the row ${shownRow(stored)}`;
    try {
      return mount.path + engineOf(mount).rowName(plainPath(names, `${root}/${own}`, segments));
    } catch (error) {
      if (!(error instanceof CofferError)) throw error;
      return `a row of ${mount.path} whose name was altered, ${shownRow(stored)}`;
    }
  };
}

/** @param root the stored folder that the segments lie in @throws IntegrityError `name_altered` */
export function plainPath(names: Names, root: string, segments: readonly string[]): string[] {
  return segments.map((segment, at) => names.decrypt([root, ...segments.slice(0, at)].join('/'), segment));
}

/** A stored path is printable ASCII of any length. */
export function shownRow(stored: string): string {
  return JSON.stringify(stored.slice(0, LONGEST_PATH));
}
