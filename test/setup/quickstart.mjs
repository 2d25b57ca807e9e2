// `npm run quickstart`: gets what is missing, makes a SoftHSM token and a configuration in a folder of its own, and shows
// what coffer does with them. The store stays there, unsealed and ready to use.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError, ensureBuild, ensureDependencies, ensureNode, root, run, say } from './ensure.mjs';
import { ensureSoftHsm } from './softhsm.mjs';

const LABEL = 'coffer-quickstart';
const SECRET = { user: 'alice', password: 'correct-horse-battery' };
const MOUNT = 'kv-seal-wrapped';
const PATH = `${MOUNT}/app`;
const BYTES_SHOWN = 128;
const INTEGRITY = 4;
const COFFER = join(root, 'bin', 'coffer');

const data = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
const folder = process.env.COFFER_QUICKSTART_DIR || join(data, 'coffer-quickstart');
const store = join(folder, 'coffer.db');
const config = join(folder, 'coffer.hcl');
const env = {
  ...withoutSettings(process.env),
  COFFER_CONFIG: config,
  SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
};

try {
  ensureNode();
  await ensureDependencies();
  ensureBuild();
  const { module, libraryPath } = ensureSoftHsm();
  if (libraryPath !== null) env.LD_LIBRARY_PATH = libraryPath;
  if (!run(process.execPath, [join(root, 'test/setup/token.mjs'), folder, module, LABEL], { env })) {
    throw new SetupError('there is no token to work with, see above');
  }
  writeConfiguration(module);
  openStore();
  const row = keepSecret();
  showWhatIsStored(row);
  showTampering(row);
  tellHowToGoOn(libraryPath);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = 1;
}

/** The environment without settings that would lead the demonstration to some other store or HSM. */
function withoutSettings(environment) {
  const ours = ([name]) => !/^(COFFER|VAULT)_/.test(name) || name === 'COFFER_DEBUG';
  return Object.fromEntries(Object.entries(environment).filter(ours));
}

function writeConfiguration(module) {
  if (existsSync(config)) {
    say(`the configuration is ${config}`);
    return;
  }
  writeFileSync(config, configuration(module, store), { mode: 0o600 });
  say(`wrote the configuration ${config}`);
}

function configuration(module, database) {
  return `# Where the encrypted secrets are: one SQLite file.
storage "sqlite" {
  path = ${JSON.stringify(database)}
}

# The HSM that opens the store, here SoftHSM. For a real one, change lib to its PKCS#11 module.
seal "pkcs11" {
  lib            = ${JSON.stringify(module)}
  token_label    = ${JSON.stringify(LABEL)}

  # A file that only its owner can read; "env:NAME" takes the PIN from the environment.
  pin            = ${JSON.stringify(`file:${join(folder, 'pin')}`)}

  # The keys in the HSM: one wraps, the other authenticates. "coffer init" makes those that are missing.
  key_label      = "hsm_demo"
  hmac_key_label = "hsm_hmac_demo"
  generate_key   = "true"
}

# Random bytes of the HSM go into every key that coffer makes.
entropy "seal" {
  mode = "augmentation"
}
`;
}

function openStore() {
  title('A store that only the HSM can open');
  if (ask(['init', '-status']).status === 0) {
    console.log(`The store ${store} is there from an earlier run, so there is no "coffer init" this time.`);
  } else {
    show(['init', '-recovery-shares=1', '-recovery-threshold=1']);
  }
  show(['unseal']);
  show(['seal-status']);
}

/** Returns the stored path of the row that the secret went to. */
function keepSecret() {
  title('A mount whose values the HSM wraps a second time');
  if (Object.hasOwn(mounts(), `${MOUNT}/`)) {
    console.log(`The mount ${MOUNT} is there from an earlier run.`);
  } else {
    show(['secrets', 'enable', `-path=${MOUNT}`, '-seal-wrap', 'kv']);
  }
  show(['secrets', 'list', '-detailed']);
  const before = readRows();
  show(['kv', 'put', PATH, ...Object.entries(SECRET).map(([key, value]) => `${key}=${value}`)]);
  const written = [...readRows()].find(([path, value]) => path.startsWith('data/') && !before.get(path)?.equals(value));
  if (written === undefined) throw new SetupError('no row of the store holds what was just put there');
  show(['kv', 'get', PATH]);
  return written[0];
}

function showWhatIsStored(row) {
  title('What somebody with a copy of the store sees');
  const value = readRows().get(row);
  console.log(`The row of ${PATH} in ${store}, its value ${value.length} bytes long:\n`);
  console.log(`${row}\n\n${hexDump(value.subarray(0, BYTES_SHOWN))}`);
  if (value.length > BYTES_SHOWN) console.log(`          and ${value.length - BYTES_SHOWN} more bytes`);
  const files = storeFiles();
  console.log(`\nHow often what was put in is found in ${files.join(', ')}:\n`);
  let total = 0;
  // Words of three or four letters would be found by chance, now and then, in that many random bytes.
  for (const text of [SECRET.user, SECRET.password, 'password', MOUNT, PATH]) {
    const found = files.filter((name) => readFileSync(join(folder, name)).includes(text)).length;
    console.log(`  ${text.padEnd(24)}${found}`);
    total += found;
  }
  if (total > 0) throw new SetupError('something readable is in the store, which must never be');
}

function showTampering(row) {
  title('One bit changed in a copy of the store');
  const copies = join(folder, 'tampered');
  rmSync(copies, { recursive: true, force: true });
  mkdirSync(copies, { mode: 0o700 });
  for (const name of storeFiles()) copyFileSync(join(folder, name), join(copies, name));
  const copy = join(copies, 'coffer.db');
  const value = readRows().get(row);
  const place = value.length >> 1;
  value[place] ^= 1;
  withStatement(copy, 'UPDATE entries SET value = ? WHERE path = ?', (statement) => statement.run(value, row));
  const copyConfig = join(copies, 'coffer.hcl');
  const text = readFileSync(config, 'utf8').replaceAll(JSON.stringify(store), JSON.stringify(copy));
  writeFileSync(copyConfig, text, { mode: 0o600 });
  console.log(`One bit of byte ${place} of that row is flipped in ${copy}.`);
  show([`-config=${copyConfig}`, 'kv', 'get', PATH], INTEGRITY);
  console.log(`(exit status ${INTEGRITY})`);
  rmSync(copies, { recursive: true });
}

function tellHowToGoOn(libraryPath) {
  title('How to go on');
  console.log('The store is unsealed. In this shell:\n');
  console.log(`  export SOFTHSM2_CONF=${quoted(env.SOFTHSM2_CONF)}`);
  if (libraryPath !== null) console.log(`  export LD_LIBRARY_PATH=${quoted(libraryPath)}`);
  console.log(`  export COFFER_CONFIG=${quoted(config)}`);
  console.log(`  export PATH=${quoted(join(root, 'bin'))}:$PATH`);
  console.log('\n  coffer kv put kv-seal-wrapped/mine key=value');
  console.log('  coffer kv get -field=key kv-seal-wrapped/mine');
  console.log('  coffer seal\n');
  console.log(`To start anew, remove ${folder}.`);
}

function title(text) {
  console.log(`\n== ${text} ==`);
}

/** Runs a command for the user to see; any other exit status than the expected one ends the demonstration. */
function show(args, expected = 0) {
  console.log(`\n$ coffer ${args.map(quoted).join(' ')}`);
  const { status } = spawnSync(COFFER, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== expected) throw new SetupError(`the last command exited with ${status}, not with ${expected}`);
}

function mounts() {
  const { status, stdout, stderr } = ask(['secrets', 'list', '-format=json']);
  if (status !== 0) throw new SetupError(`coffer secrets list: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

function ask(args) {
  return spawnSync(COFFER, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The store's file and those that SQLite keeps beside it. */
function storeFiles() {
  return readdirSync(folder).filter((name) => /^coffer\.db(-wal|-shm)?$/.test(name));
}

/** Every row of the store, from stored path to value. */
function readRows() {
  const rows = withStatement(store, 'SELECT path, value FROM entries', (statement) => statement.all());
  return new Map(rows.map(({ path, value }) => [path, value]));
}

function withStatement(path, sql, use) {
  // Only now, since node_modules may have been missing when this program began.
  const Database = createRequire(import.meta.url)('better-sqlite3');
  const database = new Database(path, { fileMustExist: true });
  try {
    return use(database.prepare(sql));
  } finally {
    database.close();
  }
}

function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    const hex = part.toString('hex').replace(/../g, '$& ').padEnd(48);
    const text = part.toString('latin1').replace(/[^ -~]/g, '.');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex} ${text}`);
  }
  return lines.join('\n');
}

/** A word as a shell takes it. */
function quoted(word) {
  return /^[\w./=:@,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
