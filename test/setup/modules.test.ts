import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensurePrograms, ensureYubiHsm } from './modules.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffer-modules-'));
  vi.stubEnv('PATH', folder);
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function program(name: string): void {
  writeFileSync(join(folder, name), '');
  chmodSync(join(folder, name), 0o755);
}

describe('ensurePrograms', () => {
  it('installs what is missing, and nothing else', () => {
    program('openssl');
    const install = vi.fn((packages: readonly string[]) => {
      packages.forEach(program);
      return null;
    });
    ensurePrograms({ isRoot: true, install });
    ensurePrograms({ isRoot: true, install });
    expect(install.mock.calls).toEqual([[['python3']]]);
  });

  it('says what is missing where it cannot be installed', () => {
    const install = vi.fn(() => 'no such package');
    expect(() => ensurePrograms({ isRoot: true, install })).toThrow('missing: openssl python3 (no such package)');
    expect(() => ensurePrograms({ isRoot: false, install })).toThrow('(only root can install them)');
    expect(install).toHaveBeenCalledTimes(1);
  });
});

describe('ensureYubiHsm', () => {
  it("says how to get Yubico's module, and what the simulator needs", () => {
    const module = join(folder, 'yubihsm_pkcs11.so');
    const HOW = 'make yubihsm_pkcs11 yubihsm_http';
    expect(() => ensureYubiHsm({ env: {} })).toThrow(HOW);
    expect(() => ensureYubiHsm({ env: { COFFER_YUBIHSM_MODULE: module } })).toThrow(`there is no ${module}`);
    program('yubihsm_pkcs11.so');
    const env = { COFFER_YUBIHSM_MODULE: module };
    expect(() => ensureYubiHsm({ env, hasCryptography: () => false })).toThrow('pip install cryptography');
    expect(() => ensureYubiHsm({ env, hasCryptography: () => true })).not.toThrow();
  });
});
