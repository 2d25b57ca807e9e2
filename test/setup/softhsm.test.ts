import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureSoftHsm } from './softhsm.mjs';

let folder: string;
let said: () => string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffer-ensure-'));
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  said = () => stdout.mock.calls.map(([text]) => String(text)).join('');
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A folder of downloads that has a SoftHSM from an earlier run. */
function unpackedBefore(): string {
  file('deps/softhsm/usr/lib/softhsm/libsofthsm2.so', '');
  return join(folder, 'deps');
}

describe('ensureSoftHsm', () => {
  it('takes the module that COFFER_TEST_SOFTHSM names', () => {
    const module = file('libsofthsm2.so', '');
    vi.stubEnv('COFFER_TEST_SOFTHSM', module);
    expect(ensureSoftHsm({ system: folder })).toEqual({ module, libraryPath: null });
  });

  it('refuses a COFFER_TEST_SOFTHSM that does not exist', () => {
    vi.stubEnv('COFFER_TEST_SOFTHSM', join(folder, 'nowhere.so'));
    expect(() => ensureSoftHsm({ system: folder })).toThrow('which does not exist');
  });

  it.each([
    'usr/lib/softhsm/libsofthsm2.so',
    'usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
    'usr/lib64/pkcs11/libsofthsm2.so',
    'usr/lib64/softhsm/libsofthsm2.so',
    'usr/local/lib/softhsm/libsofthsm2.so',
    'opt/homebrew/lib/softhsm/libsofthsm2.so',
  ])('finds /%s', (place) => {
    vi.stubEnv('COFFER_TEST_SOFTHSM', '');
    const module = file(place, '');
    expect(ensureSoftHsm({ system: folder })).toEqual({ module, libraryPath: null });
  });

  it('is installed by root', () => {
    vi.stubEnv('COFFER_TEST_SOFTHSM', '');
    const module = join(folder, 'usr/lib/softhsm/libsofthsm2.so');
    const install = vi.fn(() => {
      file('usr/lib/softhsm/libsofthsm2.so', '');
      return null;
    });
    expect(ensureSoftHsm({ system: folder, deps: unpackedBefore(), isRoot: true, install })).toEqual({
      module,
      libraryPath: null,
    });
    expect(install.mock.calls).toEqual([[['libsofthsm2']]]);
    expect(said()).toMatch(/^setup: SoftHSM is not installed; .*\nsetup: SoftHSM is .*\n$/);
    expect(said()).toContain(`SoftHSM is ${module}\n`);
  });

  it.each([
    { isRoot: true, problem: 'no such package', reason: 'it cannot be installed (no such package)' },
    { isRoot: true, problem: null, reason: 'it cannot be installed (the package holds no module)' },
    { isRoot: false, problem: null, reason: 'it is not installed, and only root can do that' },
  ])('is the unpacked one, and says why: $reason', ({ isRoot, problem, reason }) => {
    vi.stubEnv('COFFER_TEST_SOFTHSM', '');
    const deps = unpackedBefore();
    const install = vi.fn(() => problem);
    const { module } = ensureSoftHsm({ system: folder, deps, isRoot, install });
    expect(module).toBe(join(deps, 'softhsm/usr/lib/softhsm/libsofthsm2.so'));
    expect(install).toHaveBeenCalledTimes(isRoot ? 1 : 0);
    expect(said()).toContain(`SoftHSM is ${module}, since ${reason}\n`);
  });

  it('names the package of each distribution where it cannot get one', () => {
    vi.stubEnv('COFFER_TEST_SOFTHSM', '');
    vi.stubEnv('PATH', folder);
    expect(() => ensureSoftHsm({ system: folder, deps: join(folder, 'deps') })).toThrow(
      /no apt-get and dpkg\n.*libsofthsm2 \(Debian, Ubuntu\).*softhsm \(Fedora\)/,
    );
  });
});
