import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atTerminal, KEYS, plain } from '../support/pty.ts';
import { configuration, makeStand, type Stand } from '../support/store.ts';

describe('at a terminal', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ pin: 'pin-4711', shim: true });
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'v=value-in-kv');
    stand.write('asking.hcl', configuration(stand).replace(/ *pin *=.*\n/, ''));
  });
  afterAll(() => stand.remove());

  const asking = 'coffer -config=asking.hcl';
  const logins = (): number => stand.shim?.calls().filter((call) => call === 'C_Login').length ?? -1;

  it('the PIN is asked for by the name of the token, and is not shown', async () => {
    const typist = atTerminal(stand, `${asking} kv get kv/a`);
    await typist.shows('PIN of the token "demo"');
    typist.type('pin-4711');
    await typist.shows('********');
    typist.type(KEYS.enter);
    expect(await typist.ends).toBe(0);
    expect(plain(typist.screen())).toContain('value-in-kv');
    expect(typist.screen()).not.toContain('4711');
  });

  it('the question goes to stderr, so that stdout holds the result alone', async () => {
    const typist = atTerminal(stand, `${asking} kv get -field=v kv/a > out`);
    await typist.shows('PIN of the token');
    typist.type(`pin-4711${KEYS.enter}`);
    expect(await typist.ends).toBe(0);
    expect(readFileSync(join(stand.dir, 'out'), 'utf8')).toBe('value-in-kv');
  });

  it('the PIN is asked for again where Ctrl-Z stopped the question and the shell has it go on, each time', async () => {
    const job = `${asking} run -env A=kv/a#v -- sh -c 'echo $A for the command'`;
    stand.write('stopped.sh', `set -m\n${job}\necho stopped 1; fg >/dev/null\necho stopped 2; fg >/dev/null\n`);
    const typist = atTerminal(stand, 'bash stopped.sh');
    await typist.shows('PIN of the token');
    typist.type('pin\x1a');
    await typist.shows(/stopped 1[^]*PIN of the token/);
    typist.type('\x1a');
    await typist.shows(/stopped 2[^]*PIN of the token/);
    typist.type(`pin-4711${KEYS.enter}`);
    await typist.shows('value-in-kv for the command');
    expect(await typist.ends).toBe(0);
  });

  it('a wrong PIN is sent once and not asked for again', async () => {
    stand.shim?.clear();
    const typist = atTerminal(stand, `${asking} kv get kv/a`, stand.anotherUser);
    await typist.shows('PIN of the token');
    typist.type(`pin-9999${KEYS.enter}`);
    expect(await typist.ends).toBe(3);
    expect(plain(typist.screen())).toContain('CKR_PIN_INCORRECT');
    expect(typist.screen()).not.toContain('pin-9999');
    expect(logins()).toBe(1);
  });

  it('what cannot be a PIN is not taken, and can be mended', async () => {
    stand.shim?.clear();
    const typist = atTerminal(stand, `${asking} kv get kv/a`);
    await typist.shows('PIN of the token');
    typist.type(`pin-4711\uFEFF${KEYS.enter}`);
    await typist.shows('holds a byte order mark, which no PIN has');
    expect(logins()).toBe(0);
    typist.type(`${KEYS.backspace}${KEYS.enter}`);
    expect(await typist.ends).toBe(0);
    expect(logins()).toBe(1);
  });

  it('an empty PIN is not sent', async () => {
    stand.shim?.clear();
    const typist = atTerminal(stand, `${asking} kv get kv/a`);
    await typist.shows('PIN of the token');
    typist.type(KEYS.enter);
    expect(await typist.ends).toBe(3);
    expect(plain(typist.screen())).toContain('no PIN was given');
    expect(plain(typist.screen())).not.toContain('on a terminal');
    expect(logins()).toBe(0);
  });

  for (const [name, keys] of [
    ['Ctrl-C', KEYS.ctrlC],
    ['Ctrl-C after some characters', `pin${KEYS.ctrlC}`],
    ['the end of input (Ctrl-D)', KEYS.ctrlD],
  ] as const) {
    it(`${name} ends the question: exit 2, nothing sent, the terminal as it was`, async () => {
      stand.shim?.clear();
      const typist = atTerminal(stand, `${asking} kv get kv/a; echo "status $?"; stty -a`);
      await typist.shows('PIN of the token');
      typist.type(keys);
      await typist.ends;
      const screen = plain(typist.screen());
      expect(screen).toContain('error: the question was not answered; nothing was done');
      expect(screen).toContain('status 2\n');
      expect(screen).toMatch(/\bisig icanon\b/);
      expect(screen).toMatch(/\secho echoe\b/);
      expect(typist.screen().lastIndexOf('\x1b[?25h')).toBeGreaterThanOrEqual(typist.screen().lastIndexOf('\x1b[?25l'));
      expect(screen).not.toContain('    at ');
      expect(logins()).toBe(0);
      expect(stand.shim?.calls().at(-1)).toBe('C_Finalize');
    });
  }

  it('no key makes the PIN readable', async () => {
    const typist = atTerminal(stand, `${asking} kv get kv/a`);
    await typist.shows('PIN of the token');
    typist.type('pin-4711');
    await typist.shows('********');
    for (const key of ['\x14', '\t', '\x1b[A', '\x1b[D']) typist.type(key);
    await new Promise((resolve) => setTimeout(resolve, 200));
    typist.type(KEYS.ctrlC);
    await typist.ends;
    expect(plain(typist.screen())).not.toContain('4711');
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s during the question gives the terminal back',
    async (signal) => {
      stand.shim?.clear();
      const typist = atTerminal(
        stand,
        `trap : ${signal.slice(3)}; sh -c 'echo $$ > pid; exec ${asking} kv get kv/a'; stty -a`,
      );
      await typist.shows('PIN of the token');
      process.kill(Number(readFileSync(join(stand.dir, 'pid'), 'utf8')), signal);
      await typist.ends;
      expect(plain(typist.screen())).toMatch(/\bisig icanon\b/);
      expect(stand.shim?.calls().at(-1)).toBe('C_Finalize');
    },
  );

  it('nobody is asked with -non-interactive', async () => {
    const typist = atTerminal(stand, `${asking} kv get -non-interactive kv/a`);
    expect(await typist.ends).toBe(3);
    expect(plain(typist.screen())).toContain('no PIN was given');
    expect(typist.screen()).not.toContain('PIN of the token');
  });

  it('nobody is asked when there is a PIN, or no need of one', async () => {
    for (const [line, status] of [
      ['coffer kv get kv/a', 0],
      [`${asking} status`, 0],
      [`${asking} kv put kv/a`, 1],
      [`COFFER_STORAGE_PATH=$PWD/none/none.db ${asking} kv get kv/a`, 2],
    ] as const) {
      const typist = atTerminal(stand, line);
      expect(await typist.ends, line).toBe(status);
      expect(typist.screen()).not.toContain('PIN of the token');
    }
  });

  describe('secrets disable asks', () => {
    const paths = (): string[] => Object.keys(JSON.parse(stand.ok('secrets', 'list', '-format=json')) as object);

    it('and removes the mount after yes', async () => {
      stand.ok('secrets', 'enable', '-path=gone', 'kv');
      const typist = atTerminal(stand, 'coffer secrets disable gone');
      await typist.shows(/Remove the secrets engine at gone/);
      expect(paths()).toContain('gone/');
      typist.type(`y${KEYS.enter}`);
      expect(await typist.ends).toBe(0);
      expect(paths()).not.toContain('gone/');
    });

    for (const [name, keys] of [
      ['no', `n${KEYS.enter}`],
      ['Enter alone', KEYS.enter],
      ['Ctrl-C', KEYS.ctrlC],
      ['Ctrl-D', KEYS.ctrlD],
    ] as const) {
      it(`and removes nothing after ${name}: exit 2`, async () => {
        const typist = atTerminal(stand, 'coffer secrets disable kv');
        await typist.shows('Remove the secrets engine at kv');
        typist.type(keys);
        expect(await typist.ends).toBe(2);
        expect(plain(typist.screen())).toMatch(/error: .*nothing was (removed|done)/);
        expect(paths()).toContain('kv/');
      });
    }

    it('not with -force, and not with -non-interactive', async () => {
      for (const flag of ['-force', '-non-interactive']) {
        stand.ok('secrets', 'enable', '-path=gone', 'kv');
        const typist = atTerminal(stand, `coffer secrets disable ${flag} gone`);
        expect(await typist.ends).toBe(0);
        expect(typist.screen()).not.toContain('Remove the secrets engine');
        expect(paths()).not.toContain('gone/');
      }
    });

    it('not before it is known that there is something to remove', async () => {
      const typist = atTerminal(stand, 'coffer secrets disable nothing-here');
      await typist.shows(/nothing was done: no secrets engine is mounted|Remove the secrets engine/);
      expect(typist.screen()).not.toContain('Remove the secrets engine');
      expect(await typist.ends).toBe(0);
    });
  });

  describe('what the terminal is sent', () => {
    it('has colour, unless somebody said no', async () => {
      const colour = '\x1b[31m';
      for (const [line, colourful] of [
        ['coffer kv get kv/none', true],
        ['coffer kv get -no-color kv/none', false],
        ['NO_COLOR=1 coffer kv get kv/none', false],
        ['VAULT_CLI_NO_COLOR=1 coffer kv get kv/none', false],
        ['BAO_CLI_NO_COLOR=1 coffer kv get kv/none', false],
        ['VAULT_CLI_NO_COLOR= coffer kv get kv/none', true],
        ['TERM=dumb coffer kv get kv/none', false],
        ['coffer kv get kv/none 2> err; cat err', false],
      ] as const) {
        const typist = atTerminal(stand, line);
        await typist.ends;
        expect(plain(typist.screen())).toContain('error: No value found at kv/none');
        expect(typist.screen().includes(colour), line).toBe(colourful);
      }
    });

    it('has no control characters out of a secret', async () => {
      stand.run(['kv', 'put', 'kv/evil', '-'], { input: '{"v\\u001b[2J":"\\u001b]0;title\\u0007 \\u009b31m\\u007f"}' });
      for (const line of ['coffer kv get kv/evil', 'coffer kv get -format=json kv/evil']) {
        const typist = atTerminal(stand, line);
        expect(await typist.ends).toBe(0);
        expect(typist.screen(), line).not.toMatch(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/);
      }
    });
  });
});

describe('without a terminal', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
    stand.ok('secrets', 'enable', 'kv');
    stand.write('asking.hcl', configuration(stand).replace(/ *pin *=.*\n/, ''));
  });
  afterAll(() => stand.remove());

  const kinds = {
    'an empty stdin': '< /dev/null',
    'a closed stdin': '<&-',
    'a closed stdin, stdout and stderr': '<&- >&- 2>&-',
    'a full pipe': '',
  } as const;
  for (const [kind, redirection] of Object.entries(kinds)) {
    it(`nothing waits: ${kind}`, () => {
      const run = (args: string): number | null => {
        const line = `coffer ${args} ${redirection}`;
        const done = spawnSync('/bin/sh', ['-c', redirection === '' ? `yes | ${line}` : line], {
          cwd: stand.dir,
          env: stand.env,
          timeout: 10_000,
        });
        return done.status;
      };
      expect(run('-config=asking.hcl unseal')).toBe(3);
      expect(run('unseal')).toBe(0);
      stand.ok('secrets', 'enable', '-path=gone', 'kv');
      expect(run('secrets disable gone')).toBe(0);
      expect(run('kv put kv/a v=w')).toBe(0);
      expect(run('kv get kv/a')).toBe(0);
    });
  }
});
