// Run by Bun: compiles src/program.ts, or another entry, into one executable.
//
//   bun compile.mjs OUTFILE [--entry=FILE] [--bun=PATH --target=NAME]
//
// The Bun at PATH is another than this one, for another processor.

import * as crypto from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

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

/**
 * Loads node:crypto at the first use of a function of it: it brings the runtime's streams with it, which take 2.6 ms of a
 * command that needs none of them, such as `coffer seal-status`.
 */
const lazyCrypto = {
  name: 'lazy-crypto',
  setup(build) {
    build.onResolve({ filter: /^node:crypto$/ }, ({ path }) => ({ path, namespace: 'lazy' }));
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, () => ({
      contents: [
        'let loaded;',
        "const crypto = () => (loaded ??= process.getBuiltinModule('node:crypto'));",
        'export const constants = new Proxy({}, { get: (_, name) => crypto().constants[name] });',
        ...Object.keys(crypto)
          .filter((name) => typeof crypto[name] === 'function')
          .map((name) => `export const ${name} = (...args) => crypto().${name}(...args);`),
      ].join('\n'),
      loader: 'js',
    }));
  },
};
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    entry: { type: 'string', default: join(root, 'src', 'program.ts') },
    bun: { type: 'string' },
    target: { type: 'string' },
  },
});
const [outfile] = positionals;

const { success, logs } = await Bun.build({
  entrypoints: [values.entry],
  target: 'bun',
  format: 'esm',
  minify: { whitespace: true, syntax: true, identifiers: false },
  bytecode: true,
  splitting: true,
  // Inside, and read only where COFFER_DEBUG=1 shows a trace.
  sourcemap: 'inline',
  compile: {
    outfile,
    // A command is over before machine code for it would pay: its compilers come in a hundred times later.
    jitPolicy: 100,
    ...(values.bun && { executablePath: values.bun, target: values.target }),
    // A file in the current directory must not change what the program does.
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  plugins: [nativeAddons, lazyCrypto],
});
if (!success) {
  console.error(logs);
  process.exit(1);
}
// Second copies of the maps.
const folder = dirname(outfile);
for (const name of readdirSync(folder))
  if (name.endsWith('.js.map') || name.endsWith('.bin.map')) rmSync(join(folder, name));
