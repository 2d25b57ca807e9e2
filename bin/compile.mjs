// Run by Bun: compiles src/program.ts into one executable. bun compile.mjs OUTFILE [ENTRY] [--bun=PATH --target=NAME]

import * as crypto from 'node:crypto';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { nativeAddons } from './addons.mjs';

const root = dirname(import.meta.dir);

/**
 * Loads node:crypto at the first use of a function of it: it brings the runtime's streams with it, which take 2.6 ms of a
 * command that needs none of them, such as `coffer seal-status`.
 */
const lazyCrypto = {
  name: 'lazy-crypto',
  setup(build) {
    // Bun shows no plugin an import of the runtime's own modules, so the name is another one before it sees it.
    build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(" from 'node:crypto';", " from 'lazy:crypto';"),
      loader: 'ts',
    }));
    build.onResolve({ filter: /^lazy:crypto$/ }, ({ path }) => ({ path, namespace: 'lazy' }));
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
    // A command is over before machine code for it would pay: its compilers come in a hundred times later.
    jitPolicy: 100,
    // Of another processor.
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
// Without the maps that Bun puts beside it, and in one step: a command that starts meanwhile finds the old program or the new one.
renameSync(join(folder, basename(outfile)), outfile);
rmSync(folder, { recursive: true });
