import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_BUNDLE } from '../support/program.ts';
import { makeStand, type Stand } from '../support/store.ts';

const LARGE = 5_000_000;
let stand: Stand;
beforeAll(() => {
  stand = makeStand();
  stand.open();
  stand.ok('secrets', 'enable', 'kv');
  stand.ok('kv', 'put', 'kv/a', 'v=w');
  stand.write('large', 'x'.repeat(LARGE));
  stand.ok('kv', 'put', 'kv/large', 'v=@large');
});
afterAll(() => stand.remove());

/** Python lets a test make the descriptors of a command as it likes. */
const python = (script: string) => stand.shell(`python3 - <<'END'\nimport fcntl, os, subprocess, time\n${script}\nEND`);

describe('stdout', () => {
  it('gets all of a large value, whenever its reader comes', async () => {
    expect(await stand.shell('coffer kv get -field=v kv/large | (sleep 0.5; wc -c)')).toMatchObject({
      stdout: `${LARGE}\n`,
      stderr: '',
    });
  });

  it('gets all of it as a pipe that does not block', async () => {
    const { stdout, stderr } = await python(`
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
child = subprocess.Popen(['coffer', 'kv', 'get', '-field=v', 'kv/large'], stdout=w)
os.close(w)
time.sleep(0.5)
length = 0
while chunk := os.read(r, 1 << 16):
    length += len(chunk)
print(length, child.wait())`);
    expect({ stdout, stderr }).toEqual({ stdout: `${LARGE} 0\n`, stderr: '' });
  });

  it('that nobody reads to its end is no error', async () => {
    const line = 'set -o pipefail; coffer kv get -field=v kv/large | head -c 1';
    expect(await stand.shell(`bash -c '${line}'`)).toEqual({ status: 0, signal: null, stdout: 'x', stderr: '' });
  });

  it('on a full disk is an error', async () => {
    expect(await stand.shell('coffer kv get kv/a > /dev/full')).toEqual({
      status: 1,
      signal: null,
      stdout: '',
      stderr: 'error: cannot write to stdout: no space left on device\n',
    });
  });

  // Node.js puts /dev/null in its place before any code of coffer's runs.
  it.skipIf(IS_BUNDLE)('that is closed is no place for recovery shares: nothing is made', async () => {
    const COFFER_STORAGE_PATH = join(stand.dir, 'closed', 'coffer.db');
    const init = 'coffer init -recovery-shares=1 -recovery-threshold=1';
    const { status, stderr } = await stand.shell(`${init} >&-`, { COFFER_STORAGE_PATH });
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: 'error: cannot write to stdout: bad file descriptor\n',
    });
    expect(stand.run(['init', '-status'], { env: { COFFER_STORAGE_PATH } }).status).toBe(2);
  });

  it('that is closed is no matter to what can be printed again', async () => {
    expect(await stand.shell('coffer kv get kv/a >&-')).toMatchObject({ status: 0, stderr: '' });
    expect(await stand.shell('coffer kv put kv/c v=w >&-')).toMatchObject({ status: 0, stderr: '' });
    expect(stand.ok('kv', 'get', '-field=v', 'kv/c')).toBe('w');
  });
});

describe('stderr', () => {
  it.each(['2>&-', '2>/dev/full'])('as %s leaves the exit status as it is', async (redirection) => {
    expect(await stand.shell(`coffer kv get kv/none ${redirection}`)).toMatchObject({ status: 2, stdout: '' });
    expect(await stand.shell(`coffer kv get -field=v kv/a ${redirection}`)).toMatchObject({ status: 0, stdout: 'w' });
    expect(await stand.shell(`coffer -nonsense ${redirection}`)).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('stdin', () => {
  const read = (): string => stand.ok('kv', 'get', '-field=v', 'kv/in');

  it('may be a file, a FIFO, a pipe', async () => {
    stand.write('input', 'from a file');
    expect(await stand.shell('coffer kv put kv/in v=- < input')).toMatchObject({ status: 0 });
    expect(read()).toBe('from a file');
    const fifo = 'mkfifo fifo; (sleep 0.3; printf "from a FIFO" > fifo) & coffer kv put kv/in v=- < fifo';
    expect(await stand.shell(fifo)).toMatchObject({ status: 0 });
    expect(read()).toBe('from a FIFO');
    expect(await stand.shell('(printf "from "; sleep 0.3; printf "a pipe") | coffer kv put kv/in v=-')).toMatchObject({
      status: 0,
    });
    expect(read()).toBe('from a pipe');
  });

  it('may be a pipe that does not block', async () => {
    const { stdout } = await python(`
r, w = os.pipe()
fcntl.fcntl(r, fcntl.F_SETFL, os.O_NONBLOCK)
child = subprocess.Popen(['coffer', 'kv', 'put', 'kv/in', 'v=-'], stdin=r, stdout=subprocess.DEVNULL)
os.close(r)
time.sleep(0.3)
os.write(w, b'slow')
time.sleep(0.1)
os.write(w, b'ly')
os.close(w)
print(child.wait())`);
    expect(stdout).toBe('0\n');
    expect(read()).toBe('slowly');
  });

  it('may be large', async () => {
    expect(await stand.shell('cat large | coffer kv put kv/in v=-')).toMatchObject({ status: 0, stderr: '' });
    expect(read()).toBe(readFileSync(join(stand.dir, 'large'), 'utf8'));
  });

  it.skipIf(IS_BUNDLE)('that is closed is an error for what reads it', async () => {
    const { status, stderr } = await stand.shell('coffer kv put kv/in v=- <&-');
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error: cannot read stdin: bad file descriptor/) as string,
    });
  });
});
