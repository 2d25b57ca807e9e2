import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { hostileText, RAW } from '../support/hostile.ts';
import { atTerminal, KEYS, plain } from '../support/pty.ts';
import { BUNDLE } from '../support/program.ts';
import { importKey } from '../support/softhsm.ts';
import { configuration, makeStand, type Outcome, type Stand } from '../support/store.ts';

/** A token's label and a module's words come from whoever made them; 32 bytes at most. */
const TOKEN = "\x1b]0;t\x07\u202e\n'; touch pwned #";
const KEY = "\x9b31m\u2066\nlabel\r'; touch pwned #";
const MAKER = '\x1b[2J\u009b\u200b';

const FORMATS = ['table', 'json', 'yaml'] as const;

const [secrets = {}] = fc.sample(
  fc.dictionary(
    hostileText(),
    fc.oneof(hostileText(), fc.record({ in: hostileText(), list: fc.array(hostileText(), { maxLength: 2 }) })),
    { minKeys: 60, maxKeys: 60 },
  ),
  { numRuns: 1, seed: 20 },
);

describe('what a terminal sees', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ label: TOKEN, shim: true });
    const text = configuration({ ...stand, hsm: { ...stand.hsm, label: 'LABEL' } }).replace(
      /token_label *= "LABEL"/,
      `serial = "${stand.hsm.serial}"`,
    );
    stand.write('coffer.hcl', text);
    stand.write('asking.hcl', text.replace(/ *pin *=.*\n/, ''));
    stand.open();
    importKey(stand.hsm, { label: KEY, id: 'aa', type: 'aes', value: new Uint8Array(32) });
    importKey(stand.hsm, { label: KEY, id: 'bb', type: 'aes', value: new Uint8Array(32) });
    stand.ok('secrets', 'enable', `-description=${MAKER}\nforged    row`, 'kv');
    stand.ok('secrets', 'enable', '-version=2', '-path=two', 'kv');
    for (const path of ['kv/app', 'two/app']) {
      const { status, stderr } = stand.run(['kv', 'put', path, '-'], { input: JSON.stringify(secrets) });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
    // custom_metadata takes nothing that could not be printed.
    stand.ok('kv', 'metadata', 'put', '-custom-metadata=owner=ada', 'two/app');
    stand.ok('kv', 'put', 'kv/\u202edaor', 'a=b');
  });
  afterAll(() => stand.remove());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome =>
    stand.run(args, { env: { COFFER_SHIM_FAULT: `manufacturer:${MAKER}`, ...env } });

  const COMMANDS: readonly (readonly string[])[] = [
    ['kv', 'get', 'kv/app'],
    ['kv', 'get', 'two/app'],
    ['kv', 'get', 'kv/\u202edaor'],
    ['kv', 'metadata', 'get', 'two/app'],
    ['kv', 'list', 'kv'],
    ['kv', 'put', 'two/\u202edaor', 'a=b'],
    ['read', 'kv/app'],
    ['secrets', 'list'],
    ['secrets', 'list', '-detailed'],
    ['hsm', 'slots'],
    ['hsm', 'mechanisms'],
    ['hsm', 'keys'],
    ['hsm', 'test'],
    ['operator', 'diagnose'],
    ['sealwrap', 'status'],
    ['seal-status'],
  ];

  for (const args of COMMANDS) {
    it(`${args.join(' ').replace(/[^\x20-\x7e]/g, '?')} sends no character that a terminal obeys`, () => {
      for (const format of FORMATS) {
        const { status, stdout, stderr } = run([...args, `-format=${format}`], { COFFER_DEBUG: '1' });
        expect(status, stderr).toBe(0);
        expect(stdout).not.toMatch(RAW);
        expect(stderr).not.toMatch(RAW);
        expect(stdout.length).toBeGreaterThan(0);
      }
    });
  }

  it('JSON and YAML hold what was put in', () => {
    const json = JSON.parse(stand.ok('kv', 'get', '-format=json', 'kv/app')) as { data: unknown };
    expect(json.data).toEqual(secrets);
    const yaml = parseYaml(stand.ok('kv', 'get', '-format=yaml', 'two/app')) as { data: { data: unknown } };
    expect(yaml.data.data).toEqual(secrets);
    const { keys, token } = JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as {
      keys: { label: string }[];
      token: { label: string };
    };
    expect(keys.map(({ label }) => label)).toContain(KEY);
    expect(token.label).toBe(TOKEN);
  });

  it('a line break in a cell makes no row of its own', () => {
    expect(stand.ok('secrets', 'list').split('\n')).toHaveLength(2 + 2 + 1);
    expect(stand.ok('kv', 'get', 'kv/app').trimEnd().split('\n')).toHaveLength(3 + Object.keys(secrets).length);
  });

  it('a value by -field goes to a pipe byte for byte', () => {
    for (const [key, value] of Object.entries(secrets)) {
      if (
        typeof value !== 'string' ||
        /\p{Cs}/u.test(key + value) ||
        /[\0]/.test(key) ||
        key.startsWith('-') ||
        key === ''
      )
        continue;
      expect(stand.ok('kv', 'get', `-field=${key}`, 'kv/app')).toBe(value);
    }
  });

  describe('in an error', () => {
    const cases: readonly (readonly [string, readonly string[], Readonly<Record<string, string>>])[] = [
      [
        'a key that is not there: the list of those that are',
        ['hsm', 'test'],
        { COFFER_HSM_KEY_LABEL: `none\n${MAKER}` },
      ],
      ['two keys of one label', ['hsm', 'test'], { COFFER_HSM_KEY_LABEL: KEY }],
      ['a token that is not there: the list of those that are', ['unseal'], { COFFER_HSM_SERIAL: `none\n${MAKER}` }],
      ['a field that is not there: the list of those that are', ['kv', 'get', `-field=none${MAKER}`, 'kv/app'], {}],
      ['a path', ['kv', 'get', 'kv/\u202ex'], {}],
      ['a flag', [`-${MAKER}`], {}],
      ['a command', [`${MAKER}\nerror: forged`], {}],
      ['a file name', ['kv', 'put', 'kv/b', `a=@${MAKER}\nerror: forged`], {}],
      ['a configuration', [`-config=/${MAKER}\nerror: forged`, 'status'], {}],
    ];
    for (const [name, args, env] of cases) {
      it(name, () => {
        const table = run(args, { ...env, COFFER_DEBUG: '1' });
        const json = run(['-format=json', ...args], env);
        expect(table.status, table.stdout).toBeGreaterThan(0);
        expect(table.stderr).toMatch(/^error: .*\\(?:x|u|n)/m);
        expect(table.stderr).not.toMatch(RAW);
        expect(table.stderr.split('\n').filter((line) => /^(error|hint): /.test(line)).length).toBeLessThanOrEqual(2);
        expect(table.stderr).not.toMatch(/^error: forged/m);
        expect(json.stderr).not.toMatch(RAW);
        expect(JSON.parse(json.stderr)).toMatchObject({ code: expect.any(String) as string });
      });
    }
  });

  it("a fault of coffer's own has no line but its own", () => {
    const preload = stand.write(
      'fault.cjs',
      `Date.now = () => { throw new Error(${JSON.stringify(`${MAKER}\nerror: forged`)}); };\n`,
    );
    // The program lets no fault in from outside; what it prints of one of its own is in test/unit/program.test.ts.
    const broken = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome =>
      stand.run(args, { program: BUNDLE, env: { NODE_OPTIONS: `--require ${preload}`, ...env } });
    const { status, stdout, stderr } = broken(['status']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toBe('internal error: \\x1b[2J\\x9b\\u200b\\nerror: forged (COFFER_DEBUG=1 shows where)\n');
    const traced = broken(['status'], { COFFER_DEBUG: '1' });
    expect(traced.stderr).toMatch(/^Error: [^\n]*forged\n +at /);
    expect(traced.stderr).not.toMatch(RAW);
    expect(JSON.parse(broken(['-format=json', 'status']).stderr)).toMatchObject({
      code: 'internal',
      errors: [expect.stringContaining('forged')],
    });
  });

  describe('at a terminal', () => {
    it('a table is as it is in a file', async () => {
      const typist = atTerminal(stand, 'coffer kv get kv/app');
      expect(await typist.ends).toBe(0);
      expect(typist.screen().replaceAll('\r\n', '\n')).not.toMatch(RAW);
    });

    it('a value by -field has its line breaks and tabs, and the rest is shown', async () => {
      stand.run(['kv', 'put', 'kv/pem', '-'], { input: JSON.stringify({ v: 'one\n\ttwo\x1b]0;t\x07\u202e\r\n' }) });
      const typist = atTerminal(stand, 'stty -onlcr tab0; coffer kv get -field=v kv/pem');
      expect(await typist.ends).toBe(0);
      expect(typist.screen()).toBe('one\n\ttwo\\x1b]0;t\\x07\\u202e\\r\n');
    });

    it('a value by -field is followed by a line break, unless it ends in one', async () => {
      stand.run(['kv', 'put', 'kv/short', '-'], { input: JSON.stringify({ v: 'one', w: 'two\n' }) });
      const typist = atTerminal(
        stand,
        'stty -onlcr; coffer kv get -field=v kv/short; coffer kv get -field=w kv/short; coffer kv get -field=v -format=json kv/short',
      );
      expect(await typist.ends).toBe(0);
      expect(typist.screen()).toBe('one\ntwo\n"one"\n');
    });

    it('a table that is too wide has no line that the terminal would break', async () => {
      const typist = atTerminal(stand, 'stty -onlcr; coffer secrets list -detailed');
      expect(await typist.ends).toBe(0);
      const lines = typist.screen().split('\n');
      expect(lines).toContain('External Entropy Access    false');
      expect(lines.filter((line) => line.length > 100 && !line.startsWith('Description'))).toEqual([]);
      expect(stand.ok('secrets', 'list', '-detailed')).toMatch(/^Path .* External Entropy Access .* UUID$/m);
    });

    it('the PIN is asked for by a label that is shown', async () => {
      const typist = atTerminal(stand, 'coffer -config=asking.hcl kv get kv/pem');
      await typist.shows('PIN of the token');
      await typist.shows('touch pwned');
      typist.type(KEYS.ctrlC);
      await typist.ends;
      expect(plain(typist.screen())).toContain(String.raw`PIN of the token "\x1b]0;t\x07\u202e\n'; touch pwned #"`);
      expect(typist.screen()).not.toMatch(/\x1b\]0;|\u202e/);
    });
  });

  describe('the commands of a hint', () => {
    it("are one command each, whatever the token's label is", async () => {
      stand.write('programs/pkcs11-tool', '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done > "$OUT"\n');
      const env = {
        COFFER_HSM_KEY_LABEL: KEY + '?',
        COFFER_HSM_GENERATE_KEY: 'false',
        COFFER_STORAGE_PATH: join(stand.dir, 'none/none.db'),
      };
      const { status, stderr } = run(['init'], env);
      expect(status).toBe(3);
      const [line = ''] = stderr.split('\n').filter((each) => each.startsWith('  pkcs11-tool'));
      const out = join(stand.dir, 'words');
      const done = await stand.shell(`chmod +x programs/pkcs11-tool; exec bash -c '. ./line'`, {
        OUT: stand.write('words', ''),
        LINE: stand.write('line', line),
      });
      expect(done).toMatchObject({ status: 0, stderr: '' });
      const words = readFileSync(out, 'utf8').split('\0');
      expect(words[words.indexOf('--token-label') + 1]).toBe(TOKEN);
      expect(words[words.indexOf('--label') + 1]).toBe(`${KEY}?`);
      expect(words).toContain('--private');
      expect((await stand.shell('ls')).stdout).not.toContain('pwned');
    });
  });
});
