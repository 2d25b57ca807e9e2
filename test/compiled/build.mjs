// Compiles test files into one program, with Bun: bun build.mjs PROGRAM FILE...
// How it differs from coffer's own: `vitest` is vitest.ts of this folder, and a source knows where it stands in the repository.

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const here = import.meta.dir;
const root = dirname(dirname(here));
const [program, ...files] = process.argv.slice(2);

/** Tests tell a PKCS#11 module by process.env where its token is; what Bun has there does not reach C's getenv. */
const ENVIRONMENT = `
  const { symbols } = dlopen('libc.so.6', {
    setenv: { args: ['cstring', 'cstring', 'int'], returns: 'int' },
    unsetenv: { args: ['cstring'], returns: 'int' },
  });
  const asC = (text) => Buffer.from(text + '\\0');
  const environment = process.env;
  process.env = new Proxy(environment, {
    set: (_, name, value) => symbols.setenv(asC(name), asC(value), 1) === 0 && Reflect.set(environment, name, value),
    deleteProperty: (_, name) => symbols.unsetenv(asC(name)) === 0 && Reflect.deleteProperty(environment, name),
  });`;

const { success, logs } = await Bun.build({
  entrypoints: ['coffer-tests:entry'],
  root,
  target: 'bun',
  format: 'esm',
  compile: {
    outfile: program,
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  plugins: [{ name: 'coffer-tests', setup }],
});
if (!success) {
  for (const log of logs) console.error(String(log));
  process.exit(1);
}

function setup(build) {
  build.onResolve({ filter: /^coffer-tests:/ }, ({ path }) => ({ path, namespace: 'coffer-tests' }));
  build.onLoad({ filter: /.*/, namespace: 'coffer-tests' }, () => ({ contents: entry(), loader: 'ts' }));
  build.onResolve({ filter: /^vitest$/ }, () => ({ path: join(here, 'vitest.ts') }));
  build.onLoad({ filter: /\.ts$/ }, ({ path }) =>
    path.includes('/node_modules/') ? undefined : { contents: placed(path), loader: 'ts' },
  );
  build.onResolve({ filter: /^esbuild$/ }, () => ({
    path: join(root, 'node_modules/esbuild/lib/main.js'),
    namespace: 'of-the-repository',
  }));
  build.onLoad({ filter: /.*/, namespace: 'of-the-repository' }, ({ path }) => ({
    contents: `module.exports = require('node:module').createRequire('file:///')(${JSON.stringify(path)});`,
    loader: 'js',
  }));
  build.onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, namespace: 'addon' }));
  build.onLoad({ filter: /.*/, namespace: 'addon' }, ({ path }) => ({ contents: addon(basename(path)), loader: 'js' }));
  build.onLoad({ filter: /better-sqlite3\/lib\/binding\.js$/ }, () => ({
    contents: `exports.getBinding = () => { ${addon('sqlite.node')} return module.exports; };`,
    loader: 'js',
  }));
}

function entry() {
  const imports = files.map((file) => `${JSON.stringify(file)}: () => import(${JSON.stringify(join(root, file))}),`);
  return `import { dlopen } from 'bun:ffi';
    import { runTestFile } from ${JSON.stringify(join(here, 'main.ts'))};
    ${ENVIRONMENT}
    await runTestFile({ ${imports.join('\n')} }, process.argv[2], process.argv[3]);`;
}

/** A source with its own place in it: tests read fixtures from beside themselves. */
function placed(path) {
  return readFileSync(path, 'utf8')
    .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
    .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)));
}

/** As the build made it. Left to itself Bun puts an add-on into the program and unpacks it. */
function addon(name) {
  const file = JSON.stringify(join(root, 'dist', 'lib', name));
  return `const loaded = { exports: {} }; process.dlopen(loaded, ${file}); module.exports = loaded.exports;`;
}
