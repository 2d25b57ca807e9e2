import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { compileShim } from '../../support/shim.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ADDON = join(ROOT, 'dist/lib/guard.node');
const dir = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-guard-')));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script that has the add-on as `guard`, installed with texts that name themselves. */
function run(
  script: string,
  { before = '', env = {} }: { before?: string; env?: Readonly<Record<string, string>> } = {},
): Ended {
  const prelude = `
    const loaded = { exports: {} };
    process.dlopen(loaded, ${JSON.stringify(ADDON)});
    const guard = loaded.exports;
    guard.install(['crashed', 'ended', 'hung', 'late', 'unknown'].map((name) => name + ': <\\ue000>\\n'), 2);
    process.on('exit', () => guard.leaving());
    const fs = require('node:fs');
  `;
  const file = join(dir, 'script.cjs');
  writeFileSync(file, prelude + script);
  const line = `${before}exec "$0" "$1"`;
  const done = spawnSync('/bin/sh', ['-c', line, process.execPath, file], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status: done.status, signal: done.signal, stdout: done.stdout, stderr: done.stderr };
}

/** Replaces the process by a shell that runs this line. */
const SHELL = (line: string, keep = '[]'): string =>
  `guard.exec('/bin/sh', ['sh', '-c', ${JSON.stringify(line)}], guard.environment(), ${keep}, null);`;

describe('account()', () => {
  const SHOW = 'process.stdout.write(JSON.stringify(guard.account()));';

  it('is of the user database, and not of the environment', () => {
    const [name, , , , , home] = spawnSync('getent', ['passwd', String(process.getuid?.())], {
      encoding: 'utf8',
    }).stdout.split(':');
    const env = { USER: 'mallory', LOGNAME: 'mallory', HOME: '/nowhere' };
    expect(JSON.parse(run(SHOW, { env }).stdout)).toEqual({ name, home });
  });

  it.runIf(process.getuid?.() === 0)('is null for a user id without a name', () => {
    expect(run(`process.seteuid(54321); ${SHOW}`, { env: { USER: 'mallory' } })).toMatchObject({ stdout: 'null' });
  });
});

describe('the watchdog', () => {
  it('ends a call that takes too long, and leaves alone what is done in time', () => {
    const block = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0,';
    expect(
      run(`guard.enter('C_A', 60000); ${block} 50); guard.leave(); guard.enter('C_B', 200); ${block} 20000);`),
    ).toEqual({
      status: 3,
      signal: null,
      stdout: '',
      stderr: 'hung: <did not answer within 200 ms in C_B>\n',
    });
    expect(
      run(
        `guard.enter('C_A', 100); guard.leave(); ${block} 400); guard.enter('C_B', 0); ${block} 400); guard.leave();`,
      ),
    ).toMatchObject({ status: 0, stderr: '' });
  });

  it('has a deadline for each of several calls in the background', () => {
    const script = (end: string) => `
      const one = guard.enterBackground('C_Encrypt', 60000);
      const other = guard.enterBackground('C_Decrypt', 300);
      ${end}
      setTimeout(() => { guard.leaveBackground(one); }, 1500);
    `;
    expect(run(script(''))).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(
        /^hung: <did not answer within 300 ms in C_(Encrypt or C_)?(Decrypt)>\n$/,
      ) as unknown,
    });
    expect(run(script('guard.leaveBackground(other);'))).toMatchObject({ status: 0, stderr: '' });
  });

  it('does not count the time in which a call of this thread keeps the background from being seen', () => {
    const script = `
      const call = guard.enterBackground('C_Encrypt', 1500);
      guard.enter('C_Login', 60000);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
      guard.leave();
      guard.leaveBackground(call);
    `;
    expect(run(script)).toMatchObject({ status: 0, stderr: '' });
  });

  it('gives a call its time again after the process was stopped', () => {
    const script = `
      const { spawn } = require('node:child_process');
      spawn('/bin/sh', ['-c', 'kill -STOP ' + process.pid + '; sleep 4; kill -CONT ' + process.pid], { detached: true, stdio: 'ignore' }).unref();
      guard.enter('C_Login', 3000);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      guard.leave();
    `;
    expect(run(script)).toMatchObject({ status: 0, stderr: '' });
  });

  it('gives a call its time again that had just begun when the process was stopped, and was not seen before', () => {
    const script = `
      const { spawn } = require('node:child_process');
      const stops = 'for n in 1 2 3 4 5 6 7 8; do sleep 0.1; kill -STOP ' + process.pid + '; sleep 0.6; kill -CONT ' + process.pid + '; done';
      let over = false;
      spawn('/bin/sh', ['-c', stops], { detached: true, stdio: 'ignore' }).once('exit', () => (over = true));
      const calls = () => {
        for (let n = 0; n < 1000; n++) { guard.enter('C_Login', 500); guard.leave(); }
        if (!over) setImmediate(calls);
      };
      calls();
    `;
    expect(run(script)).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('the stages of a command', () => {
  it('make a fault an error, and a warning with the status of the command afterwards', () => {
    expect(run("guard.enter('C_A', 0); process.abort();")).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('crashed: <aborted (SIGABRT) in C_A>') as unknown,
    });
    expect(run("guard.done(2); guard.enter('C_A', 0); process.abort();")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('late: <aborted (SIGABRT) in C_A>') as unknown,
    });
    expect(run("guard.keep(); guard.undo(); guard.enter('C_A', 0); process.exit(0);")).toMatchObject({
      status: 3,
      stderr: 'ended: <called exit() in C_A>\n',
    });
  });

  it('stop only the thread that fails while the store or the result must come out whole', () => {
    const env = { COFFER_SHIM_FAULT: 'misbehave:constructor:later-segv' };
    const load = `guard.load(${JSON.stringify(compileShim())}, 60000);`;
    const wait = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);';
    const where = 'crashed (SIGSEGV) in a thread of its own, after dlopen, which loads it';
    expect(run(`${load} ${wait}`, { env })).toMatchObject({ status: 3, stderr: `crashed: <${where}>\n` });
    expect(run(`${load} guard.keep(); ${wait} fs.writeSync(1, 'whole'); guard.done(2);`, { env })).toEqual({
      status: 2,
      signal: null,
      stdout: 'whole',
      stderr: `late: <${where}>\n`,
    });
    expect(
      run(`${load} guard.keep(); ${wait} guard.enter('C_A', 0); fs.writeSync(1, 'called');`, { env }),
    ).toMatchObject({ status: 3, stdout: '', stderr: `crashed: <${where}>\n` });
  });

  it('leave what is not in a call to the runtime', () => {
    expect(run("guard.enter('C_A', 1000); guard.leave(); process.exit(7);")).toMatchObject({ status: 7, stderr: '' });
    expect(run("guard.enter('C_A', 1000); guard.leave(); process.abort();").signal).toBe('SIGABRT');
    expect(run("process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 20000);").signal).toBe('SIGTERM');
  });
});

describe('standard output', () => {
  it('goes to stderr until it is restored, but for what is written to the descriptor of results', () => {
    const script = `
      const result = guard.redirectOutput();
      fs.writeSync(1, 'noise ');
      fs.writeSync(result, 'result ');
      guard.restoreOutput();
      fs.writeSync(1, 'after');
    `;
    expect(run(script)).toEqual({ status: 0, signal: null, stdout: 'result after', stderr: 'noise ' });
  });
});

describe('quit', () => {
  it('ends at once with the status', () => {
    expect(run("process.on('exit', () => fs.writeSync(2, 'exit')); guard.quit(9);")).toEqual({
      status: 9,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });
});

describe('harden', () => {
  it('forbids a core dump and a look into the process, and both end with exec', () => {
    const look =
      "fs.writeSync(1, fs.readFileSync('/proc/self/limits', 'utf8').match(/core file size +(\\\\S+)/)[1] + ' ' + fs.statSync('/proc/self/environ').uid);";
    const { stdout } = run(
      `guard.harden(); ${look.replaceAll('\\\\', '\\')} ${SHELL(' ulimit -c; stat -c %u /proc/$$/environ')}`,
      { before: 'ulimit -c 1000; ' },
    );
    const uid = String(process.getuid?.());
    expect(stdout).toBe(`0 01000\n${uid}\n`);
  });
});

describe('environment', () => {
  it('is all that the process has, byte for byte', () => {
    const before = 'OTHER=$(printf "a\\377b"); export OTHER; ';
    const script = `fs.writeSync(1, JSON.stringify(guard.environment().filter((one) => /^(OTHER|GIVEN)=/.test(one)).sort()));`;
    expect(JSON.parse(run(script, { before, env: { GIVEN: 'é=' } }).stdout)).toEqual(['GIVEN=Ã©=', 'OTHER=aÿb']);
  });
});

describe('memoryFile', () => {
  const MAKE = `const made = guard.memoryFile('name', Buffer.from([0x61, 0, 0xff]));`;

  it('is a file with these bytes above the descriptors of scripts, read from its beginning, for exec to keep', () => {
    const { stdout } = run(
      `${MAKE} fs.writeSync(1, made + ' '); ${SHELL('stat -L -c "%a %s" /proc/$$/fd/64; od -An -c <&64; od -An -c /proc/$$/fd/64', '[made]').replace('<&64', '/dev/fd/64')}`,
    );
    expect(stdout.replace(/\s+/g, ' ')).toBe('64 400 3 a \\0 377 a \\0 377 ');
  });

  it('cannot be changed, made longer or shorter, or be unsealed, by whoever has its descriptor', () => {
    const script = `${MAKE}
      for (const change of [() => fs.writeSync(made, 'x', 0), () => fs.ftruncateSync(made, 1), () => fs.ftruncateSync(made, 9),
        () => fs.writeFileSync('/proc/self/fd/' + made, 'x')]) {
        try { change(); fs.writeSync(1, 'changed '); } catch (error) { fs.writeSync(1, error.code + ' '); }
      }
      fs.writeSync(1, String(fs.readFileSync('/proc/self/fd/' + made).equals(Buffer.from([0x61, 0, 0xff]))));`;
    expect(run(script).stdout).toMatch(/^((EPERM|EACCES) ){4}true$/);
  });

  it('is closed where exec is not told to keep it', () => {
    expect(run(`${MAKE} ${SHELL('test -e /proc/$$/fd/64 || echo closed')}`).stdout).toBe('closed\n');
  });

  it('may be empty, and wants bytes', () => {
    const script = `fs.writeSync(1, fs.fstatSync(guard.memoryFile('', new Uint8Array())).size + ' ');
      try { guard.memoryFile('name', 'text'); } catch (error) { fs.writeSync(1, error.code); }`;
    expect(run(script).stdout).toBe('0 EINVAL');
  });
});

describe('nameFile', () => {
  const OPEN = `const file = fs.openSync('.', fs.constants.O_WRONLY | fs.constants.O_DIRECTORY | 0o20000000, 0o600);
    fs.writeSync(file, 'whole');`;
  const inFolder = (script: string): { readonly folder: string; readonly stdout: string } => {
    const folder = mkdtempSync(join(dir, 'named-'));
    return { folder, stdout: run(`process.chdir(${JSON.stringify(folder)}); ${OPEN} ${script}`).stdout };
  };

  it('gives a file its name, and another one, when it is whole', () => {
    const { folder, stdout } = inFolder(`fs.writeSync(1, fs.readdirSync('.').length + ' ');
      guard.nameFile(file, 'one'); guard.nameFile(file, 'other \u00e9'); fs.writeSync(1, String(fs.fstatSync(file).nlink));`);
    expect(stdout).toBe('0 2');
    expect(readdirSync(folder).sort()).toEqual(['one', 'other \u00e9']);
    expect(readFileSync(join(folder, 'one'), 'utf8')).toBe('whole');
  });

  it('replaces nothing and follows no link, and throws as node:fs does', () => {
    const { folder, stdout } = inFolder(`fs.writeFileSync('file', 'before'); fs.symlinkSync('nowhere', 'link');
      for (const path of ['file', 'link', '.', 'nowhere/file', 'file/file', 'a\\0b', 1]) {
        try { guard.nameFile(file, path); fs.writeSync(1, 'named '); }
        catch (error) { fs.writeSync(1, error.code + ' ' + (error.message.startsWith(error.code + ': ') && error.syscall) + ' '); }
      }
      try { guard.nameFile(99999, 'x'); } catch (error) { fs.writeSync(1, error.message); }`);
    expect(stdout).toBe(
      'EEXIST link EEXIST link EEXIST link ENOENT link ENOTDIR link EINVAL link EINVAL link ENOENT: no such file or directory, link',
    );
    expect(readdirSync(folder).sort()).toEqual(['file', 'link']);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('before');
  });
});

describe('exec', () => {
  it('hands on arguments that are not UTF-8 as bytes', () => {
    const script = `guard.exec('/bin/sh', ['sh', '-c', 'printf %s "$1" | od -An -c', 'sh', Buffer.from([0x61, 0xff])], [], [], null);`;
    expect(run(script).stdout.trim()).toBe('a 377');
  });

  it('replaces the process: same id, given arguments and environment', () => {
    const { status, stdout } = run(
      `fs.writeSync(1, process.pid + ' '); guard.exec('/bin/sh', ['name', '-c', 'echo $$ $0 $1 $A; env; exit 5', 'zero', 'one'], ['A=b'], [], null);`,
    );
    const [before, after, ...rest] = stdout.split(/[ \n]/);
    expect(after).toBe(before);
    expect(
      rest
        .filter((word) => !word.startsWith('PWD=') && !word.startsWith('_='))
        .join(' ')
        .trim(),
    ).toMatch(/^zero one b( SHLVL=\d+)? A=b/);
    expect(status).toBe(5);
  });

  it('hands on an environment as bytes, whatever names are in it', () => {
    const env = `['A=1', Buffer.from([0x41, 0x3d, 0xff]), 'no name', '=', '']`;
    const script = `guard.exec('/bin/cat', ['cat', '/proc/self/environ'], ${env}, [], null);`;
    expect(run(script).stdout).toBe('A=1\0A=\ufffd\0no name\0=\0\0');
  });

  it('closes every descriptor but 0, 1, 2 and those to keep, which stay open', () => {
    const list = 'ls /proc/$$/fd; :';
    const script = `const kept = fs.openSync('/dev/null'); fs.openSync('/dev/null'); fs.writeSync(1, kept + '\\n'); ${SHELL(list, '[kept]')}`;
    const [kept, ...open] = run(script, { before: 'exec 7</dev/null; ' }).stdout.trim().split('\n');
    expect(open.map(Number).filter((descriptor) => descriptor < 10)).toEqual([
      0,
      1,
      2,
      ...(Number(kept) < 10 ? [Number(kept)] : []),
    ]);
    expect(open).toContain(kept);
    expect(open).not.toContain('7');
  });

  it('leaves pipes blocking', () => {
    const script = `process.stdout; process.stderr; process.stdin; ${SHELL('grep -h flags /proc/$$/fdinfo/0 /proc/$$/fdinfo/1 /proc/$$/fdinfo/2')}`;
    for (const [, flags] of run(script, { before: 'true | ' }).stdout.matchAll(/flags:\s*(\d+)/g))
      expect(parseInt(flags ?? '', 8) & 0o4000).toBe(0);
  });

  it('leaves signals at their defaults and unblocked, whatever the runtime did with them', () => {
    const script = `process.on('SIGTERM', () => {}); process.on('SIGINT', () => {}); ${SHELL("grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status")}`;
    const { stdout } = run(script);
    const sets = [...stdout.matchAll(/Sig(Blk|Ign):\s*(\w+)/g)].map(([, name, bits]) => [
      name,
      BigInt(`0x${bits ?? ''}`),
    ]);
    expect(sets).toEqual([
      ['Blk', 0n],
      ['Ign', 0n],
    ]);
  });

  it('gives back the limit of open files', () => {
    const before = 'ulimit -S -n 777; sh -c \'"$0" "$1"; exit $?\' "$0" "$1"; exit; ';
    expect(run(SHELL('ulimit -S -n'), { before }).stdout).toBe('777\n');
  });

  it('says why it fails, and leaves the process as it was', () => {
    const script = `
      process.on('SIGTERM', () => { fs.writeSync(1, 'caught '); clearTimeout(timer); });
      const timer = setTimeout(() => {}, 20000);
      const limits = () => fs.readFileSync('/proc/self/limits', 'utf8');
      const before = limits();
      for (const path of [${JSON.stringify(join(dir, 'none'))}, '/dev/null']) {
        try { guard.exec(path, ['x'], [], [], null); } catch (error) { fs.writeSync(1, error.code + ' '); }
      }
      try { guard.exec('/bin/true', ['with\\0NUL'], [], [], null); } catch (error) { fs.writeSync(1, error.code + ' '); }
      fs.writeSync(1, String(limits() === before) + ' ');
      process.kill(process.pid, 'SIGTERM');
    `;
    expect(run(script)).toEqual({ status: 0, signal: null, stdout: 'ENOENT EACCES EINVAL true caught ', stderr: '' });
  });
});

/** e_machine of the ELF header, at 18, is that of arm64. */
function forAnother(addon: Buffer): Buffer {
  addon.writeUInt16LE(183, 18);
  return addon;
}

function forMusl(addon: Buffer): Buffer {
  const name = addon.indexOf('libc.so.6');
  addon.write('libc.musl-x86_64.so.1', name, 'latin1');
  return addon;
}

describe('an add-on that cannot be loaded', () => {
  it.each([
    ['is missing', () => null, 'it is not there'],
    ['is something else', () => Buffer.from('not an add-on'), 'it is no add-on for Linux'],
    ['is for another processor', forAnother, 'it was built for arm64 with glibc, and this is x64 with glibc'],
    ['is for another C library', forMusl, 'it was built for x64 with musl, and this is x64 with glibc'],
  ])('%s: says why and what to do, exit 1', (how, contentFrom, reason) => {
    const copy = join(dir, how.replaceAll(' ', '-'));
    const content = contentFrom(readFileSync(ADDON));
    cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
    cpSync(join(ROOT, 'bin'), join(copy, 'bin'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    rmSync(join(copy, 'dist/lib/guard.node'));
    if (content !== null) writeFileSync(join(copy, 'dist/lib/guard.node'), content);
    const done = spawnSync(process.execPath, [join(copy, 'bin/coffer.cjs'), 'hsm', 'slots', `-lib=${ADDON}`], {
      encoding: 'utf8',
    });
    expect(done.status).toBe(1);
    expect(done.stderr).toMatch(
      new RegExp(
        `^error: coffer's own add-on ${copy}/dist/lib/guard.node cannot be loaded: ${reason}\nhint: .*npm run build\n$`,
      ),
    );
    expect(spawnSync(process.execPath, [join(copy, 'bin/coffer.cjs'), 'version']).status).toBe(0);
  });

  it('is compiled without a warning', () => {
    const include = join(ROOT, 'node_modules/node-api-headers/include');
    const done = spawnSync(
      'cc',
      ['-fsyntax-only', '-std=gnu11', '-Wall', '-Wextra', `-I${include}`, join(ROOT, 'src/native/guard.c')],
      { encoding: 'utf8' },
    );
    expect(done.stderr).toBe('');
    expect(dirname(ADDON)).toBe(join(ROOT, 'dist/lib'));
    expect(readFileSync(ADDON).subarray(1, 4).toString()).toBe('ELF');
  });
});
