// Run by Bun: compiles src/program.ts into one executable. bun compile.mjs OUTFILE [ENTRY] [--bun=PATH --target=NAME]

import { renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const root = dirname(import.meta.dir);
const loader = join(root, 'src', 'native', 'addon.ts');

/** The add-ons' JavaScript is compiled in; their native part is loaded by src/native/addon.ts. */
const nativeAddons = {
  name: 'native-addons',
  setup(build) {
    build.onResolve({ filter: /^better-sqlite3$/ }, ({ importer }) => ({
      path: Bun.resolveSync('better-sqlite3/linux-x64', dirname(importer)),
    }));
    // By a name without this folder's path, which would be in the source map.
    build.onResolve({ filter: /^addon-loader$/ }, () => ({ path: loader }));
    build.onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, namespace: 'native-addons' }));
    build.onLoad({ filter: /.*/, namespace: 'native-addons' }, ({ path }) => ({
      contents: `module.exports = require('addon-loader').loadAddon('${path.includes('pkcs11') ? 'pkcs11' : 'sqlite'}');`,
      loader: 'js',
    }));
  },
};

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { bun: { type: 'string' }, target: { type: 'string' } },
});
const [outfile, entry = join(root, 'src', 'program.ts')] = positionals;
const folder = `${outfile}.parts`;

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
    outfile: join(folder, basename(outfile)),
    // Of another processor.
    ...(values.bun && { executablePath: values.bun, target: values.target }),
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
// Without the maps that Bun puts beside it, and in one step: a command that starts meanwhile finds the old program or the new one.
renameSync(join(folder, basename(outfile)), outfile);
rmSync(folder, { recursive: true });
