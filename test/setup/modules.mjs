// The PKCS#11 modules beside SoftHSM that the conformance suite runs against, and the tool of the manual's examples, from
// the distribution's packages. Only root can install them; where one is missing, the tests of it are skipped and say so.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DEBIAN_MISSING, installPackages } from './debian.mjs';
import { say } from './ensure.mjs';

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

/** Installs what is missing, as far as that can be done, and says so. @param module the only one that is to be tested, or undefined */
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

function isThere(file) {
  if (file.startsWith('/')) return existsSync(file);
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib'].filter((folder) => existsSync(folder));
  const multiarch = readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu'));
  return [...folders, ...multiarch.map((name) => join('/usr/lib', name))].some((folder) =>
    existsSync(join(folder, file)),
  );
}
