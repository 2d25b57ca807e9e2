/**
 * What people type who come from Vault, from OpenBao or from another keeper of secrets, and where they find it here. A command that
 * coffer has is never looked for here. What would change something is named with -h at most.
 */
const READ = 'a secret is read with: coffer kv get PATH';
const WRITE = 'what writes secrets is listed by: coffer kv -h';
const REMOVE = 'what removes secrets is listed by: coffer kv -h';
const NO_USERS =
  "nobody logs in to coffer: whoever may open the store's file and has the PIN of the HSM is let in; see: coffer unseal -h";
const NO_SERVER = 'there is no server to run: every command opens the store by itself; see: coffer unseal -h';
const NO_CLUSTER = 'there is no cluster: the store is one file; see: coffer status';
const NO_ENGINE = 'there is no such engine: coffer has kv and transit; see: coffer secrets enable -h';
const SHARES =
  'the shares of the recovery key are given out once, when the store is made; for a new barrier key see: coffer rotate -h';
const CHECK = 'configuration, HSM and store are checked by: coffer diagnose; each row of it by: coffer operator verify';
const COPY =
  "a backup is a copy of the store's file, made while no command runs; the manual says more under CAVEATS: man coffer";
const TRANSFER =
  'secrets come from a file, and go to one, by what is told by: coffer kv import -h, coffer kv export -h';
const PROGRAM = 'a command gets secrets in its environment or in files by: coffer run -h';
const TRANSIT = 'what transit does is done at its paths; see: coffer write -h';
const MOUNTS = 'mounts are listed by: coffer secrets list; the rest of it is in: coffer secrets -h';

/** A function, so that the bundle makes nothing of it before it is needed. */
const advice = (): readonly (readonly [hint: string, commands: readonly string[]])[] => [
  [READ, ['cat', 'get', 'item', 'open-item', 'peek', 'reveal', 'show', 'view']],
  [
    WRITE,
    ['add', 'append', 'create', 'edit', 'insert', 'modify', 'new', 'patch', 'put', 'save', 'set', 'store', 'update'],
  ],
  [REMOVE, ['del', 'destroy', 'erase', 'purge', 'remove', 'rm', 'unset', 'wipe']],
  [
    'names are listed by: coffer kv list PATH, with -recursive those in folders below, too',
    ['dir', 'find', 'grep', 'list-services', 'ls', 'search', 'tree'],
  ],
  [
    'names are listed by: coffer kv list PATH, with -recursive those in folders below, too',
    ['kv dir', 'kv find', 'kv grep', 'kv ls', 'kv search', 'kv tree'],
  ],
  [
    'a whole mount can be moved, see: coffer secrets move -h; secrets go by: coffer kv export -h, coffer kv import -h',
    ['copy', 'cp', 'kv copy', 'kv cp', 'kv move', 'kv mv', 'kv rename', 'move', 'mv', 'rename'],
  ],
  [
    'the versions of a secret are listed by: coffer kv metadata get PATH',
    ['diff', 'history', 'kv diff', 'kv history', 'kv versions', 'metadata', 'versions'],
  ],
  [
    'the versions of a secret are listed by: coffer kv metadata get PATH',
    ['kv metadata list', 'kv metadata ls', 'kv metadata read', 'kv metadata show'],
  ],
  [
    'what brings back an earlier version is listed by: coffer kv -h',
    ['kv recover', 'kv restore', 'kv revert', 'kv undo', 'revert', 'rollback', 'undelete', 'undo'],
  ],
  [WRITE, ['kv add', 'kv create', 'kv edit', 'kv insert', 'kv new', 'kv save', 'kv set', 'kv update', 'kv write']],
  [REMOVE, ['kv del', 'kv erase', 'kv purge', 'kv remove', 'kv rm', 'kv unset', 'kv wipe']],
  [READ, ['kv cat', 'kv read', 'kv show', 'kv view', 'secret get']],
  [
    'what reads and writes secrets is listed by: coffer kv -h; what has to do with mounts by: coffer secrets -h',
    [
      ...['secret delete', 'secret edit', 'secret put', 'secret set', 'secret show'],
      ...['secrets add', 'secrets create', 'secrets delete', 'secrets edit', 'secrets get', 'secrets put'],
      ...['secrets read', 'secrets remove', 'secrets rm', 'secrets set', 'secrets show', 'secrets write'],
    ],
  ],
  [
    NO_USERS,
    [
      ...['account', 'auth', 'entity', 'group', 'groups', 'identity', 'login', 'logout', 'signin', 'signout'],
      ...['token', 'user', 'users', 'whoami'],
    ],
  ],
  ['coffer gives no leases: a secret is there until somebody removes it', ['lease', 'leases', 'renew', 'revoke']],
  [
    "there are no policies: the permissions of the store's file and the PIN of the HSM decide; see coffer-security(7)",
    ['acl', 'policies', 'policy', 'role', 'roles'],
  ],
  [NO_SERVER, ['agent', 'daemon', 'proxy', 'restart', 'serve', 'server', 'service', 'start', 'stop', 'ui', 'web']],
  [
    'there are no namespaces: give a mount a path of its own, or a store a configuration of its own with -config=PATH',
    ['namespace', 'ns'],
  ],
  ['there are no plugins: the engines are kv and transit; see: coffer secrets enable -h', ['plugin', 'plugins']],
  [NO_ENGINE, ['database', 'otp', 'pki', 'ssh', 'totp', 'transform']],
  ['there are no wrapped answers: what a command prints is the secret itself', ['unwrap', 'wrap']],
  ['coffer keeps no audit log; what the operating system logs of the file and of the HSM is there', ['audit']],
  [
    'there is no server whose events could be shown: each command says on stderr what it has to say',
    ['events', 'log', 'logs', 'monitor'],
  ],
  [
    CHECK,
    [
      ...['check', 'debug', 'doctor', 'fsck', 'health', 'operator check', 'operator debug', 'operator doctor'],
      ...['operator health', 'operator test', 'operator validate-config', 'validate', 'verify'],
    ],
  ],
  [
    'the state of the store is shown by: coffer status',
    ['info', 'operator seal-status', 'operator status', 'ping', 'state'],
  ],
  ['the term of the key in use is shown by: coffer key-status', ['operator rotate-status', 'rotate-status']],
  ['coffer needs no license', ['license']],
  [
    'leave that word out: coffer takes the commands of Vault by itself; see: coffer -h',
    ['bao', 'coffer', 'openbao', 'vault'],
  ],
  ['coffer talks to no other machine', ['clone', 'cloud', 'git', 'hcp', 'pull', 'push', 'sync']],
  ['the version is told by: coffer version', ['version-history']],
  ['there is no token that could be printed; what is configured is told by: coffer diagnose', ['print']],
  [
    NO_CLUSTER,
    [
      'cluster',
      'ha',
      'operator members',
      'operator raft',
      'operator step-down',
      'operator usage',
      'operator utilization',
      'operator import',
    ],
  ],
  [TRANSFER, ['dump', 'export', 'import', 'load']],
  [COPY, ['backup', 'operator snapshot', 'recover', 'restore', 'snapshot']],
  [COPY, ['operator raft snapshot', 'operator recover', 'operator backup', 'operator restore']],
  [SHARES, ['operator rekey', 'operator rotate-keys', 'rekey', 'rotate-keys']],
  ['there is no root token: the PIN of the HSM is what opens the store', ['generate-root', 'operator generate-root']],
  [
    'a store is moved to other keys of the HSM with what is told by: coffer sealwrap rewrap -h',
    ['migrate', 'operator migrate'],
  ],
  [PROGRAM, ['env', 'exec', 'exec-env', 'exec-file', 'shell', 'with']],
  ['a template gets the values of secrets by: coffer inject -h', ['render', 'template']],
  [
    'random bytes come from the path transit/random; see: coffer write -h',
    ['gen', 'generate', 'password', 'pwgen', 'random'],
  ],
  [TRANSIT, ['datakey', 'decrypt', 'encrypt', 'hash', 'hmac', 'sign', 'transit']],
  [
    'to move values to new keys of the HSM see: coffer sealwrap rewrap -h; for transit see: coffer write -h',
    ['rewrap'],
  ],
  [
    'the slots of the HSM are listed by: coffer hsm slots',
    ['hsm info', 'hsm list', 'hsm status', 'hsm tokens', 'list-slots', 'show-slots', 'slot', 'slots', 'tokens'],
  ],
  ['the mechanisms of the HSM are listed by: coffer hsm mechanisms', ['list-mechanisms', 'mechanism', 'mechanisms']],
  [
    'the keys in the HSM are listed by: coffer hsm keys',
    ['hsm list-keys', 'hsm objects', 'key', 'keys', 'list-keys', 'list-objects', 'objects'],
  ],
  [
    'what makes keys and tokens is listed by: coffer hsm -h',
    ['generate-key', 'genkey', 'hsm create', 'hsm generate', 'hsm init', 'init-token', 'keygen', 'keypairgen'],
  ],
  ['what tries the HSM is listed by: coffer hsm -h', ['pkcs11', 'test', 'token-info']],
  ['coffer changes no PIN: a tool of the HSM does', ['change-pin', 'hsm pin', 'passwd', 'pin', 'set-pin']],
  [
    'coffer removes no key from the HSM: a tool of the HSM does',
    ['delete-key', 'hsm delete', 'hsm delete-key', 'hsm destroy', 'hsm remove', 'hsm rm'],
  ],
  [
    'how coffer is configured is told by: coffer help configuration',
    ['conf', 'config', 'configuration', 'configure', 'settings'],
  ],
  ['the variables that coffer reads are told by: coffer help environment', ['environment', 'variables', 'vars']],
  ['the exit codes are told by: coffer help exit-codes', ['exit', 'exit-code', 'exit-codes', 'exitcodes']],
  ['for a first configuration see: coffer setup -h', ['install', 'onboard', 'quickstart', 'wizard']],
  ['to close the store see: coffer seal -h', ['close', 'lock', 'shutdown']],
  ['to open the store see: coffer unseal -h', ['open', 'unlock']],
  [MOUNTS, ['disable', 'enable', 'engine', 'engines', 'mount', 'mounts', 'remount', 'tune', 'unmount', 'vaults']],
  [MOUNTS, ['secrets mount', 'secrets mounts', 'secrets remount', 'secrets unmount']],
  [
    'coffer is made newer by what it was installed with; for a store see: coffer operator upgrade -h',
    ['self-update', 'upgrade'],
  ],
  ['there is no completion for shells', ['complete', 'completion', 'completions']],
  ['the manual is shown by: man coffer; the commands by: coffer -h', ['doc', 'docs', 'man', 'manual', 'usage']],
];

/** The one line for each command that is known from elsewhere. */
export function foreignCommands(): ReadonlyMap<string, string> {
  return new Map(advice().flatMap(([hint, commands]) => commands.map((words) => [words, hint] as const)));
}

/** The one line about the longest beginning of `words` that is known from elsewhere; null where none is. */
export function elsewhere(words: readonly string[]): string | null {
  const foreign = foreignCommands();
  for (let length = words.length; length > 0; length--) {
    const hint = foreign.get(words.slice(0, length).join(' '));
    if (hint !== undefined) return hint;
  }
  return null;
}
