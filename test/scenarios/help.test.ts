import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { Flag } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { GLOBAL_FLAGS } from '../../src/cli/flags.ts';
import { TOPICS } from '../../src/cli/topics.ts';
import { errorCodes } from '../../src/error-codes.ts';
import { TRY_VARIABLE, variables } from '../../src/config/index.ts';
import { makeStand } from '../support/store.ts';

describe('the help of a command', () => {
  const stand = makeStand();
  afterAll(() => stand.remove());
  const env = { COFFER_CONFIG: '/nowhere/coffer.hcl' };

  for (const { words, alias, summary, flags, examples } of COMMANDS) {
    const name = words.join(' ');

    it(`coffer ${name} names its flags`, () => {
      const { status, stdout, stderr } = stand.run([...words, '-h'], { env });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: coffer ${name} \\[options\\]`));
      expect(stdout.replace(/\s+/g, ' ')).toContain(summary);
      const listed = Object.entries<Flag>({ ...flags, ...GLOBAL_FLAGS }).map(([flag, { aliases = [], kind }]) =>
        [flag, ...aliases]
          .map((one) => `-${one}`)
          .join(', ')
          .concat(kind === 'boolean' ? ' ' : '='),
      );
      const places = listed.map((flag) => stdout.indexOf(`\n  ${flag}`));
      expect(places.includes(-1), listed.join('|')).toBe(false);
      expect(places).toEqual([...places].sort((a, b) => a - b)); // those of every command at the end
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples)
        expect(example).toMatch(new RegExp(`\\bcoffer (${name}|${alias?.join(' ') ?? name})\\b`));
      for (const example of examples) expect(stdout).toContain(`  ${example}\n`);
      expect(
        stdout
          .split('\n')
          .filter((line) => line.length > 80 && !line.startsWith('Usage:') && !line.startsWith('  coffer ')),
      ).toEqual([]);
    });

    it(`coffer ${(alias ?? ['help', ...words]).join(' ')} shows the same`, () => {
      const other = alias === null ? ['help', ...words] : [...alias, '--help'];
      expect(stand.run(other, { env })).toEqual(stand.run([...words, '-help'], { env }));
    });

    it(`coffer ${name} does not take what it does not know`, () => {
      const { status, stdout, stderr } = stand.run([...words, '-no-such-flag'], { env });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toContain('unknown flag -no-such-flag');
    });
  }
});

/** Lines that a terminal of 80 columns would break. */
function tooLong(text: string): string[] {
  return text.split('\n').filter((line) => line.length > 80);
}

describe('the help of a group', () => {
  const stand = makeStand();
  afterAll(() => stand.remove());
  const groups = [...new Set(COMMANDS.flatMap(({ words }) => (words.length > 1 ? [words[0] ?? ''] : [])))];

  it.each(['', ...groups])('ends with the flags of every command and where there is more: coffer %s', (group) => {
    const { status, stdout } = stand.run([...(group === '' ? [] : [group]), '-h']);
    expect(status).toBe(0);
    const places = [
      'Usage: coffer',
      '\nOptions of every command:',
      '\n  -config=',
      '\n  -help, -h ',
      'COMMAND -h ',
    ].map((text) => stdout.indexOf(text));
    expect(places.includes(-1)).toBe(false);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(tooLong(stdout)).toEqual([]);
  });

  it.each(groups)('is shown by `coffer %s help`, too', (group) => {
    expect(stand.run([group, 'help'])).toEqual(stand.run([group, '-h']));
    if (!TOPICS.has(group)) expect(stand.run(['help', group])).toEqual(stand.run([group, '-h']));
  });

  it('lists every command once, those that an operator needs first in front', () => {
    const { stdout } = stand.run(['-h']);
    const places = COMMANDS.map(({ words }) => [...stdout.matchAll(new RegExp(`^  ${words.join(' ')} `, 'gm'))]);
    expect(places.map(({ length }) => length)).toEqual(COMMANDS.map(() => 1));
    const order = [
      'setup',
      'init',
      'unseal',
      'kv put',
      'kv get',
      'secrets enable',
      'operator diagnose',
      'hsm slots',
      'version',
    ];
    const found = order.map((name) => stdout.search(new RegExp(`^  ${name} `, 'm')));
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });
});

describe('the help about a topic', () => {
  const stand = makeStand();
  afterAll(() => stand.remove());
  const about = (topic: string): string => {
    const { status, stdout, stderr } = stand.run(['help', topic]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(tooLong(stdout)).toEqual([]);
    return stdout;
  };

  it('environment names every variable', () => {
    const text = about('environment');
    const ofCoffer = Object.values(variables).flatMap(([first = '', ...others]) =>
      first.startsWith('COFFER_HSM_') ? [first] : [first, ...others],
    );
    for (const name of [...ofCoffer, 'NO_COLOR', 'XDG_CONFIG_HOME', 'VAULT_HSM_LIB'])
      if (name !== TRY_VARIABLE) expect(text.split(/[\s,]+/), name).toContain(name);
  });

  it('exit-codes has each of them', () => {
    const listed = [...about('exit-codes').matchAll(/^ {2}(\d+) {2,}\S/gm)].map(([, status]) => status);
    expect(listed).toEqual(['0', ...Object.keys(errorCodes)]);
    const readme = readFileSync('README.md', 'utf8');
    const [, table = ''] = /^## Exit codes\n\n((?:\|.*\n)+)/m.exec(readme) ?? [];
    expect([...table.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, codes = '']) => codes.split(', '))).toEqual(listed);
  });

  it('environment says which of several names goes before another', () => {
    for (const [first, second, third] of [variables.format, variables.detailed]) {
      const text = about('environment').replace(/\s+/g, ' ');
      expect(text).toContain(
        `${second} the same, where ${first} is not set ${third} the same, where ${second} is not set either`,
      );
    }
  });

  it('configuration shows one that coffer takes, and where it is looked for', () => {
    const text = about('configuration');
    expect(text).toContain('/etc/coffer/coffer.hcl');
    stand.write('example.hcl', text.slice(text.indexOf('storage "sqlite"'), text.indexOf('Every key')));
    const env = { COFFER_STORAGE_PATH: `${stand.dir}/none.db` };
    expect(stand.run(['-config=example.hcl', 'seal-status', '-field=storage_type'], { env })).toMatchObject({
      status: 2,
      stdout: 'sqlite',
      stderr: '',
    });
  });

  it('hsm says how one is taken into use, and lists its commands', () => {
    expect(about('hsm')).toMatch(/coffer setup[^]*coffer init[^]*coffer unseal[^]*\n {2}keygen /);
  });

  it('is none where there is no such topic', () => {
    expect(stand.run(['help', 'weather'])).toMatchObject({ status: 1, stdout: '' });
    expect(stand.run(['environment']).stderr).toContain('there is no command "coffer environment"');
  });
});
