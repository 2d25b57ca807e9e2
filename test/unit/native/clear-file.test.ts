import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeClearFile } from '../../../src/native/clear-file.ts';
import { UnsafePlace, writePrivateFile } from '../../../src/private-files.ts';

let dir = '';
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-clear-')));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe.each([
  ['a file in clear', writeClearFile, 0],
  ['a file with a draft', writePrivateFile, 1],
] as const)('%s', (_name, writeFile, drafts) => {
  it(`is there when it is whole, after ${drafts} other names, for its owner alone whatever the umask`, async () => {
    for (const umask of [0, 0o777]) {
      const path = join(dir, 'new', String(umask), 'file');
      mkdirSync(join(dir, 'new', String(umask)), { recursive: true });
      const before = process.umask(umask);
      try {
        const result = await writeFile(path, async (write) => {
          write('first, ');
          await Promise.resolve();
          write(Buffer.from('second'));
          expect(readdirSync(join(path, '..'))).toHaveLength(drafts);
          return 5;
        });
        expect(result).toBe(5);
      } finally {
        process.umask(before);
      }
      expect(readFileSync(path, 'utf8')).toBe('first, second');
      expect(statSync(path)).toMatchObject({ mode: 0o100600, nlink: 1 });
      expect(readdirSync(join(path, '..'))).toEqual(['file']);
    }
  });

  it('takes the place of a file or a link, and what that leads to stays', async () => {
    writeFileSync(join(dir, 'goal'), 'of value');
    writeFileSync(join(dir, 'file'), 'longer than what comes', { mode: 0o644 });
    symlinkSync('goal', join(dir, 'link'));
    for (const name of ['file', 'link']) {
      await writeFile(join(dir, name), async (write) => write('new'));
      expect(readFileSync(join(dir, name), 'utf8')).toBe('new');
      expect(lstatSync(join(dir, name))).toMatchObject({ mode: 0o100600, nlink: 1 });
    }
    expect(readFileSync(join(dir, 'goal'), 'utf8')).toBe('of value');
    expect(readdirSync(dir).sort()).toEqual(['file', 'goal', 'link']);
  });

  it('leaves what was there, and nothing more, where writing fails or a folder has the name', async () => {
    writeFileSync(join(dir, 'file'), 'old');
    mkdirSync(join(dir, 'folder'));
    const failing = async (write: (part: string) => void): Promise<void> => {
      write('new');
      await Promise.reject(new Error('cut'));
    };
    for (const name of ['file', 'none']) await expect(writeFile(join(dir, name), failing)).rejects.toThrow('cut');
    await expect(writeFile(join(dir, 'folder'), async (write) => write('x'))).rejects.toThrow(
      /EISDIR|ENOTEMPTY|EEXIST/,
    );
    expect(readdirSync(dir).sort()).toEqual(['file', 'folder']);
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('old');
  });

  it('is not made where others could put another in its place', async () => {
    mkdirSync(join(dir, 'open'));
    chmodSync(join(dir, 'open'), 0o777);
    await expect(writeFile(join(dir, 'open', 'file'), async (write) => write('x'))).rejects.toThrow(UnsafePlace);
    expect(readdirSync(join(dir, 'open'))).toEqual([]);
  });
});
