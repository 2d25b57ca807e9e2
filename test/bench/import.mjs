// `npm run bench:import`: what bringing secrets in costs, beside raw inserts of the same rows in the same rounds. Asserts nothing.
//
//   npm run bench:import -- --rounds=5 --secrets=100000 --bytes=100,1000
//
// The baseline writes the very rows that the import wrote: the same stored paths and ciphertexts, which for version 2 are two a secret, in
// the order in which an import comes to them, into the same table, in as many transactions, with the same settings of SQLite and in the same
// runtime. What reading these rows first costs is measured by itself and taken away. The ratio is the time of these inserts to that of the
// whole command, which has read and checked the input before it writes. The first one leaves out the rows of the tree, which the import
// writes all the same: who inserts rows has none. On a disk COMMIT is most of the inserts, and the ratio comes out higher than in memory;
// TMPDIR says where the files are.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuild, ensureDependencies, ensureNode, root } from '../setup/ensure.mjs';
import { ensureSoftHsm } from '../setup/softhsm.mjs';
import { measure, median } from './measure.mjs';
import { compileScript, must } from './programs.mjs';
import { secretPath } from './secrets.mjs';
import { makeStore, makeToken } from './stand.mjs';

/** Secrets that one transaction of an import writes. */
const BATCH = 20_000;
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    secrets: { type: 'string', default: '100000' },
    bytes: { type: 'string', default: '100,1000' },
  },
});
const [rounds, secrets] = [Number(values.rounds), Number(values.secrets)];
/** Of the JSON that is the data of a secret. */
const sizes = values.bytes.split(',').map(Number);

ensureNode();
await ensureDependencies();
ensureBuild();
// Without links, since coffer trusts no path that somebody could have laid.
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'coffer-bench-'));
try {
  const token = makeToken(folder, ensureSoftHsm());
  const raw = compileScript('raw-inserts.ts', join(folder, 'raw'));
  console.log(`
${secrets} secrets a time, ${rounds} interleaved rounds. Secrets a second: medians. Ratios to raw inserts: medians of pairs, by the clock and by
the processors' time, which other work on the machine disturbs less; the rows of the tree left out, and with them. Load ${loadavg()[0].toFixed(1)}.
`);
  console.log(line('', 'import', 'again', 'raw', 'ratio', 'by CPU', 'with tree', 'by CPU', 'MB'));
  for (const version of [1, 2])
    for (const bytes of sizes) {
      const place = join(folder, `kv${version}-${bytes}`);
      console.log(line(`kv ${version}, ${bytes} B`, ...figures(measured({ token, raw, version, bytes, place }))));
      rmSync(place, { recursive: true });
    }
} finally {
  rmSync(folder, { recursive: true });
}

/** Imports into a new store, imports the same once more, and writes the rows that this made, each once a round. */
function measured({ token, raw, version, bytes, place }) {
  mkdirSync(place, { mode: 0o700 });
  const { config, database } = makeStore(join(place, 'store'), token, 0);
  const env = { ...token.env, COFFER_CONFIG: config };
  const coffer = (...args) => [join(root, 'dist', 'program', 'coffer'), ...args];
  const done = ([program, ...args]) => must(spawnSync(program, args, { env, encoding: 'utf8' }));
  done(coffer('secrets', 'enable', '-path=in', `-version=${version}`, 'kv'));
  const input = join(place, 'secrets.ndjson');
  writeFileSync(input, lines(bytes), { mode: 0o600 });
  const words = coffer('kv', 'import', '-mount=in', input);
  const [empty, full] = ['empty.db', 'full.db'].map((name) => join(place, name));
  copyFileSync(database, empty);
  done(words);
  copyFileSync(database, full);
  // What this machine remembers of the store goes, too: a copy is an old one.
  const anew = (copy) => `rm -rf ${env.XDG_STATE_HOME} ${database}* && cp ${copy} ${database}`;
  const insert = (which) => ({
    words: [raw, full, join(place, 'raw.db'), which, String(Math.ceil(secrets / BATCH))],
    before: `rm -f ${join(place, 'raw.db')}*`,
  });
  const commands = {
    first: { words, before: anew(empty) },
    again: { words, before: anew(full) },
    none: insert('none'),
    secrets: insert('secrets'),
    all: insert('all'),
  };
  return measure(commands, { rounds, folder, env });
}

function figures({ first, again, none, secrets: plain, all }) {
  const rate = (times) => (secrets / (median(times) / 1000)).toFixed(0);
  const inserting = (which, by) => which[by].map((time, at) => time - none[by][at]);
  const ratio = (which, by) => median(inserting(which, by).map((time, at) => time / first[by][at])).toFixed(3);
  return [
    rate(first.milliseconds),
    rate(again.milliseconds),
    rate(inserting(plain, 'milliseconds')),
    ratio(plain, 'milliseconds'),
    ratio(plain, 'processor'),
    ratio(all, 'milliseconds'),
    ratio(all, 'processor'),
    median(first.megabytes).toFixed(0),
  ];
}

/** @param bytes of the data of each secret, as JSON */
function lines(bytes) {
  const room = bytes - JSON.stringify({ user: 'ada', password: '' }).length;
  let text = '';
  for (let at = 0; at < secrets; at++) {
    const data = { user: 'ada', password: `secret-${at}-`.padEnd(room, 'x') };
    text += `${JSON.stringify({ path: secretPath(at).replace('kv/', ''), data })}\n`;
  }
  return text;
}

function line(name, ...figures) {
  return name.padEnd(14) + figures.map((figure) => figure.padStart(11)).join('');
}
