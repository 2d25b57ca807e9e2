import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { answer, choose } from '../support/dialogue.ts';
import { atTerminal } from '../support/pty.ts';
import { BUNDLE } from '../support/program.ts';
import { compileDisk } from '../support/shim.ts';
import { makeStand, type Stand } from '../support/store.ts';

const SECRET = 'hunter2-47110815';

describe('a command that is killed while it writes a file in clear', () => {
  let stand: Stand;
  let folder = '';
  let count = 0;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/app', `password=${SECRET}`);
    stand.write('template', 'password=coffer://kv/app#password\n');
  });
  afterAll(() => stand.remove());
  afterEach(() => void (folder = ''));

  /** A new folder, and the environment in which nobody has a file in it reach the disk. */
  const deadly = (): Readonly<Record<string, string>> => {
    folder = join(stand.dir, `out-${String(count++)}`);
    mkdirSync(folder, { mode: 0o700 });
    return { LD_PRELOAD: compileDisk(), COFFER_TEST_DIE: folder };
  };

  const COMMANDS: readonly [name: string, args: (file: string) => readonly string[]][] = [
    ['kv export', (file) => ['kv', 'export', '-force', file]],
    ['inject', (file) => ['inject', `-out=${file}`, 'template']],
  ];

  it.each(COMMANDS)('leaves nothing: %s', (_name, args) => {
    const env = deadly();
    expect(stand.run(args(join(folder, 'file')), { env })).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(COMMANDS)('leaves the file that was there, and nothing beside it: %s', (_name, args) => {
    const env = deadly();
    const file = stand.write(join(folder.slice(stand.dir.length + 1), 'file'), 'of before');
    expect(stand.run(args(file), { env })).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    expect(readdirSync(folder)).toEqual(['file']);
    expect(readFileSync(file, 'utf8')).toBe('of before');
    // Without the knife the same command takes its place.
    stand.ok(...args(file));
    expect(readdirSync(folder)).toEqual(['file']);
    expect(readFileSync(file, 'utf8')).toContain(SECRET);
    expect(statSync(file)).toMatchObject({ mode: 0o100600, nlink: 1 });
  });

  it.each(COMMANDS)('leaves its draft, for its owner alone, where all files have names: %s', (_name, args) => {
    // The compiled program opens files past the C library.
    const program = BUNDLE;
    const env = { ...deadly(), COFFER_TEST_NAMED: '1' };
    const file = stand.write(join(folder.slice(stand.dir.length + 1), 'file'), 'of before');
    expect(stand.run(args(file), { env, program })).toMatchObject({ signal: 'SIGKILL' });
    const [draft = '', ...others] = readdirSync(folder).filter((name) => name !== 'file');
    expect(others).toEqual([]);
    expect(draft).toMatch(/^\.file\.[0-9a-f]{16}$/);
    expect(statSync(join(folder, draft)).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe('of before');
    const whole = stand.run(args(file), { env: { ...env, COFFER_TEST_DIE: '' }, program });
    expect(whole.status).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain(SECRET);
    expect(readdirSync(folder).sort()).toEqual([draft, 'file']);
  });

  it('leaves no PIN: setup', async () => {
    const env = { ...deadly(), COFFER_CONFIG: '', COFFER_HSM_LIB: stand.hsm.lib };
    const typist = atTerminal(stand, `coffer setup -config=${folder}/coffer.hcl; echo "status $?"`, env);
    await choose(typist, 'Which token holds the keys?', /demo \(SoftHSM/);
    await choose(typist, 'Where does the user PIN come from?', /in plain text/);
    await answer(typist, 'User PIN, to be written', '1234');
    await answer(typist, 'Label of the wrapping key', '');
    await answer(typist, 'Label of the HMAC key', '');
    await answer(typist, 'May `coffer init` create', '');
    await answer(typist, 'Path of the store', join(stand.dir, 'made/coffer.db'));
    await answer(typist, "Mix the HSM's random bytes", '');
    await typist.shows('status ');
    await typist.ends;
    expect(typist.screen()).toContain('status 137');
    expect(readdirSync(folder)).toEqual([]);
  });
});
