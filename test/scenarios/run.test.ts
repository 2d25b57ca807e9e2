import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atTerminal, KEYS } from '../support/pty.ts';
import { IS_BUNDLE } from '../support/program.ts';
import { makeStand, type Stand } from '../support/store.ts';

/** Every code point of the basic plane that is a character by itself, and some beyond it. */
const CHARACTERS = Array.from({ length: 0x10000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .concat([0x1f600, 0x10ffff]);
const textOf = (codes: readonly number[]): string => codes.map((code) => String.fromCodePoint(code)).join('');
/** In two, since one variable of an environment has at most 128 KiB. */
const LOW = textOf(CHARACTERS.filter((code) => code < 0x8000));
const HIGH = textOf(CHARACTERS.filter((code) => code >= 0x8000));

const CANARY = 'canary-5c1a9e';

describe('the command that run starts', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.write(
      'all.json',
      JSON.stringify({ low: LOW, some: LOW.slice(1), high: HIGH, canary: CANARY, [HIGH]: 'named' }),
    );
    stand.ok('kv', 'put', 'kv/all', '@all.json');
    stand.write('all.json', '{}');
    stand.ok('kv', 'put', 'kv/app', 'user=ada', 'with-nul=-');
  });
  afterAll(() => stand.remove());

  it('gets every character that JSON allows unchanged, in a variable all but NUL', () => {
    const line = 'printf %s "$SOME" > some; printf %s "$HIGH" > high; cat "$LOW" > low; cat "$FILE" > file';
    const flags = [
      '-env',
      'SOME=kv/all#some',
      '-env',
      'HIGH=kv/all#high',
      '-file',
      'LOW=kv/all#low',
      '-file',
      'FILE=kv/all#high',
    ];
    stand.ok('run', ...flags, '--', 'sh', '-c', line);
    const written = (name: string): string => readFileSync(join(stand.dir, name), 'utf8');
    expect(written('some') === LOW.slice(1)).toBe(true);
    expect(written('high') === HIGH).toBe(true);
    expect(written('low') === LOW).toBe(true);
    expect(written('file') === HIGH).toBe(true);
    for (const name of ['some', 'high', 'low', 'file']) stand.write(name, '');
  });

  it('has a field by any name that JSON allows', () => {
    const field = HIGH.replaceAll('%', '%25').replaceAll('#', '%23');
    stand.write('odd.env', `A="coffer://kv/all#${field}"\n`);
    expect(stand.ok('run', '-env-file=odd.env', '--', 'sh', '-c', 'echo $A')).toBe('named\n');
  });

  it('is the process that coffer was, and ends as it does by itself', async () => {
    const running = stand.start(['run', '-env', 'A=kv/app#user', '--', 'sh', '-c', 'echo $$ $A; kill -KILL $$']);
    expect(await running.outcome).toEqual({
      status: null,
      signal: 'SIGKILL',
      stdout: `${running.pid} ada\n`,
      stderr: '',
    });
    expect(stand.run(['run', '-env', 'A=kv/app#user', '--', 'sh', '-c', 'exit 200']).status).toBe(200);
  });

  // Node.js takes back what its caller ignores before any JavaScript runs.
  it.skipIf(IS_BUNDLE)('ignores the signals that the caller of coffer has it ignore, as nohup does', async () => {
    const show = 'grep SigIgn /proc/self/status';
    const caller = `trap '' HUP INT TERM QUIT USR1; ${show}; coffer run -env A=kv/app#user -- ${show}`;
    const { stdout } = await stand.shell(caller);
    const [ofCaller, ofCommand] = stdout.trim().split('\n');
    expect(ofCommand).toMatch(/^SigIgn:\s+0*4207$/);
    expect(ofCommand).toBe(ofCaller);
  });

  // What the runtime changes at its start is noted by the launcher of the program alone.
  it.skipIf(IS_BUNDLE)(
    'has the limits, the signals and the flags of descriptors that coffer was started with',
    async () => {
      const show =
        "ulimit -Sn; ulimit -Hn; grep -E 'Sig(Blk|Ign)' /proc/self/status; grep flags /proc/self/fdinfo/[012]";
      const before = 'import os, sys; os.set_blocking(2, False); os.execvp(sys.argv[1], sys.argv[1:])';
      for (const files of ['300:300', '500:4000', '4000:4000']) {
        const callers = [
          `prlimit --nofile=${files} env --ignore-signal=PIPE,XFSZ,HUP --block-signal=USR1,TERM`,
          `prlimit --nofile=${files}`,
          `python3 -c '${before}'`,
        ];
        for (const caller of callers) {
          const direct = await stand.shell(`${caller} sh -c "${show}" 2>&1 | cat`);
          const started = await stand.shell(`${caller} coffer run -env A=kv/app#user -- sh -c "${show}" 2>&1 | cat`);
          expect(started).toEqual(direct);
          expect(direct.stdout).toContain('SigBlk');
        }
      }
    },
  );

  it('has no descriptor but the standard ones and those of -file, and reads what coffer was given to read', () => {
    const line = 'cat; echo; echo $K $L; ls /proc/$$/fd';
    const { stdout } = stand.run(['run', '-file', 'K=kv/app#user', '-file', 'L=kv/app#user', '--', 'sh', '-c', line], {
      input: 'from stdin',
    });
    const [input, files = '', ...open] = stdout.trim().split('\n');
    const descriptors = [...files.matchAll(/\/fd\/(\d+)/g)].map(([, descriptor]) => descriptor);
    expect(input).toBe('from stdin');
    expect(new Set(descriptors).size).toBe(2);
    expect(open).toEqual(['0', '1', '2', ...descriptors]);
  });

  it('can have a child which closes all descriptors read a file by its name', () => {
    const child = 'import os, sys; os.closerange(3, 1000); print(open(os.environ["K"]).read())';
    const args = ['run', '-file', 'K=kv/app#user', '--', 'sh', '-c', 'python3 -c "$0"; true', child];
    expect(stand.run(args)).toMatchObject({ status: 0, stdout: 'ada\n', stderr: '' });
  });

  it('costs one login for 500 references, and none where it cannot be started', () => {
    const lines = Array.from(
      { length: 500 },
      (_, at) => `V${at}=coffer://kv/${at % 2 === 0 ? 'app#user' : 'all#canary'}`,
    );
    stand.write('many.env', lines.join('\n'));
    const logins = (): number => stand.shim?.calls().filter((name) => name === 'C_Login').length ?? -1;
    stand.shim?.clear();
    expect(stand.ok('run', '-env-file=many.env', '--', 'sh', '-c', 'echo $V0 $V499')).toBe(`ada ${CANARY}\n`);
    expect(logins()).toBe(1);
    expect(stand.run(['run', '-env-file=many.env', '--', 'none']).status).toBe(127);
    expect(logins()).toBe(1);
  });

  it('is not started where a value does not fit into an environment, which a file is for', () => {
    stand.ok('kv', 'put', 'kv/big', `v=${'x'.repeat(100_000)}`);
    stand.write('big.json', JSON.stringify({ v: 'x'.repeat(200_000) }));
    stand.ok('kv', 'put', 'kv/big', '@big.json');
    const { status, stdout, stderr } = stand.run(['run', '-env', 'V=kv/big#v', '--', 'env']);
    expect({ status, stdout }).toEqual({ status: 126, stdout: '' });
    expect(stderr).toContain('its arguments or its environment are too large');
    expect(stderr.length).toBeLessThan(500);
    expect(stand.ok('run', '-file', 'V=kv/big#v', '--', 'sh', '-c', 'wc -c < $V')).toBe('200000\n');
  });

  it('is told of no value by an argument, by a file on the disk, or by an error of coffer', () => {
    const refused = [
      ['-env', 'A=kv/all#canary', '-env', 'B=kv/app#none'],
      ['-env', 'A=kv/all#canary', '-env', 'B=kv/all#low'],
      ['-env', 'A=kv/all#canary', '-env', 'B=kv/none#x'],
      ['-file', 'A=kv/all#canary', '-env', 'B=kv/none#x'],
      ['-prefix=kv/all'],
      ['-env', 'A=kv/all#canary', '-env-file=canary.env'],
    ];
    stand.write('canary.env', 'A=1\ncanary is no variable\n');
    for (const flags of refused) {
      const { status, stdout, stderr } = stand.run(['run', ...flags, '--', 'env'], { env: { COFFER_DEBUG: '1' } });
      expect(status).not.toBe(0);
      expect(stdout).toBe('');
      expect(stderr).not.toContain(CANARY);
    }
    const line =
      'cat /proc/$$/cmdline | tr "\\0" " "; grep -rl "$A" .; cat "$F" >/dev/null; grep -rl "$A" . ; echo done';
    const { stdout } = stand.run([
      'run',
      '-env',
      'A=kv/all#canary',
      '-file',
      'F=kv/all#canary',
      '--',
      'sh',
      '-c',
      line,
    ]);
    expect(stdout).toBe(`sh -c ${line} done\n`);
    expect(stdout).not.toContain(CANARY);
    expect(readdirSync(stand.dir)).not.toContain('started');
  });

  it('is not started where the module crashes as it is ended', () => {
    const { status, stdout, stderr } = stand.run(['run', '-env', 'A=kv/app#user', '--', 'echo', 'started'], {
      env: { COFFER_SHIM_FAULT: 'misbehave:C_Finalize:segv' },
    });
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain('C_Finalize');
  });
});

describe('inject', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.write('all.json', JSON.stringify({ low: LOW, high: HIGH, canary: CANARY }));
    stand.ok('kv', 'put', 'kv/all', '@all.json');
    stand.write('all.json', '{}');
  });
  afterAll(() => stand.remove());

  it('puts every character that JSON allows into a template unchanged', () => {
    stand.write('template', `<${LOW}coffer://kv/all#low>{{ coffer://kv/all#high }}`);
    const rendered = `<${LOW}${LOW}>${HIGH}`;
    expect(stand.ok('inject', 'template') === rendered).toBe(true);
    stand.ok('inject', '-out=rendered', 'template');
    expect(readFileSync(join(stand.dir, 'rendered'), 'utf8') === rendered).toBe(true);
    stand.write('rendered', '');
  });

  it('costs one login for 500 references', () => {
    stand.write('template', 'coffer://kv/all#canary\n'.repeat(500));
    stand.shim?.clear();
    expect(stand.ok('inject', 'template')).toBe(`${CANARY}\n`.repeat(500));
    expect(stand.shim?.calls().filter((name) => name === 'C_Login')).toHaveLength(1);
  });

  it('cannot write a file beside a directory that was removed, and says so', async () => {
    stand.write('template', 'coffer://kv/all#canary\n');
    const line = 'mkdir gone; cd gone; rmdir ../gone; coffer inject -out=rendered "$OLDPWD/template"';
    const { status, stderr } = await stand.shell(line);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: cannot write [^\n]*rendered: [^\n]*\nhint: /m);
  });

  it('leaves no value behind in a file or in an error where it fails', () => {
    stand.write('template', 'coffer://kv/all#canary\ncoffer://kv/all#none\n');
    for (const args of [['-out=rendered', 'template'], ['-out=none/rendered/', 'template'], ['template']]) {
      const { status, stdout, stderr } = stand.run(['inject', ...args], { env: { COFFER_DEBUG: '1' } });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).not.toContain(CANARY);
    }
    expect(readFileSync(join(stand.dir, 'rendered'), 'utf8')).toBe('');
    stand.write('template', 'coffer://kv/all#canary');
    expect(stand.run(['inject', '-out=/proc/rendered', 'template'])).toMatchObject({ status: 1, stdout: '' });
    const left = readdirSync(stand.dir, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile())
      .filter((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(CANARY));
    expect(left.map(({ name }) => name)).toEqual([]);
  });
});

describe('at a terminal, what run starts', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/app', 'user=ada');
  });
  afterAll(() => stand.remove());

  it('gets the interrupt of the keyboard itself', async () => {
    const typist = atTerminal(
      stand,
      `exec coffer run -env A=kv/app#user -- sh -c 'trap "echo caught by \\$A; exit 9" INT; echo ready; while :; do sleep 1; done'`,
    );
    await typist.shows('ready');
    typist.type(KEYS.ctrlC);
    await typist.shows('caught by ada');
    expect(await typist.ends).toBe(9);
  });

  it('is stopped by the keyboard and goes on in the foreground, as a job of the shell', async () => {
    const job = `coffer run -env A=kv/app#user -- sh -c 'echo ready; read line; echo $A read $line; exit 4'`;
    stand.write('jobs.sh', `set -m\n${job}\necho "stopped with $?"\njobs\nfg >/dev/null\necho "ended with $?"\n`);
    const typist = atTerminal(stand, 'bash jobs.sh');
    await typist.shows('ready');
    typist.type('\x1a');
    await typist.shows('stopped with 148');
    typist.type(`typed${KEYS.enter}`);
    await typist.shows('ada read typed');
    await typist.shows('ended with 4');
    expect(await typist.ends).toBe(0);
  });

  it('has the terminal as coffer found it, on all three descriptors', async () => {
    const show = 'stty -a | md5sum; tty; tty <&1; tty <&2';
    stand.write(
      'state.sh',
      `(${show}) > before; coffer run -env A=kv/app#user -- sh -c '(${show}) > after'; cmp before after && echo same\n`,
    );
    const typist = atTerminal(stand, 'sh state.sh');
    await typist.shows('same');
    expect(await typist.ends).toBe(0);
  });
});
