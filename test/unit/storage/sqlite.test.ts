import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqlite } from '../../../src/storage/sqlite.ts';
import type { Storage } from '../../../src/storage/index.ts';
import { storageContract } from './contract.ts';

storageContract('SQLite', async (place, create) => openSqlite(join(place, 'coffer.db'), { create }));

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'coffer-sqlite-'));
  path = join(dir, 'coffer.db');
});
afterEach(() => rmSync(dir, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function withStorage<T>(use: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await openSqlite(path, { create: true });
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}

/** Whether a store is there for those who do not make one. */
async function isEmpty(at: string): Promise<boolean> {
  try {
    await (await openSqlite(at, { create: false })).close();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'not_initialized' });
    return true;
  }
}

describe('a transaction', () => {
  it('leaves no table behind when the first one fails', async () => {
    await withStorage(async (storage) => {
      await expect(storage.transaction('write', async () => Promise.reject(new Error('no HSM')))).rejects.toThrow(
        'no HSM',
      );
    });
    await expect(openSqlite(path, { create: false })).rejects.toMatchObject({ code: 'not_initialized', exitStatus: 2 });
  });

  it('leaves no table behind when it takes back the last row of a store that was to be made', async () => {
    await withStorage(async (storage) => {
      await storage.transaction('write', async (rows) => {
        await rows.put('a', bytes('1'));
        await rows.put('b', bytes('2'));
      });
      await storage.transaction('write', (rows) => rows.delete('b'));
      expect(await isEmpty(path)).toBe(false);
      await storage.transaction('write', (rows) => rows.delete('a'));
      expect(await isEmpty(path)).toBe(true);
      await storage.transaction('write', async (rows) => {
        expect(rows.isNew).toBe(true);
        await rows.put('a', bytes('3'));
      });
      expect(await isEmpty(path)).toBe(false);
    });
  });

  it('leaves a store or none, never a table without rows, wherever the process that makes it is killed', async () => {
    // What the files hold at a moment is what SIGKILL leaves of them then.
    const left: [string, string][] = [];
    const killed = (when: string): void => {
      const copy = join(dir, `killed-${left.length}`);
      mkdirSync(copy, { mode: 0o700 });
      for (const name of readdirSync(dir).filter((each) => each.startsWith('coffer.db')))
        copyFileSync(join(dir, name), join(copy, name));
      left.push([when, join(copy, 'coffer.db')]);
    };
    const throughCommit = async (commit: () => Promise<void>): Promise<void> => {
      killed('before COMMIT');
      await commit();
      killed('after COMMIT');
    };
    const storage = await openSqlite(path, { create: true, throughCommit });
    killed('opened');
    const making = async (): Promise<void> =>
      storage.transaction('write', async (rows) => {
        killed('begun');
        for (const at of ['a', 'b', 'c']) {
          await rows.put(at, bytes(at.repeat(100_000)));
          killed(`written ${at}`);
        }
      });
    await making();
    await storage.transaction('write', async (rows) => {
      for (const at of ['a', 'b', 'c']) {
        await rows.delete(at);
        killed(`deleted ${at}`);
      }
    });
    await storage.close();
    killed('closed');

    const found: [string, boolean][] = [];
    for (const [when, copy] of left) {
      const empty = await isEmpty(copy);
      found.push([when, empty]);
      const again = await openSqlite(copy, { create: true });
      await again.transaction('write', async (rows) => {
        expect(rows.isNew).toBe(empty);
        expect((await rows.list('')).length).toBe(empty ? 0 : 3);
        await rows.put('d', bytes('d'));
      });
      await again.close();
    }
    expect(found).toEqual([
      ...['opened', 'begun', 'written a', 'written b', 'written c', 'before COMMIT'].map((when) => [when, true]),
      ...['after COMMIT', 'deleted a', 'deleted b', 'deleted c', 'before COMMIT'].map((when) => [when, false]),
      ...['after COMMIT', 'closed'].map((when) => [when, true]),
    ]);
  });
});

describe('a listing', () => {
  it('costs one seek for each child, however much lies below', async () => {
    await withStorage((storage) =>
      storage.transaction('write', async (rows) => {
        for (let at = 0; at < 5000; at++) await rows.put(`top/deep/${at}`, bytes('x'));
        await rows.put('top/zz', bytes('x'));
        expect(await rows.list('top')).toEqual([
          { segment: 'deep', folder: true },
          { segment: 'zz', folder: false },
        ]);
      }),
    );
    const plan = new Sqlite(path, { readonly: true })
      .prepare('EXPLAIN QUERY PLAN SELECT path FROM entries WHERE path >= ? ORDER BY path LIMIT 1')
      .all('x');
    expect(JSON.stringify(plan)).toContain('USING PRIMARY KEY');
  });
});

describe('the database file', () => {
  it('has mode 0600, WAL, and coffer as its application', async () => {
    await withStorage((storage) => storage.transaction('write', (rows) => rows.put('a', bytes('1'))));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const database = new Sqlite(path, { readonly: true });
    expect(database.prepare('PRAGMA application_id').pluck().get()).toBe(0x636f6666);
    expect(database.prepare('PRAGMA user_version').pluck().get()).toBe(2);
    expect(database.prepare('PRAGMA journal_mode').pluck().get()).toBe('wal');
    database.close();
  });

  it('loses rights that others had', async () => {
    await withStorage((storage) => storage.transaction('write', (rows) => rows.put('a', bytes('1'))));
    chmodSync(path, 0o644);
    await (await openSqlite(path, { create: false })).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('does not keep what was overwritten or deleted', async () => {
    await withStorage(async (storage) => {
      await storage.transaction('write', (rows) => rows.put('a', bytes('FIRST-'.repeat(500))));
      await storage.transaction('write', (rows) => rows.put('a', bytes('second')));
    });
    expect(readFileSync(path).includes('FIRST-FIRST-')).toBe(false);
  });

  it.each([
    [
      'a text file',
      (at: string) => writeFileSync(at, 'not a database, but long enough to be looked at as one'.repeat(50)),
      'not_a_store',
      1,
    ],
    ['another database', (at: string) => void new Sqlite(at).exec('CREATE TABLE t (a)').close(), 'not_a_store', 1],
    ['a symbolic link', (at: string) => symlinkSync('/dev/null', at), 'not_a_store', 1],
    ['nothing', () => undefined, 'not_initialized', 2],
    ['a file of one byte', (at: string) => writeFileSync(at, 'S'), 'not_a_store', 1],
    ['an empty file', (at: string) => writeFileSync(at, ''), 'not_initialized', 2],
  ])('is refused where there is %s', async (_, make, code, exitStatus) => {
    make(path);
    await expect(openSqlite(path, { create: false })).rejects.toMatchObject({ code, exitStatus });
  });

  it('of a later layout is refused', async () => {
    await withStorage((storage) => storage.transaction('write', (rows) => rows.put('a', bytes('1'))));
    const database = new Sqlite(path);
    database.exec('PRAGMA user_version = 3');
    database.close();
    await expect(openSqlite(path, { create: false })).rejects.toMatchObject({ code: 'store_too_new', exitStatus: 4 });
  });

  it('that is damaged is reported as such', async () => {
    await withStorage(async (storage) => {
      await storage.transaction('write', async (rows) => {
        for (let at = 0; at < 200; at++) await rows.put(`row${at}`, bytes('x'.repeat(200)));
      });
    });
    const file = readFileSync(path);
    file.fill(0xff, 4096, 4096 * 3);
    writeFileSync(path, file);
    const reading = withStorage((storage) => storage.transaction('read', (rows) => rows.list('')));
    await expect(reading).rejects.toMatchObject({ code: 'storage_corrupt', exitStatus: 4 });
  });
});

describe('a connection', () => {
  it('prepares each statement once, since none may be left to the garbage collector', async () => {
    const prepared = vi.spyOn(Sqlite.prototype, 'prepare');
    const pragmas = vi.spyOn(Sqlite.prototype, 'pragma');
    try {
      await withStorage(async (storage) => {
        for (const at of ['a', 'b', 'c']) {
          await storage.transaction('write', async (rows) => {
            await rows.put(at, bytes(at));
            await rows.get(at);
            await rows.list('');
            await rows.delete(at);
          });
        }
      });
      const statements = prepared.mock.calls.map(([sql]) => sql);
      expect(statements.length).toBeGreaterThan(3);
      expect(statements).toEqual([...new Set(statements)]);
      expect(pragmas).not.toHaveBeenCalled();
    } finally {
      prepared.mockRestore();
      pragmas.mockRestore();
    }
  });
});
