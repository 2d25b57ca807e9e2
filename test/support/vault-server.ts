import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A secret as the server has it: fields for version 1, versions for version 2. */
export interface StoredSecret {
  readonly data?: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** By number. */
  readonly versions?: Readonly<Record<string, StoredVersion>>;
}

export interface StoredVersion {
  readonly data?: unknown;
  readonly created_time?: string;
  readonly deletion_time?: string;
  readonly destroyed?: boolean;
}

export interface StoredMount {
  readonly version: 1 | 2;
  readonly type?: string;
  readonly secrets: Readonly<Record<string, StoredSecret>>;
}

export interface ServerContents {
  readonly mounts: Readonly<Record<string, StoredMount>>;
  /** Paths of the API, without /v1/, that the token may not see. */
  readonly denied?: readonly string[];
  /** Whether it knows `after` and `limit`, as OpenBao does and Vault does not. */
  readonly pages?: boolean;
  /** What OpenBao's policies may say of lists, for all of them. */
  readonly lists?: ListPolicy;
}

/** See openbao.org/docs/rfcs/acl-paginated-lists and openbao.org/docs/rfcs/filtering-list. */
export interface ListPolicy {
  /** `pagination_limit` */
  readonly limit?: number;
  /** Whether `required_parameters` has `limit`. */
  readonly isLimitRequired?: boolean;
  /** Names, with the folders before them, that `list_scan_response_keys_filter_path` takes out of a page when it is cut. */
  readonly hidden?: readonly string[];
}

/** Answers in the place of the server where it gives true. */
export type Misdeed = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface VaultServer {
  readonly url: string;
  readonly port: number;
  /** Files in PEM. */
  readonly ca: string;
  readonly token: string;
  /** What was asked, as "GET /v1/...", with the headers. */
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers'] }[];
  contents: ServerContents;
  misdeed: Misdeed;
  /** What a command needs to find it. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const TOKEN = 'hvs.CAESIJ-only-for-this-server';

/**
 * A server on this machine that answers as the documented API of Vault and OpenBao does, for reading kv alone: see
 * openbao.org/api-docs/secret/kv.
 */
export async function startVaultServer(
  contents: ServerContents,
  {
    tls = true,
    names = ['DNS:localhost', 'IP:127.0.0.1'],
  }: { readonly tls?: boolean; readonly names?: readonly string[] } = {},
): Promise<VaultServer> {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-server-'));
  const certificate = tls ? makeCertificate(folder, names) : null;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    server.requests.push({ line: `${request.method ?? ''} ${request.url ?? ''}`, headers: request.headers });
    if (server.misdeed(request, response)) return;
    const [status, body] = answerTo(server.contents, request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const listener = certificate === null ? createHttp(answer) : createHttps(certificate, answer);
  const port = await new Promise<number>((resolve) => {
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const ca = join(folder, 'ca.pem');
  const server: VaultServer = {
    url,
    port,
    ca,
    token: TOKEN,
    requests: [],
    contents,
    misdeed: () => false,
    env: { VAULT_ADDR: url, VAULT_TOKEN: TOKEN, ...(tls ? { VAULT_CACERT: ca } : {}) },
    async close() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
  return server;
}

function makeCertificate(folder: string, names: readonly string[]): { key: Buffer; cert: Buffer } {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority', '-days', '2');
  openssl(
    ...['req', '-x509', ...newKey, '-keyout', 'server.key', '-out', 'server.pem', '-subj', '/CN=server', '-days', '2'],
    ...['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', `subjectAltName=${names.join(',')}`],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
  );
  return { key: readFileSync(join(folder, 'server.key')), cert: readFileSync(join(folder, 'server.pem')) };
}

type Said = readonly [status: number, body: unknown];

const DENIED: Said = [403, { errors: ['permission denied'] }];
const NOTHING: Said = [404, { errors: [] }];

function answerTo(contents: ServerContents, request: IncomingMessage): Said {
  const url = new URL(request.url ?? '/', 'http://server');
  const path = url.pathname.split('/').slice(2).map(decodeURIComponent);
  const isAllowed = request.headers['x-vault-token'] === TOKEN;
  const isList = url.searchParams.get('list') === 'true';
  const name = path.join('/');
  if (!isAllowed || contents.denied?.includes(isList ? `${name}/` : name) === true) return DENIED;
  if (name.startsWith('sys/internal/ui/mounts/')) {
    const found = mountAt(contents, path.slice(4));
    if (found === null) return DENIED;
    const options = found.mount.version === 2 ? { version: '2' } : null;
    return [200, { data: { path: `${found.path}/`, type: found.mount.type ?? 'kv', options } }];
  }
  const found = mountAt(contents, path);
  if (found === null) return [404, { errors: [`no handler for route "${name}"`] }];
  const { mount, rest } = found;
  if (isList) return list(contents, mount, rest, url.searchParams);
  if (mount.version === 1) {
    const data = secretIn(mount, rest.join('/'))?.data;
    return data === undefined ? NOTHING : [200, { data }];
  }
  const secret = secretIn(mount, rest.slice(1).join('/'));
  if (secret === null) return NOTHING;
  if (rest[0] === 'metadata') return [200, { data: metadataOf(secret) }];
  return versionOf(secret, url.searchParams.get('version'));
}

function mountAt(
  { mounts }: ServerContents,
  path: readonly string[],
): { path: string; mount: StoredMount; rest: readonly string[] } | null {
  for (let length = path.length; length > 0; length--) {
    const name = path.slice(0, length).join('/');
    const mount = Object.hasOwn(mounts, name) ? mounts[name] : undefined;
    if (mount !== undefined) return { path: name, mount, rest: path.slice(length) };
  }
  return null;
}

function secretIn({ secrets }: StoredMount, name: string): StoredSecret | null {
  return (Object.hasOwn(secrets, name) ? secrets[name] : undefined) ?? null;
}

function list(
  { pages = false, lists = {} }: ServerContents,
  mount: StoredMount,
  rest: readonly string[],
  search: URLSearchParams,
): Said {
  const limit = allowedLimit(lists, search.get('limit'));
  if (limit === 'denied') return DENIED;
  const folder = rest
    .slice(mount.version === 2 ? 1 : 0)
    .map((name) => `${name}/`)
    .join('');
  const below = Object.keys(mount.secrets).filter((name) => name.startsWith(folder));
  const keys = new Set(below.map((name) => /^[^/]*\/?/.exec(name.slice(folder.length))?.[0] ?? ''));
  const knows = pages && mount.version === 2;
  if (knows && limit !== null && !/^\d+$/.test(limit)) return [400, { errors: ['Field validation failed'] }];
  // The names of version 2 are stored encrypted, and pages come in the order of what is stored.
  const stored = (key: string): string => createHash('sha256').update(key).digest('hex');
  const sorted = knows ? [...keys].sort((a, b) => (stored(a) < stored(b) ? -1 : 1)) : [...keys].sort();
  const after = sorted.slice(knows ? sorted.indexOf(search.get('after') ?? '') + 1 : 0);
  const cut = knows && Number(limit) > 0 ? after.slice(0, Number(limit)) : after;
  const page = cut.filter((key) => lists.hidden?.includes(folder + key) !== true);
  const ignored = knows ? [] : ['after', 'limit'].filter((name) => search.has(name));
  const warnings = ignored.map((name) => `Endpoint ignored these unrecognized parameters: [${name}]`);
  // With a warning, a list that has nothing is no 404.
  if (page.length === 0) return warnings.length === 0 ? NOTHING : [200, { data: {}, warnings }];
  return [200, { data: { keys: page }, warnings: warnings.length === 0 ? null : warnings }];
}

/** The limit that a request is given by the policy, whether it asks for one or not; null for none. */
function allowedLimit({ limit: most, isLimitRequired = false }: ListPolicy, asked: string | null): string | null {
  if (most === undefined) return asked === 'max' ? '0' : asked;
  if (asked === null ? isLimitRequired : asked !== 'max' && !(Number(asked) <= most)) return 'denied';
  return asked === null || asked === 'max' ? String(most) : asked;
}

const TIME = '2026-01-31T08:00:00.123456789Z';

function metadataOf({ metadata = {}, versions = {} }: StoredSecret): Record<string, unknown> {
  const numbers = Object.keys(versions).map(Number);
  const current = Math.max(0, ...numbers);
  return {
    cas_required: false,
    created_time: TIME,
    current_version: current,
    custom_metadata: null,
    delete_version_after: '0s',
    max_versions: 0,
    oldest_version: current === 0 || Math.min(...numbers) === 1 ? 0 : Math.min(...numbers),
    updated_time: TIME,
    ...metadata,
    versions: Object.fromEntries(
      Object.entries(versions).map(([number, { created_time = TIME, deletion_time = '', destroyed = false }]) => [
        number,
        { created_time, deletion_time, destroyed },
      ]),
    ),
  };
}

/** A deleted or destroyed version is 404 with its metadata. */
function versionOf(secret: StoredSecret, wanted: string | null): Said {
  const { metadata = {}, versions = {} } = secret;
  const number = wanted ?? String(Math.max(0, ...Object.keys(versions).map(Number)));
  const version = versions[number];
  if (version === undefined) return NOTHING;
  const { created_time = TIME, deletion_time = '', destroyed = false, data } = version;
  const described = {
    created_time,
    custom_metadata: metadata['custom_metadata'] ?? null,
    deletion_time,
    destroyed,
    version: Number(number),
  };
  const isDeleted = destroyed || (deletion_time !== '' && Date.parse(deletion_time) <= Date.now());
  return isDeleted
    ? [404, { data: { data: null, metadata: described } }]
    : [200, { data: { data, metadata: described } }];
}
