import { UsageError } from '../../errors.ts';
import type { VaultFlag } from '../parse.ts';

/**
 * The flags of Vault's and OpenBao's client that can stand at a command which coffer has, and that coffer has not. Those whose loss changes
 * nothing are taken, and a note says so. Those of which somebody expects something are refused, with the reason. A value that
 * means "not given" to Vault means it here.
 */
interface Known {
  readonly names: readonly string[];
  /** On or off; the others have a value. */
  readonly isSwitch?: true;
  /** Commands that take it; every one where there are none. */
  readonly commands?: readonly string[];
  /** Begins with what the note or the error says of it. */
  readonly reason: string;
  /** Where it is refused: what can be done. */
  readonly refused?: string;
  /** Values that are as good as none, beside the empty one. */
  readonly neutral?: readonly string[];
}

const ENABLE = ['secrets enable', 'secrets tune'] as const;
const LISTS = ['list', 'kv list', 'scan', 'kv scan'] as const;
const NO_SERVER = 'coffer talks to no server';
const LEAVE_OUT = 'leave it out';

/** A function, so that the bundle makes nothing of it before it is needed. */
const knownFlags = (): readonly Known[] => [
  // The one command that talks to a server: what is said of the others is not true of it.
  {
    names: ['address', 'agent-address', 'ca-cert', 'namespace', 'ns'],
    commands: ['kv import'],
    reason: 'the server that is imported from is named by variables alone',
    refused: 'set VAULT_ADDR, VAULT_CACERT and VAULT_NAMESPACE, or their forms with BAO_',
  },
  {
    names: ['ca-path', 'client-cert', 'client-key', 'tls-server-name', 'header'],
    commands: ['kv import'],
    reason: 'a server that is imported from is reached without it',
    refused: LEAVE_OUT,
  },
  {
    names: ['tls-skip-verify'],
    isSwitch: true,
    commands: ['kv import'],
    reason: 'the certificate of a server is always verified',
    refused: 'name the certificate of the authority that signed it in VAULT_CACERT',
  },
  {
    names: ['disable-redirects'],
    isSwitch: true,
    commands: ['kv import'],
    reason: 'a standby is followed to the same host at most, whatever it says',
  },
  { names: ['ca-cert', 'ca-path', 'client-cert', 'client-key', 'tls-server-name', 'header'], reason: NO_SERVER },
  { names: ['tls-skip-verify', 'disable-redirects'], isSwitch: true, reason: NO_SERVER },
  { names: ['mfa'], reason: 'nobody logs in to coffer' },
  { names: ['policy-override'], isSwitch: true, reason: 'there are no policies' },
  { names: ['unlock-key'], reason: 'there are no namespaces that could be locked' },
  {
    names: ['address', 'agent-address'],
    reason: `${NO_SERVER}: the store is the one that the configuration names`,
    refused: 'leave it out, or choose a store with -config=PATH',
  },
  {
    names: ['namespace', 'ns'],
    reason: 'there are no namespaces: the command would act on the one store that there is',
    refused: 'leave it out, or choose a store with -config=PATH',
    neutral: ['root', 'root/', '/'],
  },
  {
    names: ['wrap-ttl'],
    reason: 'there are no wrapped answers: the secret itself would be printed',
    refused: LEAVE_OUT,
    neutral: ['0', '0s'],
  },
  {
    names: ['output-curl-string', 'output-policy'],
    isSwitch: true,
    reason: 'there is no request to show instead: the command would be carried out',
    refused: LEAVE_OUT,
  },
  {
    names: ['autocomplete-install', 'autocomplete-uninstall'],
    isSwitch: true,
    reason: 'there is no completion for shells',
    refused: LEAVE_OUT,
  },
  {
    names: ['snapshot-id'],
    commands: ['read', 'list', 'kv get', 'kv list'],
    reason: 'no snapshot is loaded beside the store: the answer would be of today',
    refused: 'leave it out, or choose a copy of the store with -config=PATH',
  },
  {
    names: ['after', 'limit'],
    commands: LISTS,
    reason: 'a list is answered whole: who asks for its parts would get all of it again and again',
    refused: LEAVE_OUT,
    neutral: ['0', '-1'],
  },
  { names: ['default-lease-ttl', 'max-lease-ttl'], commands: ENABLE, reason: 'coffer gives no leases' },
  {
    names: ['audit-non-hmac-request-keys', 'audit-non-hmac-response-keys'],
    commands: ENABLE,
    reason: 'coffer keeps no audit log',
  },
  {
    names: ['listing-visibility', 'passthrough-request-headers', 'allowed-response-headers'],
    commands: ENABLE,
    reason: NO_SERVER,
  },
  { names: ['identity-token-key', 'delegated-auth-accessors'], commands: ENABLE, reason: 'nobody logs in to coffer' },
  { names: ['force-no-cache'], isSwitch: true, commands: ENABLE, reason: 'nothing is cached between commands' },
  { names: ['trim-request-trailing-slashes'], isSwitch: true, commands: ENABLE, reason: NO_SERVER },
  { names: ['local'], isSwitch: true, commands: ENABLE, reason: 'nothing is replicated: every mount is local' },
  {
    names: ['plugin-name', 'plugin-version'],
    commands: ENABLE,
    reason: "there are no plugins: the engine would be coffer's own",
    refused: LEAVE_OUT,
  },
  {
    names: ['allowed-managed-keys'],
    commands: ENABLE,
    reason: 'a transit mount may use every key of the token but those of the seal: nothing would be kept from it',
    refused: LEAVE_OUT,
  },
  {
    names: ['key-shares', 'n', 'key-threshold', 't'],
    commands: ['init'],
    reason: 'the HSM opens the store, and there is no unseal key to share',
    refused: 'the recovery key is shared with -recovery-shares and -recovery-threshold',
    neutral: ['0'],
  },
  {
    names: ['pgp-keys', 'recovery-pgp-keys'],
    commands: ['init'],
    reason: 'coffer encrypts no shares: they would be printed as they are',
    refused: 'leave it out, and encrypt each share when it is handed over',
  },
  { names: ['root-token-pgp-key'], commands: ['init'], reason: 'there is no root token' },
  {
    names: ['stored-shares'],
    commands: ['init'],
    reason: 'the store keeps no share of a key',
    neutral: ['0', '1'],
  },
  {
    names: ['consul-auto'],
    isSwitch: true,
    commands: ['init'],
    reason: `${NO_SERVER}: the store is the one that the configuration names`,
    refused: LEAVE_OUT,
  },
  { names: ['consul-service'], commands: ['init'], reason: NO_SERVER },
  { names: ['reset'], isSwitch: true, commands: ['unseal'], reason: 'no key share is kept between commands' },
  {
    names: ['migrate'],
    isSwitch: true,
    commands: ['unseal'],
    reason: 'the store would be opened and nothing migrated',
    refused: 'how a store is moved to other keys is told by: coffer sealwrap rewrap -h',
  },
  { names: ['skip'], commands: ['operator diagnose'], reason: 'every check is made' },
  { names: ['debug'], isSwitch: true, commands: ['operator diagnose'], reason: 'COFFER_DEBUG=1 does it' },
];

/** What is known of a flag at this command; null for nothing. @param command null before it is known, when only those of every command are */
export function vaultFlag(name: string, command: string | null): VaultFlag | null {
  const known = knownFlags().find(
    ({ names, commands }) =>
      names.includes(name) && (commands === undefined || (command !== null && commands.includes(command))),
  );
  if (known === undefined) return null;
  const { isSwitch = false, reason, refused, neutral = [] } = known;
  return {
    isSwitch,
    answer(value) {
      if (value === '' || (isSwitch && value === 'false') || neutral.includes(value)) return null;
      if (refused === undefined) return `-${name} has no effect here: ${reason}`;
      return new UsageError('unsupported_flag', `-${name} is refused: ${reason}`, { hint: refused });
    },
  };
}
