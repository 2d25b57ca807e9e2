import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_BUNDLE } from '../support/program.ts';
import { makeStand, type Stand } from '../support/store.ts';

let stand: Stand;
beforeAll(() => {
  stand = makeStand({ shim: true });
  stand.open();
  stand.ok('secrets', 'enable', 'kv');
  stand.ok('kv', 'put', 'kv/app', 'user=ada');
  stand.write('big', 'x'.repeat(200_000));
  stand.ok('kv', 'put', 'kv/big', 'v=@big');
});
afterAll(() => stand.remove());

const RUN = 'coffer run -env A=kv/app#user --';

/** A script with this name, which may be bytes, in a folder of the stand. */
function script(folder: string, name: string, says: string): void {
  mkdirSync(Buffer.from(join(stand.dir, folder), 'latin1'), { recursive: true });
  const file = Buffer.from(join(stand.dir, folder, name), 'latin1');
  writeFileSync(file, `#!/bin/sh\necho ${says}\n`);
  chmodSync(file, 0o755);
}

describe('the command of run is looked for in PATH', () => {
  it('byte for byte, in folders and under names that are not UTF-8', async () => {
    script('odd\xff', 'odd', 'in an odd folder');
    script('.', 'name\xff', 'of an odd name');
    const line = `${RUN} ./$(printf 'name\\377'); PATH=$PWD/$(printf 'odd\\377'):$PATH; ${RUN} odd`;
    expect(await stand.shell(line)).toMatchObject({ status: 0, stdout: 'of an odd name\nin an odd folder\n' });
  });

  it('through links, as the system goes', async () => {
    script('real', 'found', 'behind the link');
    script('.', 'found', 'beside the link');
    mkdirSync(join(stand.dir, 'real/deep'));
    symlinkSync('real/deep', join(stand.dir, 'link'));
    expect(await stand.shell(`PATH=$PWD/link/..:$PATH; ${RUN} found`)).toMatchObject({ stdout: 'behind the link\n' });
  });

  it('where a folder of that name, or what cannot be looked at, is none', async () => {
    mkdirSync(join(stand.dir, 'path/folder'), { recursive: true });
    symlinkSync('loop', join(stand.dir, 'path/loop'));
    script('later', 'folder', 'later');
    for (const name of ['folder', 'loop', 'x'.repeat(300)]) {
      const { status, stderr } = await stand.shell(`PATH=$PWD/path:$PWD/later/folder:$PATH; ${RUN} ${name}`);
      expect({ status, stderr }).toMatchObject({
        status: 127,
        stderr: expect.stringContaining('there is no command') as string,
      });
    }
    expect(await stand.shell(`PATH=$PWD/path:$PWD/later:$PATH; ${RUN} folder`)).toMatchObject({ stdout: 'later\n' });
  });

  it('and is the first that may be executed, or the first that is there', async () => {
    script('first', 'twice', 'first');
    script('second', 'twice', 'second');
    chmodSync(join(stand.dir, 'first/twice'), 0o644);
    expect(await stand.shell(`PATH=first:second:$PATH; ${RUN} twice`)).toMatchObject({ stdout: 'second\n' });
    chmodSync(join(stand.dir, 'second/twice'), 0o644);
    const { status, stderr } = await stand.shell(`PATH=first:second:$PATH; ${RUN} twice`);
    expect(status).toBe(126);
    expect(stderr).toContain('cannot execute first/twice: permission denied');
  });
});

describe('the command of run', () => {
  it('is no script where its first line holds a NUL', async () => {
    writeFileSync(join(stand.dir, 'foreign'), Buffer.from('\x7fELF\0\0\necho started\n', 'latin1'), { mode: 0o755 });
    expect(await stand.shell(`${RUN} ./foreign`)).toMatchObject({
      status: 126,
      stdout: '',
      stderr:
        'error: cannot start ./foreign: it is neither a program for this machine nor a script\nhint: nothing was run\n',
    });
  });

  it('is no option of its interpreter', async () => {
    script('-c', 'echo', 'run');
    writeFileSync(join(stand.dir, '-c/plain'), 'echo plain\n', { mode: 0o755 });
    expect(await stand.shell(`${RUN} -c/echo; ${RUN} -c/plain`)).toMatchObject({ stdout: 'run\nplain\n' });
  });

  it('starts in a directory that was removed where coffer was started there', async () => {
    const show = 'readlink /proc/self/cwd; cd .. && pwd';
    const gone = (command: string): string => `mkdir gone; cd gone; rmdir ../gone; ${command}`;
    const direct = await stand.shell(gone(`sh -c '${show}'`));
    expect(direct.stdout).toContain('/gone (deleted)\n');
    expect((await stand.shell(gone(`${RUN} sh -c '${show}'`))).stdout).toBe(direct.stdout);
    expect((await stand.shell(gone(`coffer run -env-file=/dev/null -- sh -c '${show}'`))).stdout).toBe(direct.stdout);
  });
});

// Node.js puts /dev/null in their place before any code of coffer's runs.
describe.skipIf(IS_BUNDLE)('the standard descriptors of the command of run', () => {
  it.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-', '<&- 2>&-'])('that were closed (%s) are closed', async (closed) => {
    const command = `sh -c 'for n in 0 1 2; do test -e /proc/$$/fd/$n && echo $n; done > "$0"; exit 3'`;
    const direct = await stand.shell(`${command} direct ${closed}`);
    const started = await stand.shell(`${RUN} ${command} started ${closed}`);
    expect({ direct: direct.status, started: started.status }).toEqual({ direct: 3, started: 3 });
    const open = (name: string): string => readFileSync(join(stand.dir, name), 'utf8');
    expect(open('started')).toBe(open('direct'));
  });
});

describe('the environment of the command of run', () => {
  it('is not what the PKCS#11 module made of it', async () => {
    const faults = { COFFER_SHIM_FAULT: 'sets:GIVEN,sets:OTHER', GIVEN: 'as it was' };
    const { stdout } = await stand.shell(`${RUN} sh -c 'echo $GIVEN $A'`, faults);
    expect(stdout).toBe('as it was ada\n');
    expect((await stand.shell(`${RUN} sh -c 'echo \${OTHER-not set}'`, faults)).stdout).toBe('not set\n');
  });

  // The launcher makes the names of some variables longer.
  it.skipIf(IS_BUNDLE)('is told to be too large where coffer cannot start with it', () => {
    const { status, stderr } = stand.run(['version'], { env: { BUN_X: 'x'.repeat(131_060) } });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: cannot start [^\n]*: Argument list too long\nhint: give it less: /);
  });

  it('lacks the variable of a pin in the configuration, also where another PIN or seal goes before it', async () => {
    const own = stand.write('own.hcl', seals('env:MY_PIN'));
    const env = { COFFER_CONFIG: own, MY_PIN: '1234', OLD_PIN: '9' };
    const show = `${RUN} sh -c 'echo "$A \${MY_PIN-} \${OLD_PIN-} \${COFFER_HSM_PIN-}"'`;
    expect((await stand.shell(show, env)).stdout).toBe('ada   \n');
    expect((await stand.shell(show, { ...env, COFFER_HSM_PIN: '1234', MY_PIN: '12345' })).stdout).toBe('ada   \n');
  });

  function seals(pin: string): string {
    const keys = ['key_label = "hsm_demo"', 'hmac_key_label = "hsm_hmac_demo"', `lib = "${stand.lib}"`].join('\n');
    return [
      `storage "sqlite" { path = "${stand.path}" }`,
      `seal "pkcs11" {\ntoken_label = "demo"\npin = "${pin}"\n${keys}\n}`,
      `seal "pkcs11" {\nname = "old"\ndisabled = "true"\npin = "env:OLD_PIN"\n${keys}\n}`,
    ].join('\n');
  }
});

describe('a file in memory', () => {
  it('may belong to a variable with a long name', async () => {
    const name = 'N'.repeat(300);
    expect(await stand.shell(`coffer run -file ${name}=kv/app#user -- sh -c 'cat $${name}'`)).toMatchObject({
      status: 0,
      stdout: 'ada',
    });
  });

  it('that the system refuses is an error that names the variable, and nothing is run', async () => {
    const line = `ulimit -f 100; coffer run -file KEY=kv/big#v -- echo started 2>&1 | cat`;
    expect((await stand.shell(line)).stdout).toBe(
      'error: KEY: cannot make a file in memory: file too large\nhint: nothing was run\n',
    );
  });
});
