// The add-ons that tests load from node_modules, compiled here against the headers of the package node-api-headers. npm's
// own way, node-gyp, wants Python, make and the headers of one Node, which it gets from the network.

import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildAddons, compileAddon } from '../../bin/natives.mjs';

const require = createRequire(import.meta.url);

/** Makes the add-ons of pkcs11js and node-pty where these packages look for them. @param lib the build's folder of add-ons @throws Error if they cannot be compiled */
export function buildTestAddons(lib) {
  buildAddons(lib);
  const pkcs11 = join(releaseOf('pkcs11js'), 'pkcs11.node');
  // Never into a file that some process may have loaded.
  copyFileSync(join(lib, 'pkcs11.node'), `${pkcs11}.new`);
  renameSync(`${pkcs11}.new`, pkcs11);
  const pty = createRequire(require.resolve('node-pty/package.json'));
  compileAddon({
    folder: packageFolder('node-pty'),
    sources: [join('src', 'unix', 'pty.cc')],
    options: [`-I${dirname(pty.resolve('node-addon-api/package.json'))}`, '-DNODE_ADDON_API_CPP_EXCEPTIONS'],
    libraries: ['-lutil'],
    output: join(releaseOf('node-pty'), 'pty.node'),
  });
}

function releaseOf(name) {
  const folder = join(packageFolder(name), 'build', 'Release');
  mkdirSync(folder, { recursive: true });
  return folder;
}

function packageFolder(name) {
  return dirname(require.resolve(`${name}/package.json`));
}
