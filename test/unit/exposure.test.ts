import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeExposure, exposures } from '../../src/exposure.ts';

const isRoot = process.getuid?.() === 0;
const STRANGER = 12345;

let dir = '';
let file = '';
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-exposure-')));
  mkdirSync(join(dir, 'a', 'b'), { recursive: true });
  file = join(dir, 'a', 'b', 'file');
  writeFileSync(file, '');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Where and how, without the paths. */
const kinds = (path: string): string[] => exposures(path).map(({ at, by }) => `${at} ${by}`);

describe('what others can change of a path', () => {
  it('is nothing below folders of mode 0755, nor in /usr/lib, nor where nothing is', () => {
    expect(exposures(file)).toEqual([]);
    expect(exposures(join(dir, 'none', 'at', 'all'))).toEqual([]);
    expect(exposures('/usr/lib')).toEqual([]);
    expect(exposures('/')).toEqual([]);
    expect(exposures('/proc/self/status')).toEqual([]);
  });

  it.each([0o775, 0o757, 0o777])('is every folder of mode %o up to the root', (mode) => {
    chmodSync(join(dir, 'a', 'b'), mode);
    expect(kinds(file)).toEqual(['folder mode']);
    chmodSync(join(dir, 'a'), mode);
    expect(kinds(file)).toEqual(['above mode', 'folder mode']);
    expect(kinds(join(dir, 'a', 'none'))).toEqual(['folder mode']);
  });

  it('is the file when others can write it, however it is reached', () => {
    chmodSync(file, 0o602);
    symlinkSync('a/b/file', join(dir, 'link'));
    symlinkSync('link', join(dir, 'second'));
    expect(exposures(join(dir, 'second'))).toEqual([{ path: file, at: 'end', by: 'mode', uid: process.getuid?.() }]);
    expect(kinds(join(dir, 'a', '..', 'second'))).toEqual(['end mode']);
  });

  it('are the folders that a link leads through, not only those of its name', () => {
    mkdirSync(join(dir, 'c'));
    symlinkSync(join(dir, 'a', 'b', 'file'), join(dir, 'c', 'link'));
    chmodSync(join(dir, 'a', 'b'), 0o777);
    expect(kinds(join(dir, 'c', 'link'))).toEqual(['folder mode']);
    chmodSync(join(dir, 'a', 'b'), 0o755);
    chmodSync(join(dir, 'c'), 0o777);
    expect(kinds(join(dir, 'c', 'link'))).toEqual(['above mode']);
  });

  it('is not a folder with the sticky bit', () => {
    chmodSync(join(dir, 'a'), 0o1777);
    expect(exposures(file)).toEqual([]);
  });

  it('ends with links that lead to each other', () => {
    symlinkSync('two', join(dir, 'one'));
    symlinkSync('one', join(dir, 'two'));
    expect(exposures(join(dir, 'one'))).toEqual([]);
  });

  it.runIf(isRoot)('is whatever belongs to another user: file, folder, or a link in a sticky folder', () => {
    lchownSync(file, STRANGER, STRANGER);
    expect(exposures(file)).toEqual([{ path: file, at: 'end', by: 'owner', uid: STRANGER }]);
    lchownSync(join(dir, 'a'), STRANGER, STRANGER);
    expect(kinds(file)).toEqual(['above owner', 'end owner']);
    chmodSync(join(dir, 'a'), 0o1777);
    expect(kinds(file), 'the owner of a sticky folder may replace what is in it').toEqual(['above owner', 'end owner']);
    symlinkSync('/usr', join(dir, 'link'));
    lchownSync(join(dir, 'link'), STRANGER, STRANGER);
    expect(kinds(join(dir, 'link', 'lib'))).toEqual(['link owner']);
  });

  it('comes with a command, quoted for the shell', () => {
    const exposure = { path: "/a b'c", at: 'end', by: 'mode', uid: 0 } as const;
    expect(describeExposure(exposure)).toEqual({
      problem: "other users can write /a b'c",
      remedy: "look through it, then run: chmod go-w '/a b'\\''c'",
    });
    expect(describeExposure({ ...exposure, by: 'owner', uid: 7 }).remedy).toContain('run coffer as that user');
  });
});
