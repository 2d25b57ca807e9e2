// Writes V8's code cache for a bundle, from what a run compiles: node cache.mjs BUNDLE CACHE

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

const [bundle, cache] = process.argv.slice(2);
const source = readFileSync(bundle, 'latin1');
// The very text that bin/coffer compiles; V8 refuses the cache otherwise.
const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename: bundle,
});
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(bundle), module, bundle, dirname(bundle));
for (const argv of [['version'], ['kv', 'get', '-help']]) await module.exports.main(argv);
writeFileSync(cache, script.createCachedData());
