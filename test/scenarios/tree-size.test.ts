import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isOfTree } from '../../src/tree/paths.ts';
import { inDatabase, makeStand, readRows, type Stand } from '../support/store.ts';

/** Enough for a tree of several levels; a hundred in each folder. */
const SECRETS = 5000;

let stand: Stand;
beforeEach(() => {
  stand = makeStand();
  stand.open();
});
afterEach(() => stand.remove());

/** Bytes of a file that has these rows of the store, and no page to spare. */
function sizeOf(isKept: (path: string) => boolean): number {
  const copy = copyTo(join(stand.dir, 'copy.db'));
  const gone = readRows(stand.path).filter(({ path }) => !isKept(path));
  inDatabase(copy, (database) => {
    const remove = database.prepare('DELETE FROM entries WHERE path = ?');
    database.transaction(() => gone.forEach(({ path }) => remove.run(path)))();
    database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
  });
  return statSync(copy).size;
}

function copyTo(path: string): string {
  inDatabase(stand.path, (database) => void database.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
  copyFileSync(stand.path, path);
  return path;
}

it.each(['kv', 'kv-v2'])('the tree adds less than 12 percent to the file of a store with %s', (engine) => {
  stand.ok('secrets', 'enable', '-path=kv', engine);
  const lines = Array.from({ length: SECRETS }, (_, at) => {
    const path = `kv/team-${String(Math.floor(at / 100)).padStart(4, '0')}/app-${String(at % 100).padStart(4, '0')}`;
    return JSON.stringify({ path, data: { user: 'ada', password: `secret-${String(at)}` } });
  });
  expect(stand.run(['kv', 'import', '-'], { input: lines.join('\n') })).toMatchObject({ status: 0 });
  const [whole, without] = [sizeOf(() => true), sizeOf((path) => !isOfTree(path))];
  expect(whole / without).toBeLessThan(1.12);
});
