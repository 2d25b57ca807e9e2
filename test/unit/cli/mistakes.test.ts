import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { foreignCommands } from '../../../src/cli/mistakes/elsewhere.ts';
import { LORE } from '../../../src/cli/mistakes/index.ts';
import { HARMLESS } from '../../../src/cli/mistakes/unknown.ts';
import { type CommandLine, readCommandLine } from '../../../src/cli/parse.ts';
import { slip } from '../../../src/nearest.ts';

const NAMES = COMMANDS.flatMap(({ words, alias }) => [words, ...(alias === null ? [] : [alias])]).map((words) =>
  words.join(' '),
);

const read = (...argv: string[]): CommandLine => readCommandLine(argv, COMMANDS, LORE);

function hintOf(...argv: string[]): string {
  const line = read(...argv);
  if (line.kind === 'error' && typeof line.error.hint === 'string') return line.error.hint;
  throw new Error(`${argv.join(' ')} is ${line.kind}`);
}

/** The command lines in a hint that would do something if they were pasted. */
function doneBy(hint: string): string[] {
  const named = [...hint.matchAll(/coffer ((?:[a-z-]+ ?)+)/g)].map(([, words = '']) => words.trim().split(' '));
  return named.flatMap((words) => {
    if (words.includes('-h') || words[0] === 'help') return [];
    const command = NAMES.find((name) => words.join(' ') === name || words.join(' ').startsWith(`${name} `));
    return command === undefined ? [] : [command];
  });
}

describe('a hint about a command', () => {
  it('would be found out if it named one that changes something', () => {
    expect(doneBy('did you mean: coffer kv put')).toEqual(['kv put']);
    expect(doneBy('see: coffer kv put -h, or coffer help environment')).toEqual([]);
  });

  it('names what is there, and as something to be pasted only what changes nothing', () => {
    expect(HARMLESS.filter((name) => !NAMES.includes(name))).toEqual([]);
    const changing =
      /\b(init|unseal|seal|rotate|rewrap|enable|disable|move|tune|put|patch|delete|undelete|destroy|rollback|write|keygen|init-token|setup)$/;
    expect(HARMLESS.filter((name) => changing.test(name))).toEqual([]);
    for (const [words, hint] of foreignCommands()) {
      expect(
        doneBy(hint).filter((name) => !HARMLESS.includes(name)),
        words,
      ).toEqual([]);
      for (const [, named = ''] of hint.matchAll(/(?:see|by|with|in): coffer ([a-z -]+[a-z])/g)) {
        const command = named.replace(/ ?-h$/, '');
        const isThere = NAMES.some((name) => `${name} `.startsWith(`${command} `));
        expect(isThere || command === '' || command.startsWith('help '), `${words}: ${named}`).toBe(true);
      }
    }
  });

  it('is there for whatever is typed wrong, and never names a command that changes something', () => {
    const typed = NAMES.flatMap((name) => [
      ...Array.from(name, (_, at) => name.slice(0, at) + name.slice(at + 1)),
      ...Array.from(name, (letter, at) => name.slice(0, at) + letter + name.slice(at)),
      `${name}s`,
    ]).filter((line) => line.trim() !== '');
    const hints = typed.flatMap((line) => {
      const asked = read(...line.trim().split(/\s+/));
      if (asked.kind !== 'error' || asked.error.code !== 'unknown_command') return [];
      return typeof asked.error.hint === 'string' ? [asked.error.hint] : [];
    });
    expect(hints.length).toBeGreaterThan(500);
    expect(hints.flatMap(doneBy).filter((name) => !HARMLESS.includes(name))).toEqual([]);
    expect(hints.filter((hint) => hint.startsWith('did you mean: coffer kv get')).length).toBeGreaterThan(3);
  });

  it.each([
    [['operator', 'rekey'], /given out once/],
    [['operator', 'rotate-keys', '-init'], /given out once/],
    [['operator', 'raft'], /there is no cluster/],
    [['operator', 'raft', 'snapshot', 'save', 'x'], /a backup is a copy/],
    [['export', 'secret/app'], /coffer kv export -h/],
    [['import', 'x.json'], /coffer kv import -h/],
    [['edit', 'secret/app'], /coffer kv -h$/],
    [['login', '-method=userpass', 'username=ada'], /nobody logs in/],
    [['token', 'lookup'], /nobody logs in/],
    [['policy', 'write', 'a', '-'], /there are no policies/],
    [['server', '-dev'], /there is no server/],
    [['exec', '--', 'env'], /coffer run -h$/],
    [['env'], /coffer run -h$/],
    [['doctor'], /coffer diagnose; .*coffer operator verify$/],
    [['show', 'secret/app'], /coffer kv get PATH$/],
    [['rm', 'secret/app'], /coffer kv -h$/],
    [['secret', 'list'], /^did you mean: coffer secrets list$/],
    [['secret'], /^see: coffer secrets -h$/],
    [['hms', 'slots'], /^did you mean: coffer hsm slots$/],
    [['statsu'], /^did you mean: coffer status$/],
    [['unsael'], /^see: coffer -h$/],
    [['kv', 'putt'], /^see: coffer kv -h$/],
    [['kv', 'metadata', 'gte', 'a'], /^did you mean: coffer kv metadata get$/],
    [['kv', 'metadata', 'ptu', 'a'], /^see: coffer kv metadata -h$/],
    [['hsm', 'keygn'], /^see: coffer hsm -h$/], // nearer to keygen than to keys
    [['hsm', 'keyss'], /^did you mean: coffer hsm keys$/],
    [['lease', 'revoke', 'x'], /no leases/],
    [['policies'], /there are no policies/],
    [['vault', 'kv', 'get', 'a'], /leave that word out/],
    [['kv', 'ls', 'secret/'], /coffer kv list PATH, with -recursive/],
    [['undelete', 'secret/app'], /earlier version/],
    [['secrets', 'get', 'secret/app'], /coffer kv -h;.*coffer secrets -h$/],
    [['verify'], /coffer diagnose; .*coffer operator verify$/],
    [['hsm', 'delete', 'k'], /removes no key/],
  ])('says where to go: %j', (argv, hint) => {
    expect(hintOf(...argv)).toMatch(hint);
  });

  it('shows no more of the line than the words that look like a command', () => {
    const line = read('kv', 'hunter2', 'hunter3');
    expect(line.kind === 'error' && line.error.message).toBe('there is no command "coffer kv hunter2"');
  });

  it.each([
    [['-pin', '123457', 'kv', 'get', 'a'], 'unknown flag -pin', 'see: coffer kv get -h'],
    [['--token', 'hvs.CAESI', 'status'], 'unknown flag --token', 'see: coffer seal-status -h'],
    [['-pin', '123457'], 'unknown flag -pin', 'see: coffer -h'],
    [['-pin', '123457', 'kv', 'gte', 'a'], 'there is no command "coffer kv gte"', 'did you mean: coffer kv get'],
    [['kv', '-pin', '123457', 'get', 'a'], 'unknown flag -pin', 'see: coffer kv get -h'],
    [['-bogus', 'login'], 'there is no command "coffer login"', 'nobody logs in'],
    [['-bogus', 'kv', 'gte'], 'there is no command "coffer kv gte"', 'did you mean: coffer kv get'],
  ])('shows nothing of what may be the value of a flag that nobody knows: %j', (argv, message, hint) => {
    const line = read(...argv);
    expect(line.kind === 'error' && line.error.message).toBe(message);
    expect(hintOf(...argv)).toContain(hint);
  });

  it('takes what follows two dashes for words, the command among them', () => {
    expect(read('--', 'kv', 'get', '-a')).toMatchObject({ kind: 'run', args: ['-a'] });
    expect(read('kv', '--', 'get', 'a')).toMatchObject({ kind: 'run', args: ['a'] });
  });

  it('gives a flag before the command the word that follows it', () => {
    expect(read('-mount', 'team', 'kv', 'get', 'a')).toMatchObject({
      kind: 'run',
      args: ['a'],
      flags: { mount: 'team' },
    });
    expect(read('kv', '-version', '2', 'get', 'a')).toMatchObject({ kind: 'run', args: ['a'], flags: { version: 2 } });
  });

  it.each([
    ['env', 'environment'],
    ['config', 'configuration'],
    ['HSM', 'hsm'],
    ['exit', 'exit-codes'],
  ])('takes the beginning of a topic for the topic: help %s', (begun, topic) => {
    expect(read('help', begun)).toMatchObject({ kind: 'topic', topic });
  });

  it('shows the help of the program for help about help', () => {
    expect(read('help', 'help')).toMatchObject({ kind: 'group', words: [], asked: true });
  });
});

describe('a slip of the hand', () => {
  it('is one edit in a short word, so that one command is not taken for another', () => {
    expect(slip('gte', 'get')).toBe(1);
    expect(slip('edit', 'init')).toBe(null);
    expect(slip('exec', 'read')).toBe(null);
    expect(slip('statsu', 'status')).toBe(1);
    expect(slip('rekey', 'seal')).toBe(null);
  });
});

/** What the clients of OpenBao 2.6 and of Vault take at every command, apart from what coffer has. */
const EVERYWHERE = [
  'address agent-address ca-cert ca-path client-cert client-key namespace ns tls-server-name tls-skip-verify',
  'disable-redirects policy-override wrap-ttl mfa output-curl-string output-policy unlock-key header non-interactive',
  'field format',
].flatMap((line) => line.split(' '));

const LEASES =
  'default-lease-ttl max-lease-ttl audit-non-hmac-request-keys audit-non-hmac-response-keys listing-visibility passthrough-request-headers allowed-response-headers plugin-version options description identity-token-key delegated-auth-accessors trim-request-trailing-slashes';

/** And at those that coffer has, too; its own as well. What another command of this list takes it does not take by itself. */
const AT: Readonly<Record<string, string>> = {
  'kv get': 'version mount',
  'kv put': 'cas mount',
  'kv patch': 'cas method mount remove-data',
  'kv list': 'mount',
  'kv scan': 'mount after limit',
  'kv delete': 'versions mount',
  'kv undelete': 'versions mount',
  'kv destroy': 'versions mount',
  'kv rollback': 'version mount',
  'kv metadata get': 'mount',
  'kv metadata put': 'max-versions cas-required delete-version-after custom-metadata mount',
  'kv metadata patch': 'max-versions cas-required delete-version-after custom-metadata remove-custom-metadata mount',
  'kv metadata delete': 'mount',
  'kv enable-versioning': '',
  read: 'snapshot-id',
  write: 'force f',
  list: 'after limit snapshot-id',
  scan: 'after limit',
  delete: '',
  'path-help': '',
  'seal-status': '',
  'secrets enable': `${LEASES} version path force-no-cache plugin-name local seal-wrap external-entropy-access`,
  'secrets tune': LEASES,
  'secrets disable': '',
  'secrets list': 'detailed',
  'secrets move': '',
  init: 'status key-shares key-threshold pgp-keys root-token-pgp-key recovery-shares recovery-threshold recovery-pgp-keys stored-shares',
  unseal: 'reset migrate',
  seal: '',
  rotate: '',
  'key-status': '',
  'operator diagnose': 'config skip debug',
};

describe("a flag of Vault's", () => {
  const codeOf = (argv: readonly string[]): string => {
    const line = readCommandLine(argv, COMMANDS, LORE);
    return line.kind === 'error' ? line.error.code : line.kind;
  };
  const flags = Object.entries(AT).flatMap(([command, own]) =>
    [...EVERYWHERE, ...own.split(' ').filter((name) => name !== '')].map((name) => ({ command, name })),
  );

  it('is known at every command that takes it there', () => {
    const unknown = flags
      .filter(({ command, name }) => codeOf([...command.split(' '), `-${name}=1`, 'a']) === 'unknown_flag')
      .map(({ command, name }) => `${command} -${name}`);
    expect(unknown).toEqual([]);
  });

  it('is not known where it means nothing to Vault either', () => {
    for (const line of ['kv get -max-lease-ttl=1h a', 'read -key-shares=1 a', 'seal -migrate', 'write -limit=1 a b=c'])
      expect(codeOf(line.split(' '))).toBe('unknown_flag');
  });

  it('takes its value from the next word, before the command as well, and is on or off without one', () => {
    for (const argv of [
      ['-ca-cert', '/ca.pem', 'kv', 'get', 'a'],
      ['kv', '-ca-cert', '/ca.pem', 'get', 'a'],
      ['kv', 'get', '--ca-cert', '/ca.pem', 'a'],
      ['kv', 'get', 'a', '-ca-cert=/ca.pem', '-ca-cert', 'b'],
      ['-tls-skip-verify', 'kv', 'get', 'a', '-ca-path=x'],
      ['-max-lease-ttl=1h', 'secrets', 'enable', 'a'],
    ]) {
      const line = read(...argv);
      if (line.kind !== 'run') throw new Error(`this is ${line.kind}`);
      expect(line.args).toEqual(['a']);
      expect(line.notes.length).toBeGreaterThan(0);
    }
    expect(read('kv', 'get', 'a', '-ca-cert=x', '-ca-cert=y')).toMatchObject({
      notes: ['-ca-cert has no effect here: coffer talks to no server'],
    });
    expect(codeOf(['kv', 'get', 'a', '-ca-cert'])).toBe('bad_flag');
    expect(codeOf(['kv', 'get', 'a', '-tls-skip-verify=maybe'])).toBe('bad_flag');
  });

  it.each([
    'kv get -address=http://127.0.0.1:8200 a',
    'kv get -namespace=team a',
    'kv get -ns team a',
    'kv get -wrap-ttl=5m a',
    'kv put -output-curl-string a b=c',
    '-output-policy kv put a b=c',
    'list -limit=10 a',
    'secrets enable -plugin-name=mine kv',
    'init -key-shares=1 -key-threshold=1',
    'init -pgp-keys=a.asc',
    'unseal -migrate',
  ])('is refused where its silent loss would mislead: %s', (line) => {
    expect(codeOf(line.split(' '))).toBe('unsupported_flag');
  });

  it.each([
    'kv get -namespace= a',
    'kv get -namespace=root a',
    'kv get -wrap-ttl=0 a',
    'kv put -output-curl-string=false a b=c',
    'kv get -address= a',
    'list -limit=0 a',
    'init -key-shares=0',
  ])('is as good as not given with the value that means that: %s', (line) => {
    expect(read(...line.split(' '))).toMatchObject({ kind: 'run', notes: [] });
  });
});
