// The plugin of both bundlers, esbuild and Bun, for the packages with native add-ons.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const loader = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src', 'native', 'addon.ts');

/** Takes the add-ons' JavaScript into the bundle; their compiled part is loaded by src/native/addon.ts. */
export const nativeAddons = {
  name: 'native-addons',
  setup(build) {
    // The package's own choice of a file would look at the processor and the C library.
    build.onResolve({ filter: /^better-sqlite3$/ }, () => ({ path: require.resolve('better-sqlite3/linux-x64') }));
    // By a name without this folder's path, which would be in the source map.
    build.onResolve({ filter: /^addon-loader$/ }, () => ({ path: loader }));
    build.onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, namespace: 'native-addons' }));
    build.onLoad({ filter: /.*/, namespace: 'native-addons' }, ({ path }) => ({
      contents: `module.exports = require('addon-loader').loadAddon('${path.includes('pkcs11') ? 'pkcs11' : 'sqlite'}');`,
      loader: 'js',
    }));
  },
};
