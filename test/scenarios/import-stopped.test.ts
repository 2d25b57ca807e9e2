import { appendFileSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { atTerminal, plain } from '../support/pty.ts';
import { makeStand, openDatabase, ownToken, type Stand } from '../support/store.ts';

const SECRETS = 240;
/** So slow that a batch, which may take some seconds, has not all of these secrets, on any machine. */
const SLOW = 'hang:C_Encrypt:40';
const SO_FAR = /^warning: (\d+) of 240 secrets are in the store; the same import again goes on behind them$/m;

describe('an import that is stopped', () => {
  let stand: Stand;
  let mounts = 0;
  /** A new mount, on which nothing was stopped; and one on which it will be. */
  let mount = '';
  let whole = '';

  const pathOf = (at: number): string => `f${at % 7}/${at}`;
  const lines = (value: string): string => {
    const line = (at: number): string => `{"path":"${pathOf(at)}","data":{"v":"${value} ${at}"}}\n`;
    return Array.from({ length: SECRETS }, (_, at) => line(at)).join('');
  };
  const enable = (): string => {
    const path = `two${mounts++}`;
    stand.ok('secrets', 'enable', `-path=${path}`, '-seal-wrap', '-version=2', 'kv');
    return path;
  };
  /** All of a mount, but for the times. */
  const all = (path: string): string =>
    stand
      .ok('kv', 'export', '-versions', `-mount=${path}`, '-')
      .replace(/"(created|updated|deletion)_time":"[^"]*"/g, '"$1_time":""');

  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.write('first.ndjson', lines('first'));
    stand.write('other.ndjson', lines('other'));
    whole = enable();
    for (const file of ['first.ndjson', 'other.ndjson']) stand.ok('kv', 'import', `-mount=${whole}`, file);
  });
  beforeEach(() => {
    mount = enable();
    stand.ok('kv', 'import', `-mount=${mount}`, 'first.ndjson');
  });
  afterAll(() => stand.remove());

  /** What is written stays, is not written again, and is in the end what it is where nothing was stopped. */
  function expectToGoOn(least: number, most: number): void {
    const written = all(mount).split('"current_version":2').length - 1;
    expect(written).toBeGreaterThanOrEqual(least);
    expect(written).toBeLessThanOrEqual(most);
    expect(stand.ok('operator', 'verify')).toContain('Every row is the one that was written last');
    expect(stand.ok('kv', 'import', `-mount=${mount}`, 'other.ndjson')).toBe(
      `Success! Imported ${SECRETS} secrets: 0 new, ${SECRETS - written} changed, ${written} unchanged\n`,
    );
    expect(all(mount)).toBe(all(whole));
  }

  /** As a terminal shows it, where the first batch is seen to be written. */
  async function stoppedAtTerminal(line: string, fault: string, stop: () => void): Promise<string> {
    const env = { ...ownToken(stand, 'victim'), COFFER_SHIM_FAULT: fault };
    const typist = atTerminal(stand, `trap : INT TERM; sh -c 'echo $$ >pid; exec ${line}'; echo "status $?"`, env);
    await typist.shows('Importing [');
    stop();
    await typist.ends;
    return plain(typist.screen());
  }

  it.each(['SIGKILL', 'SIGTERM'] as const)('by %s goes on behind what it wrote', async (signal) => {
    const screen = await stoppedAtTerminal(`coffer kv import -mount=${mount} other.ndjson`, SLOW, () =>
      process.kill(Number(readFileSync(join(stand.dir, 'pid'), 'utf8')), signal),
    );
    expect(screen).toContain(`status ${signal === 'SIGKILL' ? 137 : 143}\n`);
    const said = SO_FAR.exec(screen.replace(/[^\n]*\r/g, ''))?.[1];
    if (signal === 'SIGTERM') expectToGoOn(Number(said), Number(said));
    else expectToGoOn(1, SECRETS - 1);
  });

  it.each([
    ['an error of the HSM', 'fail:C_Encrypt:0x30:120', 3, /^error: .*C_Encrypt/m],
    ['a module that crashes', 'misbehave:C_Encrypt:segv:120', 3, /^error: the PKCS#11 module .* C_Encrypt/m],
  ])('by %s says how far it came, and goes on there', (_name, fault, status, error) => {
    const env = { COFFER_SHIM_FAULT: `${SLOW},${fault}` };
    const outcome = stand.run(['kv', 'import', `-mount=${mount}`, 'other.ndjson'], { env });
    expect(outcome).toMatchObject({ status, stdout: '' });
    expect(outcome.stderr).toMatch(error);
    const [, said] =
      /(\d+) of 240 secrets are in the store; the same import again goes on behind them/.exec(outcome.stderr) ?? [];
    expect(said, outcome.stderr).toBeDefined();
    expectToGoOn(Number(said), Number(said));
  });

  it('by a disk that is full says so, and goes on behind what it wrote', async () => {
    // In blocks of 512 bytes: there is room for the journal of a few secrets.
    const { status, stdout, stderr } = await stand.shell(
      `trap '' XFSZ; ulimit -f 120; exec coffer kv import -mount=${mount} other.ndjson`,
      { COFFER_SHIM_LOG: '/dev/null' },
    );
    expect({ status, stdout }, stderr).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^warning: nothing was written\nerror: .*SQLITE_IOERR_WRITE\nhint: is the disk full\?/);
    expectToGoOn(0, 0);
  });

  it('by another who changes a secret says which, and leaves that', async () => {
    const last = pathOf(SECRETS - 1);
    const put = stand.shell(
      `until test -e begun; do sleep 0.05; done; coffer kv put ${mount}/${last} v=theirs`,
      ownToken(stand, 'other'),
    );
    const screen = await stoppedAtTerminal(`coffer kv import -cas=1 -mount=${mount} other.ndjson`, SLOW, () =>
      stand.write('begun', ''),
    );
    expect(await put).toMatchObject({ status: 0 });
    expect(screen).toContain(`error: check-and-set parameter did not match the current version\n`);
    expect(screen).toContain('status 2\n');
    const [, said] = SO_FAR.exec(screen.replace(/[^\n]*\r/g, '').replace(/\x1b\[K/g, '')) ?? [];
    expect(said, screen).toBeDefined();
    expect(stand.ok('kv', 'get', '-field=v', `${mount}/${last}`)).toBe('theirs');
    expect(stand.ok('kv', 'get', '-field=v', `${mount}/${pathOf(Number(said) - 1)}`)).toBe(`other ${Number(said) - 1}`);
  });
});

describe('a file that is written to between the check and the second look', () => {
  /** The file is read in parts of 256 KiB. */
  const SIZE = 400_000;
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
  });
  afterAll(() => stand.remove());

  const line = (at: number, value: string): string => `{"path":"kv/${at}","data":{"v":"${value.repeat(50_000)}"}}\n`;
  const content = (values: string): string => [...values].map((value, at) => line(at, value)).join('');

  it.each([
    ['has more', (file: string) => appendFileSync(file, line(9, 'z'))],
    ['has less', (file: string) => writeFileSync(file, content('abcdefg'))],
    ['is another', (file: string) => writeFileSync(file, content('abcdefgx'))],
    [
      'is another of the same length and time',
      (file: string) => {
        const { atime, mtime } = statSync(file);
        writeFileSync(file, content('abcdefgx'));
        utimesSync(file, atime, mtime);
      },
    ],
  ])('and %s is refused, and nothing is written', async (_name, change) => {
    const file = stand.write('in.ndjson', content('abcdefgh'));
    expect(statSync(file).size).toBeGreaterThan(SIZE);
    const held = openDatabase(stand.path);
    held.exec('BEGIN IMMEDIATE'); // the check reads, and then it waits to write
    const typist = atTerminal(stand, 'coffer kv import in.ndjson; echo "status $?"');
    try {
      await typist.shows(/ 100% .*\r\x1b\[K/);
      change(file);
    } finally {
      held.exec('ROLLBACK');
      held.close();
    }
    await typist.ends;
    const screen = plain(typist.screen());
    expect(screen).toContain('warning: nothing was written\nerror: in.ndjson has changed while it was imported\n');
    expect(screen).toContain('hint: import it again when nobody writes to it\nstatus 1\n');
    expect(stand.run(['kv', 'list', 'kv'])).toMatchObject({ status: 2, stdout: '' });
    expect(stand.run(['kv', 'get', 'kv/0'])).toMatchObject({ status: 2 });
  });
});
