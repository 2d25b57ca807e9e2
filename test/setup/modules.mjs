// The PKCS#11 modules beside SoftHSM that the conformance suite runs against, the tool of the manual's examples, and the
// programs that tests cannot do without, from the distribution's packages. Only root can install them.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DEBIAN_MISSING, installPackages } from './debian.mjs';
import { SetupError, findProgram, say } from './ensure.mjs';

const TPM2 = {
  name: 'tpm2-pkcs11',
  files: ['libtpm2_pkcs11.so.1'],
  packages: [
    'libtpm2-pkcs11-1',
    'libtpm2-pkcs11-tools',
    'swtpm',
    'tpm2-abrmd',
    'libtss2-tcti-tabrmd0',
    'libtss2-tcti-swtpm0',
    'tpm2-tools',
    'dbus',
  ],
};
const MODULES = [
  { name: 'openCryptoki', files: ['libopencryptoki.so.0'], packages: ['opencryptoki'] },
  { name: 'NSS', files: ['libsoftokn3.so'], packages: ['libnss3'] },
  { name: 'pkcs11-tool', files: ['/usr/bin/pkcs11-tool'], packages: ['opensc'] },
  { name: 'p11-kit', files: ['pkcs11/p11-kit-client.so'], packages: ['p11-kit', 'p11-kit-modules'] },
];

/** A second opinion on cryptography, and what gives a command the descriptors that a test wants. */
const PROGRAMS = ['openssl', 'python3'];

/** Installs the programs of the tests that are missing. @throws SetupError where that cannot be done */
export function ensurePrograms({ isRoot = process.getuid?.() === 0, install = installPackages } = {}) {
  const missing = () => PROGRAMS.filter((name) => findProgram(name) === null).join(' ');
  const packages = missing();
  if (packages === '') return;
  let reason = 'only root can install them';
  if (isRoot) {
    say(`apt-get install ${packages}`);
    reason = install(packages.split(' ')) ?? 'the packages do not hold them';
  }
  if (missing() !== '') throw new SetupError(`missing: ${missing()} (${reason}); install them and try again`);
}

/**
 * Installs the modules that are missing, as far as that can be done, and says so. The tests of one that is missing are skipped
 * and say so. @param module the only one that is to be tested, or undefined
 */
export function ensureModules(module) {
  const wanted = module === 'tpm2' ? [TPM2] : MODULES;
  const missing = wanted.filter(({ files }) => !files.every(isThere));
  if (missing.length === 0) {
    say(`${wanted.map(({ name }) => name).join(', ')} ${wanted.length === 1 ? 'is' : 'are'} installed`);
    return;
  }
  const names = missing.map(({ name }) => name).join(', ');
  if (process.getuid?.() !== 0) {
    say(`${names} missing, and only root can install them; the tests of them are skipped`);
    return;
  }
  const packages = missing.flatMap((each) => each.packages);
  say(`apt-get install ${packages.join(' ')}`);
  const problem = installPackages(packages);
  if (problem !== null)
    say(`${problem === DEBIAN_MISSING ? problem : `that failed (${problem})`}; what is missing is skipped`);
}

/**
 * Yubico's module is nobody's package here, and the simulator of its device (test/yubihsm) wants Python with `cryptography`.
 * @throws SetupError which says how to get what is missing
 */
export function ensureYubiHsm({ env = process.env, hasCryptography = canImportCryptography } = {}) {
  const lib = env.COFFER_YUBIHSM_MODULE ?? '';
  if (lib === '') throw new SetupError(`COFFER_YUBIHSM_MODULE does not name Yubico's PKCS#11 module. ${GET_YUBIHSM}`);
  if (!existsSync(lib)) throw new SetupError(`there is no ${lib}, which COFFER_YUBIHSM_MODULE names. ${GET_YUBIHSM}`);
  if (hasCryptography()) return;
  throw new SetupError('python3 has no package cryptography, which the simulator needs: pip install cryptography');
}

const GET_YUBIHSM = `To get it:
  apt-get install cmake gengetopt pkg-config libcurl4-openssl-dev libedit-dev libusb-1.0-0-dev libssl-dev libpcsclite-dev
  git clone --branch 2.8.0 https://github.com/Yubico/yubihsm-shell && mkdir yubihsm-build && cd yubihsm-build
  cmake ../yubihsm-shell -DCMAKE_BUILD_TYPE=Release -DDISABLE_LTO=1 -DWITHOUT_MANPAGES=1
  make yubihsm_pkcs11 yubihsm_http
and then, here:
  COFFER_YUBIHSM_MODULE=.../yubihsm-build/pkcs11/yubihsm_pkcs11.so npm run test:yubihsm`;

function canImportCryptography() {
  return spawnSync('python3', ['-c', 'import cryptography']).status === 0;
}

function isThere(file) {
  if (file.startsWith('/')) return existsSync(file);
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib'].filter((folder) => existsSync(folder));
  const multiarch = readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu'));
  return [...folders, ...multiarch.map((name) => join('/usr/lib', name))].some((folder) =>
    existsSync(join(folder, file)),
  );
}
