import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Child, ReadOnlyTransaction, type Storage } from '../../../src/storage/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * What core relies on, tried with one driver: the whole of it is what a new driver has to pass.
 * @param open a store of its own for each `place`, a folder that is there and empty the first time
 */
export function storageContract(driver: string, open: (place: string, create: boolean) => Promise<Storage>): void {
  let place = '';
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'coffer-storage-'));
  });
  afterEach(() => rmSync(place, { recursive: true }));

  async function withStorage<T>(use: (storage: Storage) => Promise<T>): Promise<T> {
    const storage = await open(place, true);
    try {
      return await use(storage);
    } finally {
      await storage.close();
    }
  }

  describe(`a transaction of ${driver}`, () => {
    it('is kept whole when it returns and vanishes whole when it throws', async () => {
      await withStorage(async (storage) => {
        await storage.transaction('write', (rows) => rows.put('a', bytes('old')));
        const failing = storage.transaction('write', async (rows) => {
          await rows.put('a', bytes('new'));
          await rows.put('b', bytes('new'));
          throw new Error('on the way');
        });
        await expect(failing).rejects.toThrow('on the way');
        await storage.transaction('read', async (rows) => {
          expect(Buffer.from((await rows.get('a')) ?? []).toString()).toBe('old');
          expect(await rows.get('b')).toBeNull();
        });
      });
    });

    it('inserts where there is nothing, and knows what there is', async () => {
      await withStorage(async (storage) => {
        await storage.transaction('write', async (rows) => {
          expect(await rows.insert('a/b', bytes('first'))).toBe(true);
          expect(await rows.insert('a/b', bytes('second'))).toBe(false);
        });
        await storage.transaction('read', async (rows) => {
          expect(Buffer.from((await rows.get('a/b')) ?? []).toString()).toBe('first');
          const paths = ['a', 'a/b', 'a/bc', 'a-'];
          expect(await Promise.all(paths.map((path) => rows.has(path)))).toEqual([false, true, false, false]);
          expect(await Promise.all(paths.map((path) => rows.hasBelow(path)))).toEqual([true, false, false, false]);
          await expect(rows.insert('a/c', bytes(''))).rejects.toBeInstanceOf(ReadOnlyTransaction);
        });
      });
    });

    it('tells whether there was a store before it', async () => {
      const told: boolean[] = [];
      await withStorage(async (storage) => {
        for (const at of ['a', 'b']) {
          await storage.transaction('write', async (rows) => {
            told.push(rows.isNew);
            await rows.put(at, bytes(at));
          });
        }
        await storage.transaction('read', async (rows) => void told.push(rows.isNew));
      });
      expect(told).toEqual([true, false, false]);
    });

    it('does not write when it is for reading', async () => {
      await withStorage(async (storage) => {
        await storage.transaction('write', (rows) => rows.put('a', bytes('1')));
        await expect(storage.transaction('read', (rows) => rows.put('a', bytes('2')))).rejects.toBeInstanceOf(
          ReadOnlyTransaction,
        );
        await expect(storage.transaction('read', (rows) => rows.delete('a'))).rejects.toBeInstanceOf(
          ReadOnlyTransaction,
        );
      });
    });

    it('reads several rows in the order in which they were asked for', async () => {
      await withStorage((storage) =>
        storage.transaction('write', async (rows) => {
          for (const at of ['a', 'b', 'c']) await rows.put(at, bytes(at));
          const found = await rows.getMany(['c', 'none', 'a', 'c']);
          expect(found.map((value) => (value === null ? null : Buffer.from(value).toString()))).toEqual([
            'c',
            null,
            'a',
            'c',
          ]);
          expect(await rows.getMany([])).toEqual([]);
        }),
      );
    });

    it('keeps what it wrote for the one that opens the store next', async () => {
      await withStorage((storage) => storage.transaction('write', (rows) => rows.put('a', bytes('kept'))));
      const again = await open(place, false);
      expect(await again.transaction('read', (rows) => rows.get('a'))).toEqual(Buffer.from('kept'));
      await again.close();
    });

    it('takes a row of no bytes and one of a megabyte, and forgets what is deleted', async () => {
      await withStorage((storage) =>
        storage.transaction('write', async (rows) => {
          await rows.put('none', bytes(''));
          await rows.put('much', new Uint8Array(2 ** 20).fill(7));
          expect((await rows.get('none'))?.length).toBe(0);
          expect((await rows.get('much'))?.length).toBe(2 ** 20);
          await rows.delete('much');
          await rows.delete('much');
          expect(await rows.get('much')).toBeNull();
        }),
      );
    });
  });

  describe(`a listing of ${driver}`, () => {
    it('gives the direct children that a plain scan of all paths gives', async () => {
      const segment = fc.stringMatching(/^[-_a-z0-9A-Z]{1,3}$/);
      const paths = fc.array(
        fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
        { maxLength: 30 },
      );
      await withStorage(async (storage) => {
        const test = fc.asyncProperty(paths, async (all) => {
          const check = storage.transaction('write', async (rows) => {
            for (const one of all) await rows.put(one, bytes(one));
            for (const folder of ['', ...all, ...all.map((one) => one.split('/')[0] ?? '')]) {
              expect(sorted(await rows.list(folder))).toEqual(sorted(expected(all, folder)));
            }
            throw new Error('undo');
          });
          await expect(check).rejects.toThrow('undo');
        });
        await fc.assert(test, { numRuns: 60 });
      });
    });

    function expected(all: readonly string[], folder: string): Child[] {
      const prefix = folder === '' ? '' : `${folder}/`;
      const rests = all.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length).split('/'));
      const seen = new Set(rests.map(([segment, ...more]) => `${segment} ${more.length > 0}`));
      return [...seen].map((one) => ({ segment: one.split(' ')[0] ?? '', folder: one.endsWith('true') }));
    }

    function sorted(children: readonly Child[]): string[] {
      return children.map(({ segment, folder }) => `${segment} ${folder}`).sort();
    }

    it('is the same in pages of any size', async () => {
      const all = ['a', 'a/1', 'a/2', 'b/1', 'c', 'c0', 'c/9', 'd-', 'd/x/y'];
      await withStorage((storage) =>
        storage.transaction('write', async (rows) => {
          for (const one of all) await rows.put(one, bytes(one));
          const whole = await rows.list('');
          for (let most = 1; most <= whole.length + 1; most++) {
            const paged: Child[] = [];
            for (
              let page = await rows.list('', { most });
              page.length > 0;
              page = await rows.list('', { after: page.at(-1) ?? null, most })
            ) {
              expect(page.length).toBeLessThanOrEqual(most);
              paged.push(...page);
            }
            expect(paged).toEqual(whole);
          }
        }),
      );
    });

    it('goes through all rows below a folder, one after the other, whatever is deleted meanwhile', async () => {
      await withStorage((storage) =>
        storage.transaction('write', async (rows) => {
          for (const one of ['a/1', 'a/1/x', 'a/2', 'b/1']) await rows.put(one, bytes(one));
          const seen: string[] = [];
          for (let at = await rows.next('a', null); at !== null; at = await rows.next('a', at)) {
            seen.push(at);
            await rows.delete(at);
          }
          expect(seen.sort()).toEqual(['a/1', 'a/1/x', 'a/2']);
          expect(await rows.next('', null)).toBe('b/1');
        }),
      );
    });
  });
}
