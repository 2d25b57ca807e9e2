import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COFFER } from '../support/program.ts';
import { makeStand, type Outcome, type Stand } from '../support/store.ts';

const USER = 12345;
const AS_USER = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'] as const;
/** Only root can be somebody else, who must be able to reach the program. */
const canBeAnother =
  process.getuid?.() === 0 &&
  spawnSync(AS_USER[0], [...AS_USER.slice(1), ...COFFER, 'version'], { env: { HOME: '/' } }).status === 0;

/** Lies in the current directory; the module obeys it where it finds it by its name alone. */
const OBEYED = 'evil.conf';

let stand: Stand;
beforeAll(() => {
  stand = makeStand({ faults: [`obeys:${OBEYED}`] });
  stand.open();
  stand.ok('secrets', 'enable', 'kv');
  stand.ok('kv', 'put', 'kv/a', 'v=right');
});
afterAll(() => stand.remove());

const GET = ['kv', 'get', '-field=v', 'kv/a'];
const RUN = ['run', '-env', 'V=kv/a#v', '--'];
const DONE = { status: 0, signal: null, stderr: '' };

/** Runs in another directory than the stand's. */
function runIn(directory: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
  const [file, ...before] = COFFER;
  return runProgram([file, ...before, ...args], directory, env);
}

function runProgram(program: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Outcome {
  const [file = '', ...args] = program;
  const { status, signal, stdout, stderr } = spawnSync(file, args, {
    cwd,
    env: { ...stand.env, ...env },
    encoding: 'utf8',
  });
  return { status, signal, stdout, stderr };
}

describe('the working directory', () => {
  it('is not the one that a PKCS#11 module is loaded and called in', () => {
    stand.write(OBEYED, '');
    expect(stand.run(GET)).toEqual({ ...DONE, stdout: 'right' });
    expect(stand.run(['hsm', 'slots']).status).toBe(0);
    expect(stand.run(['kv', 'put', 'kv/b', 'v=other']).status).toBe(0);
    rmSync(join(stand.dir, OBEYED));
  });

  it('is obeyed by a module that does find such a file there', () => {
    stand.write(OBEYED, '');
    const file = join(stand.dir, OBEYED);
    expect(stand.run(GET, { env: { COFFER_SHIM_FAULT: `obeys:${file}` } })).toMatchObject({ status: 3, stdout: '' });
    rmSync(file);
  });

  it('is the one that the command of run starts in', () => {
    expect(stand.run([...RUN, 'sh', '-c', 'pwd -P; echo $V'])).toEqual({ ...DONE, stdout: `${stand.dir}\nright\n` });
    const script = stand.write('script', '#!/bin/sh\necho "$0" $V; cat beside\n');
    chmodSync(script, 0o700);
    stand.write('beside', 'here');
    expect(stand.run([...RUN, './script'])).toEqual({ ...DONE, stdout: './script right\nhere' });
    expect(stand.run([...RUN, 'script'], { env: { PATH: ':/usr/bin:/bin' } }).stdout).toBe('./script right\nhere');
    stand.write('script', 'echo by sh, $V\n');
    chmodSync(script, 0o700);
    expect(stand.run([...RUN, './script'])).toEqual({ ...DONE, stdout: 'by sh, right\n' });
    expect(stand.run([...RUN, './beside'])).toMatchObject({ status: 126, stdout: '' });
  });

  it('may be gone', () => {
    const line = (command: string): string => `mkdir gone; cd gone; rmdir ../gone; ${command}`;
    const coffer = COFFER.map((word) => `'${word}'`).join(' ');
    const inShell = (args: string): Outcome => runProgram(['sh', '-c', line(`${coffer} ${args}`)], stand.dir, {});
    expect(inShell(GET.join(' '))).toEqual({ ...DONE, stdout: 'right' });
    const { status, stdout } = inShell("run -env 'V=kv/a#v' -- sh -c 'readlink /proc/self/cwd; echo $V'");
    expect(status).toBe(0);
    // The launcher has put an empty folder in its place (launch.c).
    expect(stdout).toMatch(/^(?:\/proc\/\d+\/fdinfo|.*\/gone \(deleted\))\nright\n$/);
  });

  it.runIf(canBeAnother).each([
    ['read', 0o711],
    ['entered', 0o700],
  ])('may be one that cannot be %s', (_, mode) => {
    // A machine of this user's own, in a folder that they reach.
    const folder = join(stand.dir, 'theirs');
    const env = {
      HOME: folder,
      XDG_CONFIG_HOME: `${folder}/config`,
      XDG_CACHE_HOME: `${folder}/cache`,
      XDG_STATE_HOME: `${folder}/state`,
      COFFER_CONFIG: join(folder, 'coffer.hcl'),
      COFFER_STORAGE_PATH: join(folder, 'coffer.db'),
      SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
      COFFER_SHIM_LOG: '/dev/null',
    };
    for (const shared of [stand.dir, dirname(stand.hsm.conf)]) chmodSync(shared, 0o711);
    mkdirSync(folder, { mode: 0o700 });
    try {
      copyFileSync(stand.config, env.COFFER_CONFIG);
      const tokens = join(folder, 'tokens');
      spawnSync('cp', ['-r', join(dirname(stand.hsm.conf), 'tokens'), tokens]);
      stand.write('theirs/softhsm2.conf', `directories.tokendir = ${tokens}\nobjectstore.backend = file\n`);
      spawnSync('chown', ['-R', `${USER}:${USER}`, folder]);
      const locked = join(stand.dir, `locked-${mode}`);
      mkdirSync(locked, { mode });
      const asUser = (...args: string[]): Outcome => runProgram([...AS_USER, ...COFFER, ...args], locked, env);
      expect(asUser('init', '-recovery-shares=0', '-recovery-threshold=0')).toMatchObject({ status: 0 });
      for (const args of [['unseal'], ['secrets', 'enable', 'kv'], ['kv', 'put', 'kv/a', 'v=theirs']])
        expect(asUser(...args)).toMatchObject({ status: 0 });
      expect(asUser(...RUN, '/bin/readlink', '/proc/self/cwd')).toEqual({ ...DONE, stdout: `${locked}\n` });
      expect(asUser(...RUN, '/bin/sh', '-c', 'echo $V; exit 7')).toMatchObject({ status: 7, stdout: 'theirs\n' });
      expect(asUser(...RUN, '/bin/sh', '-c', 'kill -TERM $$')).toMatchObject({ status: null, signal: 'SIGTERM' });
    } finally {
      rmSync(folder, { recursive: true });
      for (const shared of [stand.dir, dirname(stand.hsm.conf)]) chmodSync(shared, 0o700);
    }
  });
});

describe('a relative path', () => {
  it('of the configuration counts from the working directory', () => {
    const name = basename(stand.config);
    expect(stand.run(['-config', name, ...GET])).toEqual({ ...DONE, stdout: 'right' });
    expect(stand.run(GET, { env: { COFFER_CONFIG: `./${name}` } })).toEqual({ ...DONE, stdout: 'right' });
    expect(stand.run(['diagnose', '-config', name, '-format=json']).status).toBe(stand.run(['diagnose']).status);
  });

  it('of the module counts from there', () => {
    const folder = dirname(stand.lib);
    expect(runIn(folder, ['hsm', 'slots', `-lib=${basename(stand.lib)}`])).toMatchObject({ status: 0 });
    const env = { COFFER_HSM_LIB: `./${basename(stand.lib)}`, COFFER_CONFIG: '/nowhere/coffer.hcl' };
    expect(runIn(folder, ['hsm', 'slots'], env)).toMatchObject({ status: 0 });
  });

  it('of a file that is read or written counts from there', () => {
    stand.write('value', 'from a file');
    expect(stand.run(['kv', 'put', 'kv/c', 'v=@value']).status).toBe(0);
    expect(stand.run(['kv', 'export', 'exported.ndjson'])).toMatchObject({ status: 0 });
    expect(statSync(join(stand.dir, 'exported.ndjson')).mode & 0o777).toBe(0o600);
    expect(stand.run(['kv', 'import', 'exported.ndjson'])).toMatchObject({ status: 0 });
    stand.write('template', 'coffer://kv/c#v');
    expect(stand.run(['inject', '-out=filled', 'template'])).toMatchObject({ status: 0 });
    expect(readFileSync(join(stand.dir, 'filled'), 'utf8')).toBe('from a file');
    stand.write('some.env', 'V=coffer://kv/c#v\n');
    expect(stand.ok('run', '-env-file=some.env', '--', 'sh', '-c', 'echo $V')).toBe('from a file\n');
  });

  it("of a module's own variable counts from there, and a command gets it as it was given", () => {
    const env = { SOFTHSM2_CONF: basename(stand.hsm.conf) };
    const folder = dirname(stand.hsm.conf);
    expect(runIn(folder, GET, env)).toEqual({ ...DONE, stdout: 'right' });
    const { stdout } = runIn(folder, [...RUN, 'sh', '-c', 'echo $SOFTHSM2_CONF'], env);
    expect(stdout).toBe(`${env.SOFTHSM2_CONF}\n`);
  });

  it('in the library parameters is refused', () => {
    for (const [text, name] of [
      ['config-file=yubihsm.conf', 'config-file'],
      ['connector=http://127.0.0.1 config-file=./yubihsm.conf', 'config-file'],
      ["configdir='sql:nss' flags=", 'configdir'],
    ] as const)
      expect(stand.run(GET, { env: { COFFER_HSM_LIBRARY_PARAMETERS: text } })).toEqual({
        status: 1,
        signal: null,
        stdout: '',
        stderr: `error: environment variable COFFER_HSM_LIBRARY_PARAMETERS: the path of ${name} must be absolute\nhint: write the whole path, beginning with "/"\n`,
      });
  });
});
