import { configFiles, variables } from '../config/index.ts';

/** What `coffer help TOPIC` says: a text, terms with what they mean, and what follows; each of them perhaps empty. */
export interface Topic {
  readonly about: string;
  readonly rows: readonly (readonly [term: string, meaning: string])[];
  readonly more: string;
}

/** By the name that is typed. Where a group of commands has it, too, these commands are shown with it. */
export const TOPICS: ReadonlyMap<string, () => Topic> = new Map([
  ['environment', environment],
  ['exit-codes', exitCodes],
  ['configuration', configuration],
  ['hsm', hsm],
]);

type Variable = keyof typeof variables;

const VARIABLES: { readonly [what in Variable]?: string } = {
  config: 'the configuration file; -config goes before it',
  format: 'table, json or yaml; -format goes before it',
  detailed: 'true: lists with all that is known of each name; -detailed goes before it',
  no_color: 'true: no colour',
  debug: '1: errors come with a stack trace',
  pin: 'the PIN of the HSM; it goes before the configuration',
  new_so_pin: "the security officer's PIN, for `coffer hsm init-token`",
  storage_path: 'the file of the store; it goes before the configuration',
  seal_type: 'pkcs11: no seal stanza is needed',
  server_address: 'of `kv import -from=vault` alone: the server',
  server_token: 'the same: the token for it',
  server_namespace: 'the same: the namespace',
  server_ca: 'the same: a file with the certificate that it is trusted by',
  server_timeout: 'the same: how long one answer may take (60s)',
};

function environment(): Topic {
  const isVariable = (name: string): name is Variable => Object.hasOwn(variables, name);
  const all = Object.keys(variables).filter(isVariable);
  const inStanza = (what: Variable): boolean => variables[what][0]?.startsWith('COFFER_HSM_') === true;
  const named = all.filter((what) => Object.hasOwn(VARIABLES, what));
  // `new_pin` is the same variable as `pin`.
  const parameters = all.filter((what) => !named.includes(what) && what !== 'new_pin' && inStanza(what));
  const [lib = '', ...others] = variables.lib;
  return {
    about: 'Variables that coffer reads. An empty one counts as not set.',
    rows: [
      ...named.flatMap((what) => {
        const [first = '', ...rest] = variables[what];
        const where = (at: number): string =>
          at === 0 ? `${first} is not set` : `${rest[at - 1] ?? ''} is not set either`;
        const same = inStanza(what) ? [] : rest.map((name, at) => [name, `the same, where ${where(at)}`] as const);
        return [[first, VARIABLES[what] ?? ''] as const, ...same];
      }),
      ['NO_COLOR', 'no colour, whatever it is set to'],
      ...parameters.map((what) => [variables[what][0] ?? '', `${what} of the seal stanza`] as const),
    ],
    more: [
      'What is of the seal stanza goes before the configuration.',
      `Where ${lib} is not set, ${others.join(' and then ')} is read,`,
      'and so on for each of them.',
      'HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_CACHE_HOME and XDG_STATE_HOME say',
      "where the user's files are.",
      'VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE and their like are read by',
      '`kv import -from=vault` alone: no other command talks to a server. A PKCS#11',
      'module reads variables of its own, such as SOFTHSM2_CONF.',
    ].join('\n'),
  };
}

function exitCodes(): Topic {
  return {
    about: 'What a command ends with.',
    rows: [
      ['0', 'done; of seal-status: unsealed'],
      ['1', 'wrong usage, bad input, bad configuration'],
      [
        '2',
        'the store says no: sealed, not initialised, no value at that path, another version than -cas wants, a path in use, a question answered with no',
      ],
      ['3', 'the HSM says no: module, token, login, key or mechanism'],
      ['4', 'integrity: something in the store was altered, and nothing of it was used'],
      ['5', 'whether a write was done is not known'],
      ['126', 'the command that `run` was to start cannot be executed'],
      ['127', 'the command that `run` was to start is not there'],
    ],
    more: 'What `run` starts has an exit status of its own. With -format=json an error has\na code, too, which never changes; coffer(1) lists them.',
  };
}

function configuration(): Topic {
  return {
    about:
      'The file is the one of -config, else of COFFER_CONFIG, else the first of these that is there. `coffer setup` asks for what is needed and writes one; `coffer diagnose` checks it. A file of a Vault server can be pointed at.',
    rows: configFiles(process.env).map((path) => [path, '']),
    more: [
      'storage "sqlite" {',
      '  path = "/var/lib/coffer/coffer.db"',
      '}',
      'seal "pkcs11" {',
      '  lib            = "/usr/lib/softhsm/libsofthsm2.so"',
      '  token_label    = "demo"           # or slot, serial, uri',
      '  pin            = "file:/run/pin"  # env:NAME, credential:NAME; or left out',
      '  key_label      = "coffer"',
      '  hmac_key_label = "coffer-hmac"',
      '  generate_key   = true             # `coffer init` may make the keys',
      '}',
      'entropy "seal" { mode = "augmentation" }',
      '',
      'Every key is described in coffer-config(5).',
    ].join('\n'),
  };
}

function hsm(): Topic {
  return {
    about:
      'The HSM is reached through the PKCS#11 module that its vendor installs, a file such as /usr/lib/softhsm/libsofthsm2.so. A new one is taken into use in this order:',
    rows: [
      ['coffer setup', 'find modules and tokens, initialise a token that is blank, and write the configuration'],
      ['coffer hsm test', 'try the keys and mechanisms that are configured'],
      ['coffer init', 'make the store, and the keys where generate_key is true'],
      ['coffer unseal', 'open the store, until the next boot or `coffer seal`'],
      ['coffer diagnose', 'check all of it, with a remedy for what is wrong'],
    ],
    more: [
      'The PIN comes from COFFER_HSM_PIN, else from where `pin` in the configuration',
      'says, else you are asked.',
      'A PIN that the token refused is sent again only with: coffer hsm test -retry-pin',
    ].join('\n'),
  };
}
