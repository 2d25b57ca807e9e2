import {
  chmodSync,
  lchownSync,
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
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createPrivateFile,
  makePrivateFolder,
  readPrivateFile,
  replacePrivateFile,
  UnsafePlace,
} from '../../src/private-files.ts';

const isRoot = process.getuid?.() === 0;
const STRANGER = 12345;

let dir = '';
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-private-')));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const mode = (path: string): number => statSync(path).mode & 0o777;
const text = (path: string): string => readFileSync(path, 'utf8');

describe('a private folder', () => {
  it('is made with what is missing above it, for the owner alone, and may be asked for again', () => {
    makePrivateFolder(join(dir, 'a', 'b'));
    makePrivateFolder(join(dir, 'a', 'b'));
    for (const name of ['a', 'a/b']) expect(mode(join(dir, name))).toBe(0o700);
  });

  it('says so, and ends, where no folder can be made', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(() => makePrivateFolder(join(dir, 'file', 'below'))).toThrow('ENOTDIR');
    // Linux answers ENOENT here, at which mkdirSync's own recursion tries for ever.
    expect(() => makePrivateFolder('/proc/coffer/below')).toThrow(/ENOENT|EACCES|EROFS|EPERM/);
  });

  it('is not made where a link leads to nothing', () => {
    symlinkSync(join(dir, 'nowhere'), join(dir, 'link'));
    expect(() => makePrivateFolder(join(dir, 'link'))).toThrow('EEXIST');
    expect(readdirSync(dir)).toEqual(['link']);
  });

  it('is not made in a folder that others can write, unless that is sticky', () => {
    mkdirSync(join(dir, 'open'));
    chmodSync(join(dir, 'open'), 0o777);
    expect(() => makePrivateFolder(join(dir, 'open', 'a'))).toThrow(UnsafePlace);
    expect(() => makePrivateFolder(join(dir, 'open'))).toThrow(`other users can write ${join(dir, 'open')}`);
    chmodSync(join(dir, 'open'), 0o1777);
    makePrivateFolder(join(dir, 'open', 'a', 'b'));
    expect(mode(join(dir, 'open', 'a'))).toBe(0o700);
  });

  it.runIf(isRoot)("is not made in another user's folder, nor through another user's link, however deep", () => {
    mkdirSync(join(dir, 'theirs'));
    mkdirSync(join(dir, 'theirs', 'ours'));
    lchownSync(join(dir, 'theirs'), STRANGER, STRANGER);
    expect(() => makePrivateFolder(join(dir, 'theirs', 'ours', 'a'))).toThrow(
      `${join(dir, 'theirs')} belongs to another user (uid ${STRANGER})`,
    );
    mkdirSync(join(dir, 'sticky'));
    mkdirSync(join(dir, 'goal'));
    symlinkSync('../goal', join(dir, 'sticky', 'link'));
    lchownSync(join(dir, 'sticky', 'link'), STRANGER, STRANGER);
    chmodSync(join(dir, 'sticky'), 0o1777);
    expect(() => makePrivateFolder(join(dir, 'sticky', 'link', 'a'))).toThrow(
      `${join(dir, 'sticky', 'link')} belongs to another user`,
    );
    lchownSync(join(dir, 'sticky', 'link'), 0, 0);
    makePrivateFolder(join(dir, 'sticky', 'link', 'a'));
    expect(readdirSync(join(dir, 'goal'))).toEqual(['a']);
  });
});

describe('a private file', () => {
  it('is made once, for the owner alone, whatever the umask', () => {
    for (const [umask, name] of [
      [0, 'open'],
      [0o777, 'closed'],
    ] as const) {
      const before = process.umask(umask);
      try {
        createPrivateFile(join(dir, name), 'content');
      } finally {
        process.umask(before);
      }
      expect(mode(join(dir, name))).toBe(0o600);
      expect(text(join(dir, name))).toBe('content');
    }
    expect(() => createPrivateFile(join(dir, 'open'), 'more')).toThrow('EEXIST');
    expect(text(join(dir, 'open'))).toBe('content');
  });

  it('is never made through a link, neither to a file nor to nothing', () => {
    const victim = join(dir, 'victim');
    writeFileSync(victim, 'of value');
    symlinkSync(victim, join(dir, 'link'));
    symlinkSync(join(dir, 'new'), join(dir, 'dangling'));
    for (const name of ['link', 'dangling']) expect(() => createPrivateFile(join(dir, name))).toThrow('EEXIST');
    replacePrivateFile(join(dir, 'link'), 'ours');
    expect(text(victim)).toBe('of value');
    expect(lstatSync(join(dir, 'link')).isFile()).toBe(true);
    expect(readdirSync(dir).sort()).toEqual(['dangling', 'link', 'victim']);
  });

  it('is replaced whole, and nothing is left over when that fails', () => {
    replacePrivateFile(join(dir, 'a', 'file'), 'old');
    replacePrivateFile(join(dir, 'a', 'file'), 'new');
    expect(text(join(dir, 'a', 'file'))).toBe('new');
    mkdirSync(join(dir, 'a', 'folder'));
    expect(() => replacePrivateFile(join(dir, 'a', 'folder'), 'x')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(join(dir, 'a')).sort()).toEqual(['file', 'folder']);
  });

  it('is read when it is there, and null when not', () => {
    createPrivateFile(join(dir, 'file'), 'content');
    expect(Buffer.from(readPrivateFile(join(dir, 'file')) ?? []).toString()).toBe('content');
    expect(readPrivateFile(join(dir, 'none'))).toBeNull();
    expect(readPrivateFile(join(dir, 'none', 'below'))).toBeNull();
  });

  it('is not read through a link, nor when others can write it, nor when it is no file', () => {
    createPrivateFile(join(dir, 'file'), 'content');
    symlinkSync('file', join(dir, 'link'));
    expect(() => readPrivateFile(join(dir, 'link'))).toThrow('ELOOP');
    chmodSync(join(dir, 'file'), 0o620);
    expect(() => readPrivateFile(join(dir, 'file'))).toThrow(UnsafePlace);
    expect(() => readPrivateFile(dir)).toThrow(UnsafePlace);
  });

  it.runIf(isRoot)("is not read when it is another user's", () => {
    createPrivateFile(join(dir, 'file'), 'content');
    lchownSync(join(dir, 'file'), STRANGER, STRANGER);
    expect(() => readPrivateFile(join(dir, 'file'))).toThrow(
      `${join(dir, 'file')} belongs to another user (uid ${STRANGER})`,
    );
  });
});
