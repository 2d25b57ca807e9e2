import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COFFER } from '../support/program.ts';
import { makeStand, type Outcome, type Stand } from '../support/store.ts';

const USER = 12345;
const AS_USER = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'] as const;
const HINT = 'a store serves one operating-system user: run coffer as the user who owns it (sudo -u)';

/** Only root can be somebody else, who must be able to reach the program. */
const canBeAnother =
  process.getuid?.() === 0 &&
  spawnSync(AS_USER[0], [...AS_USER.slice(1), ...COFFER, 'version'], { env: { HOME: '/' } }).status === 0;

let stand: Stand;
beforeEach(() => {
  stand = makeStand();
});
afterEach(() => stand.remove());

function asUser(path: string, ...args: string[]): Outcome {
  return stand.run(args, { program: [...AS_USER, ...COFFER], env: { COFFER_STORAGE_PATH: path } });
}

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly remedy: string | null;
}

function checksOf({ stdout }: Outcome): Check[] {
  return (JSON.parse(stdout) as { checks: Check[] }).checks;
}

describe.runIf(canBeAnother)('a second user', () => {
  it('is told what a configuration that they may not read means', () => {
    const outcome = asUser(stand.path, 'seal-status');
    expect(outcome).toMatchObject({ status: 1, stdout: '' });
    expect(outcome.stderr).toBe(
      `error: ${stand.config}: cannot read this configuration file: permission denied\n` +
        'hint: run coffer as the user who owns it, or name another with -config=PATH\n',
    );
  });

  it.each([
    ['in a folder that is closed to them', 0o700, 0o600],
    ['that is closed to them', 0o755, 0o600],
    ['that they may read', 0o755, 0o644],
    ['that they may write', 0o755, 0o666],
  ])('is told that a store serves one user: a store %s', (_, folder, file) => {
    stand.open();
    chmodSync(stand.dir, 0o755);
    chmodSync(stand.config, 0o644);
    chmodSync(dirname(stand.path), folder);
    chmodSync(stand.path, file);
    for (const args of [['seal-status'], ['seal'], ['kv', 'get', 'kv/a'], ['init']]) {
      const outcome = asUser(stand.path, ...args);
      expect(outcome, args.join(' ')).toMatchObject({ status: 2, stdout: '' });
      expect(outcome.stderr).toContain(`hint: ${HINT}`);
      expect(outcome.stderr).not.toMatch(/\bE[A-Z]{4,}\b|chown/);
    }
    const store = checksOf(asUser(stand.path, 'diagnose', '-format=json')).filter(({ name }) => /^store/.test(name));
    expect(store.some(({ status, remedy }) => status === 'failure' && remedy?.includes(HINT) === true)).toBe(true);
    expect(readdirSync(dirname(stand.path))).toEqual(['coffer.db']);
  });

  it("leaves no file of SQLite's beside root's store, also in a folder of their own", () => {
    stand.open();
    stand.ok('seal-status');
    chmodSync(stand.dir, 0o755);
    chmodSync(stand.config, 0o644);
    chmodSync(stand.path, 0o644);
    chownSync(dirname(stand.path), USER, USER);
    for (const args of [['diagnose', '-format=json'], ['diagnose', '-deep', '-format=json'], ['seal-status']])
      expect(asUser(stand.path, ...args).status, args.join(' ')).not.toBe(0);
    expect(readdirSync(dirname(stand.path))).toEqual(['coffer.db']);
  });
});

describe.runIf(process.getuid?.() === 0)("a store in another user's folder", () => {
  it.each(['', 'below/it/'])(
    'is a failure for diagnose as it is for init, and nobody is told to make it: %s',
    (below) => {
      const folder = join(stand.dir, 'theirs');
      mkdirSync(folder);
      chownSync(folder, USER, USER);
      const env = { COFFER_STORAGE_PATH: join(folder, below, 'coffer.db') };
      const init = stand.run(['init'], { env });
      expect(init.status).toBe(2);
      const outcome = stand.run(['diagnose', '-format=json'], { env });
      const store = checksOf(outcome).filter(({ name }) => ['store folder', 'store file', 'database'].includes(name));
      expect(store.map(({ status }) => status)).toEqual(['failure', 'skipped', 'skipped']);
      expect(store[0]?.message).toContain(`${folder} belongs to another user (uid ${USER})`);
      expect(outcome.status).toBe(2);
      expect(init.stderr + outcome.stdout).not.toMatch(/chown|create it with/);
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});
