// Run by Bun: compiles src/program.ts into one executable. bun compile.mjs OUTFILE [ENTRY]

import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dir);
const loader = JSON.stringify(join(root, 'src', 'native', 'addon.ts'));

/** The add-ons' JavaScript is compiled in; their native part is loaded by src/native/addon.ts. */
const nativeAddons = {
  name: 'native-addons',
  setup(build) {
    build.onResolve({ filter: /^better-sqlite3$/ }, ({ importer }) => ({
      path: Bun.resolveSync('better-sqlite3/linux-x64', dirname(importer)),
    }));
    build.onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, namespace: 'native-addons' }));
    build.onLoad({ filter: /.*/, namespace: 'native-addons' }, ({ path }) => ({
      contents: `module.exports = require(${loader}).loadAddon('${path.includes('pkcs11') ? 'pkcs11' : 'sqlite'}');`,
      loader: 'js',
    }));
  },
};

const [, , outfile, entry = join(root, 'src', 'program.ts')] = process.argv;

const { success, logs } = await Bun.build({
  entrypoints: [entry],
  target: 'bun',
  format: 'esm',
  minify: { whitespace: true, syntax: true, identifiers: false },
  bytecode: true,
  splitting: true,
  // Inside, and read only where COFFER_DEBUG=1 shows a trace.
  sourcemap: 'inline',
  compile: {
    outfile,
    // A file in the current directory must not change what the program does.
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  plugins: [nativeAddons],
});
if (!success) {
  console.error(logs);
  process.exit(1);
}
// A second copy of the map.
rmSync(`${outfile}.map`, { force: true });
