// What other people wrote of that which is in a package, with versions and licences.

import { readFileSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Of bundlers, packages and compilers: their folder in node_modules, or the packages inside a package. */
const PACKAGE = /^((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * The npm packages of which something is compiled into the program, as package-lock.json has them.
 * @returns {path, name, version, license, integrity, dependencies}, by path
 */
export async function npmPackages(root) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/program.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    loader: { '.node': 'empty' },
    // Which file of it, is chosen when it is compiled.
    alias: { 'better-sqlite3': `better-sqlite3/linux-${process.arch}` },
  });
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const used = Object.entries(metafile.inputs).filter(([, { bytes }]) => bytes > 0);
  // Their compiled part is added where the rest is bundled.
  const paths = new Set(used.map(([path]) => PACKAGE.exec(path)?.[1]).filter((path) => path !== undefined));
  return [...paths].sort().map((path) => {
    if (lock[path] === undefined) throw new Error(`package-lock.json does not know ${path}`);
    const { version, license, integrity, dependencies = {} } = lock[path];
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const inside = Object.keys(dependencies).map((each) => resolve(each, path, paths));
    return { path, name, version, license, integrity, dependencies: inside.filter((each) => each !== undefined) };
  });
}

/** Where Node.js would find a package's dependency, if that is compiled in. */
function resolve(name, path, paths) {
  for (let folder = path; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    if (paths.has(`${folder}/node_modules/${name}`)) return `${folder}/node_modules/${name}`;
    if (!folder.includes('/node_modules/')) break;
  }
  const top = `node_modules/${name}`;
  return paths.has(top) ? top : undefined;
}

/** What is in the program without being an npm package of its own. @param target as of natives.mjs */
export function otherParts(root, target, runtime) {
  const header = join(root, 'node_modules/better-sqlite3/deps/sqlite3/sqlite3.h');
  const sqlite = /^#define SQLITE_VERSION\s+"(.+)"/m.exec(readFileSync(header, 'utf8'))[1];
  const glibc = execFileSync(target.cc, ['-E', '-P', '-include', 'features.h', '-x', 'c', '-'], {
    input: '__GLIBC__.__GLIBC_MINOR__\n',
    encoding: 'utf8',
  });
  const gcc = execFileSync(target.cxx, ['-dumpfullversion'], { encoding: 'utf8' });
  return [
    { ...runtime, license: 'MIT', where: 'coffer.bin: the JavaScript runtime, with the libraries that it links' },
    { name: 'sqlite', version: sqlite, license: 'blessing', where: 'lib/sqlite.node' },
    {
      name: 'glibc',
      version: lastLine(glibc).replaceAll(' ', ''),
      license: 'LGPL-2.1-or-later',
      where: 'coffer: linked statically',
    },
    {
      name: 'libstdc++',
      version: gcc.trim(),
      license: 'GPL-3.0-or-later WITH GCC-exception-3.1',
      where: 'lib/pkcs11.node: linked statically',
    },
    {
      name: 'github.com/hashicorp/hcl/v2',
      version: '2.10.0',
      license: 'MPL-2.0',
      where: 'in hcl2-parser, translated from Go',
    },
  ];
}

/** The text of a package's licence, or null where it has none. */
export function licenseText(root, { path }) {
  const folder = join(root, path);
  const name = readdirSync(folder).find((each) => /^licen[cs]e(\.md|\.txt)?$/i.test(each));
  return name === undefined ? null : readFileSync(join(folder, name), 'utf8').replaceAll('\r', '').trim();
}

function lastLine(text) {
  return text.trim().split('\n').at(-1);
}
