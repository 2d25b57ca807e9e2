#!/usr/bin/env node
'use strict';

// Starts the bundle that `npm run build` wrote. Starting is most of what a command costs, so this reads the bundle
// and V8's code cache for it itself: require() would parse the bundle anew every time. Written so that any old Node can
// parse it far enough to be told that it is too old.

const { readFileSync } = require('fs');
const { dirname, join } = require('path');

const OLDEST_NODE = [22, 12];
const bundle = join(dirname(__dirname), 'dist', 'coffer.cjs');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  fail(
    `Node.js ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}`,
    'install Node.js 22, 24 or 26',
  );
}
const { start } = process.env.COFFER_DEBUG === '1' ? loadWithSourceMap() : load();
start(process.argv.slice(2));

/** Runs the bundle as require() would, with the code cache that the build made for this Node, if there is one. */
function load() {
  const { Script } = require('vm');
  // Latin-1 keeps one byte a character, and the build writes nothing but ASCII.
  const source = read(bundle, 'latin1');
  if (source === null) fail('coffer is not built', 'run npm run build');
  // V8 itself checks the cache's version, flags and source length. The bundle's first line names the cache, so that one
  // made for other text of the same length is never taken.
  const identity = source.slice(2, source.indexOf('\n'));
  const cachedData = read(`${bundle}.cache-${identity}-${process.version}-${process.arch}`) || undefined;
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: bundle,
    cachedData,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, bundle, dirname(bundle));
  return module.exports;
}

function loadWithSourceMap() {
  process.setSourceMapsEnabled(true);
  if (read(bundle) === null) fail('coffer is not built', 'run npm run build');
  return require(bundle);
}

/** The file's content, or null if there is none. */
function read(path, encoding) {
  try {
    return readFileSync(path, encoding);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(1);
}
