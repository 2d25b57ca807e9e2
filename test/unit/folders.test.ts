import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolders } from '../../src/folders.ts';

const dir = mkdtempSync(join(tmpdir(), 'coffer-folders-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('makeFolders', () => {
  it('makes what is missing, for the owner alone, and may be called again', () => {
    makeFolders(join(dir, 'a', 'b'));
    makeFolders(join(dir, 'a', 'b'));
    for (const name of ['a', 'a/b']) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o700);
  });

  it('says so, and ends, where no folder can be made', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(() => makeFolders(join(dir, 'file', 'below'))).toThrow('ENOTDIR');
    // Linux answers ENOENT here, at which mkdirSync's own recursion tries for ever.
    expect(() => makeFolders('/proc/coffer/below')).toThrow(/ENOENT|EACCES|EROFS|EPERM/);
  });
});
