// Run by Bun: compiles src/program.ts into one executable. bun compile.mjs OUTFILE [BUN TARGET]

import { dirname, join } from 'node:path';

const root = dirname(import.meta.dir);
/** Another Bun than this one, for another processor. */
const [outfile, executablePath, target] = process.argv.slice(2);
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

const { success, logs } = await Bun.build({
  entrypoints: [join(root, 'src', 'program.ts')],
  target: 'bun',
  format: 'esm',
  minify: { whitespace: true, syntax: true, identifiers: false },
  bytecode: true,
  splitting: true,
  compile: {
    outfile,
    ...(executablePath && { executablePath, target }),
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
