// SoftHSM, the PKCS#11 module that every test needs.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installPackages, unpackPackage } from './debian.mjs';
import { SetupError, root, say } from './ensure.mjs';

/** Where distributions put SoftHSM's module, below `/` or below a directory that a package was unpacked to. */
const MODULE_FOLDERS = ['usr/lib', 'usr/lib64', 'usr/local/lib', 'opt/homebrew/lib', 'opt/local/lib'];

/**
 * Finds SoftHSM's module, or gets it from the distribution: installed where the user is root, else unpacked into `deps`. Says
 * which one it is, and why where it is one of our own.
 *
 * Returns its path, and the folder that must be on LD_LIBRARY_PATH for it, or null where none must. `system` is the
 * folder taken for `/`; tests give an empty one.
 */
export function ensureSoftHsm({
  system = '/',
  deps = join(root, '.deps'),
  isRoot = process.getuid?.() === 0,
  install = installPackages,
} = {}) {
  const given = process.env.COFFER_TEST_SOFTHSM;
  if (given !== undefined && given !== '') {
    if (!existsSync(given)) throw new SetupError(`COFFER_TEST_SOFTHSM names ${given}, which does not exist`);
    say(`SoftHSM is ${given} (COFFER_TEST_SOFTHSM)`);
    return { module: given, libraryPath: null };
  }
  let reason = 'it is not installed, and only root can do that';
  if (isRoot && findModule(system) === null) {
    say('SoftHSM is not installed; apt-get install libsofthsm2');
    reason = `it cannot be installed (${install(['libsofthsm2']) ?? 'the package holds no module'})`;
  }
  const installed = findModule(system);
  if (installed !== null) {
    say(`SoftHSM is ${installed}`);
    return { module: installed, libraryPath: null };
  }
  return unpackSoftHsm(deps, reason);
}

function unpackSoftHsm(deps, reason) {
  const unpacked = join(deps, 'softhsm');
  if (findModule(unpacked) === null) {
    say(`unpacking libsofthsm2 into ${unpacked}, since ${reason}`);
    const problem = unpackPackage('libsofthsm2', unpacked, deps);
    if (findModule(unpacked) === null)
      throw new SetupError(`${problem ?? 'the package holds no module'}\n${SOFTHSM_BY_HAND}`);
  }
  const module = findModule(unpacked);
  const libraryPath = librariesFor(module, unpacked, deps);
  say(`SoftHSM is ${module}, since ${reason}`);
  return { module, libraryPath };
}

const SOFTHSM_BY_HAND =
  'install SoftHSM 2 and try again: apt install libsofthsm2 (Debian, Ubuntu), dnf install softhsm (Fedora), ' +
  'apk add softhsm (Alpine), pacman -S softhsm (Arch), brew install softhsm (macOS); ' +
  'or set COFFER_TEST_SOFTHSM to the path of libsofthsm2.so';

function findModule(below) {
  for (const folder of MODULE_FOLDERS.map((each) => join(below, each))) {
    if (!existsSync(folder)) continue;
    const multiarch = readdirSync(folder).filter((name) => name.endsWith('-linux-gnu'));
    const places = ['softhsm', 'pkcs11', ...multiarch.map((name) => join(name, 'softhsm'))];
    for (const place of places) {
      const path = join(folder, place, 'libsofthsm2.so');
      if (existsSync(path)) return path;
    }
  }
  return null;
}

/** Gets the shared libraries that an unpacked module needs and the system lacks. Returns their folder, or null. */
function librariesFor(module, unpacked, deps) {
  const folder = join(unpacked, 'usr', 'lib', dirname(module).match(/[^/]+-linux-gnu/)?.[0] ?? '');
  const missing = () => {
    const ldd = spawnSync('ldd', [module], { encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: folder } });
    return (ldd.stdout ?? '').split('\n').filter((line) => line.includes('not found'));
  };
  if (missing().length > 0) unpackPackage('libsofthsm2', unpacked, deps, { withDependencies: true });
  const still = missing();
  if (still.length > 0) throw new SetupError(`${module} needs ${still.join('; ').trim()}\n${SOFTHSM_BY_HAND}`);
  const plain = spawnSync('ldd', [module], { encoding: 'utf8' }).stdout ?? '';
  return plain.includes('not found') ? folder : null;
}
