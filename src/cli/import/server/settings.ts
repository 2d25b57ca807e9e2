import { readFileSync } from 'node:fs';
import { firstSet, unreadOfServer, variables } from '../../../config/index.ts';
import { parseDuration } from '../../../duration.ts';
import { systemErrorText, UsageError } from '../../../errors.ts';

/** A running Vault or OpenBao, as the environment names it. */
export interface Server {
  /** The address that its paths are below. */
  readonly url: URL;
  /** Of every request: among them the token. */
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates that it may be trusted by, in PEM; null for those that the runtime brings. */
  readonly ca: string | null;
  /** The longest that one answer may take, in milliseconds. */
  readonly timeout: number;
  /** What is set, and has no effect. */
  readonly notes: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_TIMEOUT = 60_000;

/** @throws UsageError `bad_server`, never with the token in it */
export async function readServer(env: Environment): Promise<Server> {
  const url = readAddress(env);
  const unread = unreadOfServer.filter((name) => Boolean(env[name]));
  return {
    url,
    headers: readHeaders(env),
    ca: url.protocol === 'https:' ? await readCertificates(env) : null,
    timeout: readTimeout(env),
    notes: unread.map((name) => `${name} has no effect here: ${unreadReason(name)}`),
  };
}

function unreadReason(name: string): string {
  if (name.endsWith('SKIP_VERIFY')) return 'the certificate of the server is always verified';
  return 'the server is the one of VAULT_ADDR, and trusted by VAULT_CACERT';
}

function readAddress(env: Environment): URL {
  const given = firstSet(env, variables.server_address);
  const example = 'for example VAULT_ADDR=https://vault.example.com:8200';
  if (given === null)
    throw new UsageError('bad_server', 'VAULT_ADDR is not set, which names the server', { hint: example });
  const refused = (why: string, hint = example): UsageError =>
    new UsageError('bad_server', `${given.name} ${why}`, { hint });
  if (!URL.canParse(given.value)) throw refused('is no address');
  const url = new URL(given.value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('is an address of neither https nor http');
  if (url.username !== '' || url.password !== '')
    throw refused('has a user or a password in it, and the server takes none');
  if (url.search !== '' || url.hash !== '') throw refused('has more than a host, a port and a path');
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw refused(
      'is an http address of another machine: the token and every secret would cross the network in clear',
      HTTP,
    );
  return url;
}

const HTTP = [
  'give its https address; http is taken for this machine alone,',
  'so that a tunnel will do: ssh -L 8200:localhost:8200 HOST, and VAULT_ADDR=http://localhost:8200',
].join('\n');

/** @param hostname as URL has it, where 127.1 is 127.0.0.1 */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function readHeaders(env: Environment): Record<string, string> {
  const token = firstSet(env, variables.server_token);
  if (token === null)
    throw new UsageError('bad_server', 'VAULT_TOKEN is not set, and the server answers nobody without a token', {
      hint: 'for example VAULT_TOKEN=$(cat ~/.vault-token)',
    });
  if (!/^[!-~]+$/.test(token.value))
    throw new UsageError('bad_server', `${token.name} has a character that no token has`);
  const namespace = firstSet(env, variables.server_namespace);
  if (namespace !== null && !/^[!-~]+$/.test(namespace.value))
    throw new UsageError('bad_server', `${namespace.name} has a character that no namespace has`);
  return {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'x-vault-request': 'true',
    'x-vault-token': token.value,
    ...(namespace === null ? {} : { 'x-vault-namespace': namespace.value }),
  };
}

function readTimeout(env: Environment): number {
  const given = firstSet(env, variables.server_timeout);
  if (given === null) return DEFAULT_TIMEOUT;
  const milliseconds = parseDuration(given.value) ?? 0;
  if (milliseconds > 0 && milliseconds < 2 ** 31) return milliseconds;
  throw new UsageError('bad_server', `${given.name} is no duration above zero`, { hint: 'for example 60s' });
}

/**
 * Where systems keep the certificates that everything on them trusts: Debian, Fedora, SUSE, Alpine. What an operator's other
 * clients trust is trusted here, on every runtime.
 */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

async function readCertificates(env: Environment): Promise<string | null> {
  const given = firstSet(env, variables.server_ca);
  if (given === null) return BUNDLES.map(contentOf).find((text) => text !== null) ?? null;
  const refused = (why: string): UsageError =>
    new UsageError('bad_server', `${given.name} names ${given.value}: ${why}`, {
      hint: 'name a file with the certificate of the authority that signed that of the server, in PEM',
    });
  let text;
  try {
    // Base64 between lines of ASCII; what is written beside them does not matter.
    text = readFileSync(given.value, 'latin1');
  } catch (error) {
    throw refused(systemErrorText(error));
  }
  const { X509Certificate } = await import('node:crypto');
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    // The runtimes differ in what they make of a file that they cannot read.
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch {
    throw refused('a certificate in it cannot be read');
  }
  if (certificates.length === 0) throw refused('there is no certificate in it');
  return certificates.join('\n');
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
