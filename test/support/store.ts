import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { loadConfig } from '../../src/config/index.ts';
import { thisMachine, type Context } from '../../src/core/index.ts';
import { LAYOUT_WITH_TREE, machineRows } from '../../src/core/row-paths.ts';
import { PLAIN_LOGIN } from './login.ts';
import { COFFER, COFFER_SCRIPT, type Start } from './program.ts';
import { createShim, type Shim } from './shim.ts';
import { createSoftHsm, type SoftHsm } from './softhsm.ts';

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StandOptions {
  readonly label?: string;
  readonly pin?: string;
  /** Through the shim even without a fault, for its log of calls. */
  readonly shim?: boolean;
  /** As test/shim/shim.c says; any of them puts the shim in front of the token. */
  readonly faults?: readonly string[];
  /** Whether the configuration has the entropy stanza (it has). */
  readonly entropy?: boolean;
  /** Further lines of the seal stanza. */
  readonly seal?: string;
  /** Further lines at the top level. */
  readonly top?: string;
}

/** A machine of the test's own: a token, a configuration, a home and a folder to work in. */
export interface Stand {
  /** Where commands run; mode 0700, its path without symbolic links. */
  readonly dir: string;
  readonly hsm: SoftHsm;
  readonly shim: Shim | null;
  /** What `lib` in the configuration is. */
  readonly lib: string;
  readonly config: string;
  /** The database file. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of another user of the same token: that they gave a wrong PIN is not remembered for the one of `env`. */
  readonly anotherUser: Readonly<Record<string, string>>;
  /** Runs `coffer` with these arguments and waits; `input` is its stdin, which is empty otherwise. */
  run(args: readonly string[], options?: RunOptions): Outcome;
  /** As `run`, without blocking. */
  start(args: readonly string[], options?: RunOptions): Running;
  /** As `run`; its stdout. Throws unless it exits 0. */
  ok(...args: string[]): string;
  /** Runs a line in /bin/sh, in `dir`. */
  shell(line: string, env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** init without shares, then unseal. */
  open(): void;
  /** Writes a file below `dir`, mode 0600, and gives its path. */
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Another than `COFFER`. */
  readonly program?: Start;
}

export interface Running {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  readonly outcome: Promise<Outcome>;
}

export function makeStand(options: StandOptions = {}): Stand {
  const { label = 'demo', pin = '1234', faults = [], entropy = true, seal = '', top = '' } = options;
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-stand-')));
  const below = (name: string): string => {
    mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
    return join(dir, name);
  };
  const hsm = createSoftHsm({ dir: below('hsm'), label, pin });
  const shim =
    options.shim === true || faults.length > 0 ? createShim(hsm, join(dir, 'hsm', 'calls'), ...faults) : null;
  const lib = shim?.lib ?? hsm.lib;
  const config = join(dir, 'coffer.hcl');
  const path = join(dir, 'store', 'coffer.db');
  const programs = below('programs');
  for (const name of ['coffer', 'vault']) writeFileSync(join(programs, name), COFFER_SCRIPT, { mode: 0o755 });
  const home = below('home');
  const env: Record<string, string> = {
    PATH: [programs, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_DATA_HOME: join(home, 'share'),
    XDG_STATE_HOME: join(home, 'state'),
    LC_ALL: 'C.UTF-8',
    COFFER_CONFIG: config,
    ...hsm.env,
    ...shim?.env,
    ...(process.env['LD_LIBRARY_PATH'] === undefined ? {} : { LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] }),
  };
  const stand: Stand = {
    dir,
    hsm,
    shim,
    lib,
    config,
    path,
    env,
    anotherUser: { XDG_STATE_HOME: join(home, 'state-of-another') },
    run(args, { input = '', env: more = {}, program = COFFER } = {}) {
      const [file, ...before] = program;
      const done = spawnSync(file, [...before, ...args], {
        cwd: dir,
        env: { ...env, ...more },
        input,
        maxBuffer: 1 << 28,
      });
      if (done.error !== undefined) throw done.error;
      return {
        status: done.status,
        signal: done.signal,
        stdout: done.stdout.toString('utf8'),
        stderr: done.stderr.toString('utf8'),
      };
    },
    start(args, { input, env: more = {}, program = COFFER } = {}) {
      const [file, ...before] = program;
      return start(file, [...before, ...args], dir, { ...env, ...more }, input);
    },
    ok(...args) {
      const { status, stdout, stderr } = stand.run(args);
      if (status !== 0) throw new Error(`coffer ${args.join(' ')} ended with ${status}:\n${stderr}`);
      return stdout;
    },
    shell: async (line, more = {}) => start('/bin/sh', ['-c', line], dir, { ...env, ...more }).outcome,
    open() {
      stand.ok('init', '-recovery-shares=0', '-recovery-threshold=0');
      stand.ok('unseal');
    },
    write(name, content) {
      const file = join(dir, name);
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, content, { mode: 0o600 });
      chmodSync(file, 0o600);
      return file;
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  stand.write('coffer.hcl', configuration(stand, { entropy, seal, top }));
  return stand;
}

/** For the core in this process, where starting the command so often would take too long. Changes process.env. */
export async function contextOf(stand: Stand): Promise<Context> {
  Object.assign(process.env, stand.hsm.env, stand.shim?.env);
  const config = await loadConfig({ paths: [stand.config], env: stand.env });
  return { config, machine: thisMachine, pin: async () => stand.hsm.pin, ...PLAIN_LOGIN, state: null };
}

/** What the demonstration's configuration says, for a token and a store of the test's own. */
export function configuration(
  { path, lib, hsm }: Pick<Stand, 'path' | 'lib' | 'hsm'>,
  { entropy = true, seal = '', top = '' }: Pick<StandOptions, 'entropy' | 'seal' | 'top'> = {},
): string {
  return `storage "sqlite" {
  path = "${path}"
}
seal "pkcs11" {
  lib            = "${lib}"
  token_label    = "${hsm.label}"
  pin            = "${hsm.pin}"
  key_label      = "hsm_demo"
  hmac_key_label = "hsm_hmac_demo"
  generate_key   = "true"
${seal}
}
${entropy ? 'entropy "seal" {\n  mode = "augmentation"\n}' : ''}
${top}
`;
}

function start(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  input: string | Uint8Array = '',
): Running {
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined); // it need not read what it is given
  child.stdin.end(input);
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    outcome: new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => {
        resolve({
          status,
          signal,
          stdout: Buffer.concat(stdout).toString('utf8'),
          stderr: Buffer.concat(stderr).toString('utf8'),
        });
      });
    }),
  };
}

/** The rows that this machine writes for itself into a store with a tree. */
export const OWN_ROWS = machineRows(LAYOUT_WITH_TREE, thisMachine().id);

export interface Row {
  readonly path: string;
  readonly value: Buffer;
}

/** Every row of a store, read behind coffer's back. */
export function readRows(path: string): Row[] {
  return inDatabase(path, (database) =>
    database.prepare<[], Row>('SELECT path, value FROM entries ORDER BY path').all(),
  );
}

/** Writes rows behind coffer's back; null removes one. */
export function writeRows(path: string, rows: Readonly<Record<string, Uint8Array | null>>): void {
  inDatabase(path, (database) => {
    database.exec('PRAGMA synchronous = OFF');
    const put = database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
    const remove = database.prepare('DELETE FROM entries WHERE path = ?');
    database.transaction(() => {
      for (const [row, value] of Object.entries(rows)) {
        if (value === null) remove.run(row);
        else put.run(row, value);
      }
    })();
  });
}

/** `use` must be done when it returns. */
export function inDatabase<T>(path: string, use: (database: Sqlite.Database) => T): T {
  const database = openDatabase(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

export function openDatabase(path: string): Sqlite.Database {
  return new Sqlite(path, { fileMustExist: true });
}

/**
 * The environment of a process that has the token to itself: a copy of it. SoftHSM empties and rewrites token.object at
 * every login, so a token that several processes use now and then is not there for one of them, and one whose user is
 * killed at that moment is lost. Tests of the store must not depend on that.
 */
export function ownToken({ hsm, dir }: Stand, name: string): { readonly SOFTHSM2_CONF: string } {
  const folder = join(dir, `hsm-${name}`);
  rmSync(folder, { recursive: true, force: true });
  cpSync(dirname(hsm.conf), folder, { recursive: true });
  const conf = join(folder, 'softhsm2.conf');
  writeFileSync(
    conf,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  return { SOFTHSM2_CONF: conf };
}

/** Copies the files of a store, which no process may have open, and gives the copy's path. */
export function copyStore(path: string, to: string): string {
  cpSync(dirname(path), to, { recursive: true });
  return join(to, 'coffer.db');
}
