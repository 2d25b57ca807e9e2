// Builds the program, and dist/coffer.cjs, which is the same for Node.js, with V8's code cache for it.
//
//   coffer.cjs              everything a command runs, with the JavaScript of pkcs11js and better-sqlite3
//   coffer.cjs.map          for COFFER_DEBUG=1
//   coffer.cjs.cache-...    compiled code for this Node and processor; any other Node does without
//   lib/*.node              the native add-ons
//   program/                the executable, with a launcher and its own lib; see bin/program.mjs
//   commander.cjs, prompts.cjs, yaml.cjs, string-width.cjs, dotenv.cjs, hcl2-parser.cjs
//                           large, seldom needed, and so not read with the rest
//
// With --watch it goes on to build the bundle after each change; the program is removed, so that bin/coffer starts the bundle.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, context } from 'esbuild';
import { nativeAddons } from './addons.mjs';
import { buildAddons } from './natives.mjs';
import { sayErrorsInOneLine } from './node.mjs';
import { buildProgram, runtime } from './program.mjs';

sayErrorsInOneLine();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { watch: { type: 'boolean' } } });
const [entry = join(root, 'src', 'main.ts'), dist = join(root, 'dist')] = positionals;
const bundle = join(dist, 'coffer.cjs');
const SELDOM_NEEDED = ['commander', '@inquirer/prompts', 'yaml', 'string-width', 'dotenv'];
/** The same, but in one file already. */
const PARSER = 'hcl2-parser';
const NO_IDENTITY = '0'.repeat(16);

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22.12',
  format: 'cjs',
  // Identifiers stay as they are: stack traces and the names of error classes are for reading.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'linked',
  logLevel: 'warning',
};

const bundleOptions = {
  ...options,
  entryPoints: [entry],
  outfile: bundle,
  write: false,
  sourcemap: 'linked',
  sourcesContent: false,
  // `await import()` of a module in the bundle or beside it becomes a require() at that moment.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: `//${NO_IDENTITY}\nconst importMetaUrl = require('url').pathToFileURL(__filename).href;` },
  plugins: [nativeAddons, besideTheBundle(), ownModulesAtOnce()],
};

mkdirSync(dist, { recursive: true });
for (const name of SELDOM_NEEDED) {
  const contents = `export * from '${name}'; ${'default' in (await import(name)) ? `export { default } from '${name}';` : ''}`;
  await build({ ...options, stdin: { contents, resolveDir: root }, outfile: join(dist, `${basename(name)}.cjs`) });
}
copyFileSync(createRequire(import.meta.url).resolve(PARSER), join(dist, `${PARSER}.cjs`));
buildAddons(join(dist, 'lib'));
// What is left of an earlier build would be started in place of the new bundle.
rmSync(join(dist, 'program'), { recursive: true, force: true });
if (values.watch) await watch();
else {
  finish(await build(bundleOptions));
  // Another entry is a test's.
  if (positionals.length === 0) compileProgram();
}

function compileProgram() {
  if (runtime() === null) console.log('no program: @oven/bun-linux-x64 is not installed; coffer runs on Node.js');
  else {
    // bin/coffer finds the whole program or none.
    const unfinished = join(dist, 'program.new');
    rmSync(unfinished, { recursive: true, force: true });
    buildProgram(unfinished, join(dist, 'lib'));
    renameSync(unfinished, join(dist, 'program'));
  }
}

/** Builds now and after each change of a source, until the process is ended. */
async function watch() {
  const rebuilt = {
    name: 'rebuilt',
    setup: (build) =>
      build.onEnd((result) => {
        // esbuild has said what is wrong.
        if (result.errors.length > 0) return;
        finish(result);
        console.log(`built ${bundle}`);
      }),
  };
  await (await context({ ...bundleOptions, plugins: [...bundleOptions.plugins, rebuilt] })).watch();
}

/** Writes the bundle and V8's code cache for it. */
function finish({ outputFiles }) {
  for (const name of readdirSync(dist)) {
    if (name.startsWith('coffer.cjs.cache-')) rmSync(join(dist, name));
  }
  for (const { path, contents } of outputFiles) {
    if (path === bundle) writeWhole(path, withIdentity(Buffer.from(contents)));
    else writeFileSync(path, contents);
  }
  writeCodeCache();
}

/** Puts a digest of the bundle into its first line, where bin/coffer reads which code cache belongs to it. */
function withIdentity(contents) {
  const identity = createHash('sha256').update(contents).digest('hex').slice(0, NO_IDENTITY.length);
  contents.write(identity, '//'.length, 'latin1');
  return contents;
}

/** Runs the bundle in a process whose output nobody sees, and keeps the code that V8 compiled meanwhile. */
function writeCodeCache() {
  const identity = readFileSync(bundle, 'latin1').slice(2, 2 + NO_IDENTITY.length);
  const cache = `${bundle}.cache-${identity}-${process.version}-${process.arch}`;
  const args = [join(root, 'bin', 'cache.mjs'), bundle, `${cache}.new`];
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the bundle does not run: ${stderr}`);
  renameSync(`${cache}.new`, cache);
}

/** A command that starts during a build finds the old file or the new one. */
function writeWhole(path, contents) {
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}

/**
 * Makes an `await import()` of a module of coffer's own a plain import: within one file it would load nothing later, and esbuild
 * would put a wrapper around the module and all that it imports, which costs every command a millisecond. One that imports a
 * package stays, since that is what shall be loaded later.
 */
function ownModulesAtOnce() {
  return {
    name: 'own-modules-at-once',
    setup(build) {
      build.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, ({ path }) => {
        const imports = [];
        const contents = readFileSync(path, 'utf8').replace(/await import\('(\.[^']+)'\)/g, (whole, from) => {
          const imported = readFileSync(join(dirname(path), from), 'utf8');
          if (/ from '(?!node:|\.)/.test(imported)) return whole;
          imports.push(`import * as own${imports.length} from '${from}';`);
          return `own${imports.length - 1}`;
        });
        return { contents: imports.join('') + contents, loader: 'ts' };
      });
    },
  };
}

/** Leaves packages that are seldom needed in files of their own, loaded where the source says `await import()`. */
function besideTheBundle() {
  return {
    name: 'beside-the-bundle',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(${SELDOM_NEEDED.join('|')})$`) }, ({ path }) => ({
        path,
        namespace: 'beside-the-bundle',
      }));
      build.onResolve({ filter: new RegExp(`^${PARSER}$`) }, ({ path }) => ({ path, namespace: 'parser' }));
      build.onLoad({ filter: /.*/, namespace: 'parser' }, ({ path }) => ({
        contents: `module.exports = require(__dirname + '/${path}.cjs');`,
      }));
      build.onLoad({ filter: /.*/, namespace: 'beside-the-bundle' }, async ({ path }) => {
        const names = Object.keys(await import(path)).filter((name) => /^\w+$/.test(name) && name !== 'default');
        return {
          contents: `const beside = require(__dirname + '/${basename(path)}.cjs');
            export const { ${names.join(', ')} } = beside;
            export default beside.default;`,
        };
      });
    },
  };
}
