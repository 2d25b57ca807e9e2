import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { atTerminal, KEYS, plain } from '../support/pty.ts';
import { one } from '../support/server-import.ts';
import { makeStand, type Stand } from '../support/store.ts';
import { startVaultServer } from '../support/vault-server.ts';

const SECRETS = 200;
/** So slow that a batch, which may take some seconds, has not all of these secrets, on any machine. */
const SLOW = { COFFER_SHIM_FAULT: 'hang:C_Decrypt:40,hang:C_Encrypt:40' };

/** What is left on a terminal of which lines are taken away with CR and ESC [ K. */
function left(screen: string): string {
  return plain(screen.replace(/[^\n]*\r\x1b\[K/g, ''));
}

function lines(value: string): string {
  const line = (at: number): string => `{"path":"wrapped/f${at % 7}/${at}","data":{"v":"${value} ${at}"}}\n`;
  return Array.from({ length: SECRETS }, (_, at) => line(at)).join('');
}

const EXPORTED_ASK = /secrets to (.*) for everybody to read who gets at it\?/;

describe('at a terminal', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.open();
    stand.ok('secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv');
    stand.write('first.ndjson', lines('first'));
    stand.write('other.ndjson', lines('other'));
  });
  afterAll(() => stand.remove());

  const bringFirst = (): void => void stand.ok('kv', 'import', 'first.ndjson');

  const valueAt = (at: number): string => stand.ok('kv', 'get', '-field=v', `wrapped/f${at % 7}/${at}`);

  describe('kv import shows how far it is', () => {
    beforeAll(bringFirst);

    it('with the rate and the time that is left, checking and importing, and takes it away', async () => {
      const typist = atTerminal(stand, 'coffer kv import other.ndjson; echo "status $?"');
      expect(await typist.ends).toBe(0);
      const size = Buffer.byteLength(lines('other'));
      expect(typist.screen()).toMatch(/Checking \[-{30}\] 0% \d+ of \d+ bytes, \d+\/s, \d+ s left/);
      expect(typist.screen()).toContain(`Checking [${'#'.repeat(30)}] 100% ${size} of ${size} bytes, `);
      expect(typist.screen()).toContain(`Importing [${'#'.repeat(30)}] 100% ${SECRETS} of ${SECRETS} secrets, `);
      expect(left(typist.screen())).toBe(
        `Success! Imported ${SECRETS} secrets: 0 new, ${SECRETS} changed, 0 unchanged\nstatus 0\n`,
      );
    });

    it('of a pipe, too', async () => {
      const typist = atTerminal(stand, 'cat other.ndjson | coffer kv import -; echo "status $?"');
      await typist.ends;
      expect(typist.screen()).toMatch(/Checking \[#{30}\] 100% (\d+) of \1 bytes, \d+\/s, 0 s left/);
      expect(left(typist.screen())).toMatch(/^Success! .*\nstatus 0\n$/);
    });

    it.each([
      ['json', 'coffer kv import -format=json other.ndjson', /^\{\n {2}"new": 0,\n[^%]*\}\n$/],
      ['yaml', 'coffer kv import -format=yaml other.ndjson', /^changed: 0\nnew: 0\nunchanged: 200\n$/],
      ['a file behind stderr', 'coffer kv import other.ndjson 2>err; cat err', /^Success! .*\n$/],
      ['TERM=dumb', 'TERM=dumb coffer kv import other.ndjson', /^Success! .*\n$/],
    ])('nothing of it with %s', async (_name, line, screen) => {
      const typist = atTerminal(stand, line);
      expect(await typist.ends).toBe(0);
      expect(typist.screen().replaceAll('\r\n', '\n')).toMatch(screen);
    });

    it('in a line that is no wider than the terminal', async () => {
      const typist = atTerminal(stand, 'stty cols 40; coffer kv import other.ndjson');
      await typist.ends;
      const shown = typist.screen().split(/\r\n|\r\x1b\[K/);
      expect(shown.filter((line) => /^(Checking|Importing) /.test(line) && line.length > 39)).toEqual([]);
      expect(shown.some((line) => /^Checking .{30}$/.test(line))).toBe(true);
    });
  });

  describe.each([80, 0])('on a terminal of %i columns, where 0 is one that does not tell', (columns) => {
    beforeAll(bringFirst);

    it('kv import shows the rate and the time that is left whole, and so much of the bar as there is room for', async () => {
      const typist = atTerminal(stand, `stty cols ${columns}; coffer kv import other.ndjson`);
      await typist.ends;
      const shown = typist.screen().split(/\r\n|\r\x1b\[K/);
      const checks = shown.filter((line) => /^(Checking|Importing) /.test(line));
      expect(
        checks.filter((line) => !/^[CI]\w+ \[[#-]+\] \d+% \d+ of \d+ \w+, \d+\/s, \d+ s left$/.test(line)),
      ).toEqual([]);
      expect(checks.some((line) => /^Checking \[#+\] 100% .* 0 s left$/.test(line))).toBe(true);
      expect(Math.max(...checks.map((line) => line.length))).toBeLessThan(80);
    });

    it('kv import shows from where it reads', async () => {
      const server = await startVaultServer({ mounts: { new: { version: 2, secrets: { a: one(), b: one() } } } });
      try {
        const command = 'coffer kv import -from=vault -dry-run new wrapped/new';
        const typist = atTerminal(stand, `stty cols ${columns}; ${command}`, server.env);
        await typist.ends;
        expect(typist.screen().split(/\r\n|\r\x1b\[K/)).toContain(`Reading from ${server.url}: 1 secret`);
      } finally {
        await server.close();
      }
    });
  });

  describe('a signal ends kv import', () => {
    beforeEach(bringFirst);

    it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
      '%s while it checks, at once, with nothing of the line left',
      async (signal) => {
        const typist = atTerminal(stand, shell('coffer kv import other.ndjson'), SLOW);
        await typist.shows(/Checking .* [1-9]% /);
        process.kill(Number(readFileSync(join(stand.dir, 'pid'), 'utf8')), signal);
        await typist.ends;
        expect(typist.screen()).not.toContain('100%');
        expect(left(typist.screen())).toMatch(new RegExp(`^(Terminated|Hangup)?\n?status ${STATUS[signal]}\n`));
        expect(valueAt(0)).toBe('first 0');
      },
    );

    it('Ctrl-C while it reads from a server, with nothing of the line left', async () => {
      const server = await startVaultServer({ mounts: { new: { version: 2, secrets: { a: one(), b: one() } } } });
      try {
        server.misdeed = ({ url = '' }) => url.includes('/data/b'); // there is never an answer
        const typist = atTerminal(stand, shell('coffer kv import -from=vault new wrapped/new'), server.env);
        await typist.shows(`Reading from ${server.url}: 1 secret`);
        typist.type(KEYS.ctrlC);
        await typist.ends;
        expect(left(typist.screen())).toBe(`status ${STATUS.SIGINT}\n`);
      } finally {
        await server.close();
      }
    });

    it('Ctrl-C while it writes: it says how far it came, and the same import again goes on there', async () => {
      const typist = atTerminal(stand, shell('coffer kv import other.ndjson'), SLOW);
      await typist.shows('Importing [');
      typist.type(KEYS.ctrlC);
      await typist.ends;
      const [, said, done = ''] = SO_FAR.exec(left(typist.screen())) ?? [];
      expect(said, left(typist.screen())).toBeDefined();
      expect(Number(done)).toBeGreaterThan(0);
      expect(Number(done)).toBeLessThan(SECRETS);
      expect(valueAt(Number(done) - 1)).toBe(`other ${Number(done) - 1}`);
      expect(valueAt(Number(done))).toBe(`first ${done}`);
      expect(stand.ok('kv', 'import', 'other.ndjson')).toContain(
        `0 new, ${SECRETS - Number(done)} changed, ${done} unchanged`,
      );
      expect(stand.run(['operator', 'verify']).status).toBe(0);
    });
  });

  it('a signal ends operator verify, too', async () => {
    bringFirst();
    const typist = atTerminal(stand, shell('coffer operator verify'), SLOW);
    await typist.shows('Verifying [');
    typist.type(KEYS.ctrlC);
    await typist.ends;
    expect(typist.screen()).not.toContain('100%');
    expect(left(typist.screen())).toMatch(/^status 130\n$/);
  });

  describe('what goes wrong stands in a line of its own', () => {
    beforeEach(bringFirst);

    const SLOW_WRITES = 'hang:C_Encrypt:40';

    it.each([
      [
        'a fault of the input',
        'sed "150s/{.v.:/{/" other.ndjson | coffer kv import -',
        '',
        /^error: stdin is not JSON/,
      ],
      [
        'an error of the HSM',
        'coffer kv import other.ndjson',
        `${SLOW_WRITES},fail:C_Encrypt:0x30:110`,
        /^warning: \d+ of 200 secrets are in the store; the same import again goes on behind them\nerror: .*C_Encrypt/,
      ],
      [
        'a module that crashes',
        'coffer kv import other.ndjson',
        `${SLOW_WRITES},misbehave:C_Encrypt:segv:110`,
        /^error: the PKCS#11 module .*\nhint: \d+ of 200 secrets are in the store; the same import again goes on behind them; /,
      ],
    ])('%s', async (_name, line, fault, first) => {
      const typist = atTerminal(stand, `${line}; stty -a`, { COFFER_SHIM_FAULT: fault });
      await typist.ends;
      expect(typist.screen()).toContain(fault === '' ? 'Checking [' : 'Importing [');
      expect(left(typist.screen())).toMatch(first);
      expect(left(typist.screen())).not.toMatch(/\d%/);
      expect(left(typist.screen())).toMatch(/\bisig icanon\b/);
    });
  });

  describe('kv export asks', () => {
    const OUT = 'out/all.ndjson';
    const CASES = [
      ['a new file', OUT, null, `Write secrets to ${OUT} for everybody`],
      ['a file that is there', OUT, 'of before', `Replace ${OUT}, and write secrets to ${OUT} for everybody`],
      ['stdout', '-', null, 'Write secrets to stdout for everybody'],
    ] as const;
    const ANSWERS = [
      ['no', `n${KEYS.enter}`, 'nothing was written'],
      ['Enter alone', KEYS.enter, 'nothing was written'],
      ['Ctrl-C', KEYS.ctrlC, 'the question was not answered; nothing was done'],
      ['Ctrl-D', KEYS.ctrlD, 'the question was not answered; nothing was done'],
    ] as const;
    const content = (): string | null =>
      existsSync(join(stand.dir, OUT)) ? readFileSync(join(stand.dir, OUT), 'utf8') : null;
    const prepare = async (before: string | null): Promise<void> => {
      await stand.shell('rm -rf out; mkdir -m 700 out');
      if (before !== null) stand.write(OUT, before);
      stand.shim?.clear();
    };

    for (const [what, file, before, question] of CASES) {
      it.each(ANSWERS)(`${what}: %s writes nothing, exit 2`, async (_name, keys, said) => {
        await prepare(before);
        const typist = atTerminal(stand, `coffer kv export ${file}; echo "status $?"; stty -a`);
        await typist.shows(question);
        typist.type(keys);
        await typist.ends;
        expect(plain(typist.screen())).toContain(`error: ${said}\n`);
        expect(plain(typist.screen())).toContain('status 2\n');
        expect(plain(typist.screen())).toMatch(/\bisig icanon\b/);
        expect(plain(typist.screen())).not.toContain('"path"');
        expect(content()).toBe(before);
        expect(readdirSync(join(stand.dir, 'out'))).toEqual(before === null ? [] : ['all.ndjson']);
        // The answer is known before the HSM is asked anything.
        expect(stand.shim?.calls()).toEqual([]);
      });

      it(`${what}: yes writes it`, async () => {
        await prepare(before);
        const typist = atTerminal(stand, `coffer kv export ${file}; echo "status $?"`);
        await typist.shows(question);
        expect(content()).toBe(before);
        typist.type(`y${KEYS.enter}`);
        await typist.ends;
        expect(plain(typist.screen())).toContain('status 0\n');
        const written = file === '-' ? plain(typist.screen()) : (content() ?? '');
        expect(written.match(/^\{"data":.*,"path":"wrapped\/f\d\/\d+"\}$/gm)).toHaveLength(SECRETS);
      });
    }

    it.each([
      ['coffer kv export -force out/all.ndjson', 0],
      ['coffer kv export -f out/all.ndjson', 0],
      ['coffer kv export -non-interactive out/all.ndjson', 1],
      ['coffer kv export out/all.ndjson </dev/null', 1],
      ['coffer kv export -non-interactive out/new.ndjson', 0],
      ['coffer kv export out/new.ndjson </dev/null', 0],
      ['coffer kv export - </dev/null >out/new.ndjson', 0],
    ])('not with %s: exit %i', async (line, status) => {
      await prepare('of before');
      const typist = atTerminal(stand, line);
      expect(await typist.ends, typist.screen()).toBe(status);
      expect(typist.screen()).not.toMatch(EXPORTED_ASK);
      if (status === 1) expect(plain(typist.screen())).toContain('error: there is a file out/all.ndjson already\n');
      const replaced = status === 0 && line.includes('all.ndjson');
      expect(content() === 'of before').toBe(!replaced);
    });

    it('and the question is on stderr, so that stdout has the secrets alone', async () => {
      await prepare(null);
      const typist = atTerminal(stand, 'coffer kv export - >out/all.ndjson');
      await typist.shows(EXPORTED_ASK);
      typist.type(`y${KEYS.enter}`);
      expect(await typist.ends).toBe(0);
      expect(content()).toMatch(/^(\{.*\}\n){200}$/);
    });

    it('and Ctrl-C while it writes leaves nothing', async () => {
      await prepare(null);
      const typist = atTerminal(stand, shell('coffer kv export -f out/all.ndjson'), SLOW);
      const decrypted = (): number => stand.shim?.calls().filter((call) => call === 'C_Decrypt').length ?? 0;
      while (decrypted() < 20) await new Promise((resolve) => setTimeout(resolve, 20));
      typist.type(KEYS.ctrlC);
      await typist.ends;
      expect(plain(typist.screen())).toContain(`status ${STATUS.SIGINT}\n`);
      expect(decrypted()).toBeLessThan(SECRETS);
      expect(readdirSync(join(stand.dir, 'out'))).toEqual([]);
    });
  });
});

const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const SO_FAR =
  /^(warning: (\d+) of 200 secrets are in the store; the same import again goes on behind them)\nstatus 130\n/;

/** In a shell that outlives it and says how it ended; its process is in the file pid. */
function shell(line: string): string {
  return `trap : INT TERM HUP; sh -c 'echo $$ >pid; exec ${line}'; echo "status $?"`;
}
