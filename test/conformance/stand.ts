import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { COFFER } from '../support/program.ts';
import type { Outcome } from '../support/store.ts';
import type { TestModule, TestToken } from '../support/modules/token.ts';

/** A store on a token of a module: a folder, a configuration, and the built command. */
export interface ConformanceStand {
  readonly dir: string;
  readonly token: TestToken;
  /** The database file. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** Writes the configuration anew. @param seal further lines of the seal stanza, instead of the usual keys where they name some */
  configure(seal: readonly string[]): void;
  run(
    args: readonly string[],
    more?: { readonly env?: Readonly<Record<string, string>>; readonly input?: string },
  ): Outcome;
  /** As `run`, without blocking; the exit status. */
  start(args: readonly string[]): Promise<number | null>;
  /** As `run`; its stdout. Throws unless it exits 0. */
  ok(...args: string[]): string;
  remove(): void;
}

export async function makeConformanceStand(module: TestModule): Promise<ConformanceStand> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-conformance-')));
  const folder = (name: string): string => {
    mkdirSync(join(dir, name), { mode: 0o700 });
    return join(dir, name);
  };
  const token = await module.create(folder('token'));
  const home = folder('home');
  const path = join(folder('store'), 'coffer.db');
  const config = join(dir, 'coffer.hcl');
  const [program = '', ...before] = [...token.enter, ...COFFER];
  const env = {
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: home,
    XDG_STATE_HOME: join(home, 'state'),
    LC_ALL: 'C.UTF-8',
    COFFER_CONFIG: config,
    ...(process.env['LD_LIBRARY_PATH'] === undefined ? {} : { LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] }),
    ...token.env,
  };
  const stand: ConformanceStand = {
    dir,
    token,
    path,
    env,
    configure(seal) {
      const lines = [`lib = "${token.lib}"`, `pin = "${token.pin}"`, 'generate_key = "true"', ...token.seal, ...seal];
      const stanzas = [
        `storage "sqlite" {\n  path = "${path}"\n}`,
        `seal "pkcs11" {\n  ${lines.join('\n  ')}\n}`,
        'entropy "seal" {\n  mode = "augmentation"\n}',
      ];
      writeFileSync(config, `${stanzas.join('\n')}\n`, { mode: 0o600 });
    },
    run(args, { env: more = {}, input = '' } = {}) {
      const done = spawnSync(program, [...before, ...args], {
        cwd: dir,
        env: { ...env, ...more },
        input,
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      });
      if (done.error !== undefined) throw done.error;
      return { status: done.status, signal: done.signal, stdout: done.stdout, stderr: done.stderr };
    },
    start: (args) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, [...before, ...args], { cwd: dir, env, stdio: ['ignore', 'ignore', 'inherit'] });
        child.on('error', reject);
        child.on('close', resolve);
      }),
    ok(...args) {
      const { status, stdout, stderr } = stand.run(args);
      if (status !== 0) throw new Error(`coffer ${args.join(' ')} ended with ${status}:\n${stderr}`);
      return stdout;
    },
    remove() {
      token.remove();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  stand.configure(USUAL_KEYS);
  return stand;
}

export const USUAL_KEYS: readonly string[] = ['key_label = "wrapping"', 'hmac_key_label = "hmac"'];
