import type { Agent, IncomingMessage, ClientRequest, RequestOptions } from 'node:http';
import { fromUtf8 } from '../../../bytes.ts';
import { StoreError } from '../../../errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../../json.ts';
import { exchange, type Reply } from './exchange.ts';
import { CHECK_ADDRESS, connectionFailure, failed, type Failure, notAnAnswer } from './failures.ts';
import { leaderAt } from './redirect.ts';
import type { Server } from './settings.ts';

/** An answer that says something of a path. */
export interface Answer {
  /** 403: the token may not see it. */
  readonly status: 200 | 403 | 404;
  /** Empty for 403. */
  readonly body: JsonObject;
  /** The address that was asked, for messages. */
  readonly from: string;
}

/** How often a request is made, and how long the first wait is; each one after it is twice as long. */
const TRIES = 5;
const FIRST_WAIT = 250;
/** The longest that is waited because the server asks for it, in milliseconds. */
const LONGEST_WAIT = 10_000;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MOST_REDIRECTS = 3;

interface Transport {
  readonly request: (options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest;
  readonly agent: Agent;
}

/** Asks a server, one request after the other on one connection. Changes nothing there. */
export class Client {
  readonly #server: Server;
  readonly #transport: Transport;
  /** The server itself, or the leader that it has led to. */
  #at: URL;

  private constructor(server: Server, transport: Transport) {
    this.#server = server;
    this.#transport = transport;
    this.#at = server.url;
  }

  static async open(server: Server): Promise<Client> {
    const agentOptions = { keepAlive: true, maxSockets: 1 };
    if (server.url.protocol === 'http:') {
      const { Agent, request } = await import('node:http');
      return new Client(server, { request, agent: new Agent(agentOptions) });
    }
    const { Agent, request } = await import('node:https');
    const trust = {
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      // A file may have the certificate of an intermediate authority alone, or that of the server itself, as for Vault's own client.
      ...(server.ca === null ? {} : { ca: server.ca, allowPartialTrustChain: true }),
    } as const;
    return new Client(server, {
      request: (options, answered) => request({ ...options, ...trust }, answered),
      agent: new Agent({ ...agentOptions, ...trust }),
    });
  }

  get origin(): string {
    return this.#server.url.origin;
  }

  close(): void {
    this.#transport.agent.destroy();
  }

  /**
   * @param path names below /v1
   * @throws StoreError `server_answer`, `server_failed`, `server_redirects`, `server_sealed`, `server_untrusted`
   */
  async get(path: readonly string[], query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const target = this.#targetOf(path, query);
    const started = performance.now();
    for (let tried = 1; ; tried++) {
      const reply = await this.#ask(target);
      const outcome = isFailure(reply) ? reply : judged(reply, this.origin, target);
      if (!isFailure(outcome)) return outcome;
      const isLate = performance.now() - started > this.#server.timeout;
      if (!outcome.mayPass || tried === TRIES || isLate) throw outcome.error;
      this.#at = this.#server.url; // the leader may be another one now
      await new Promise((resolve) => setTimeout(resolve, Math.max(FIRST_WAIT * 2 ** (tried - 1), askedWait(reply))));
    }
  }

  #targetOf(path: readonly string[], query: Readonly<Record<string, string>>): string {
    const before = this.#server.url.pathname.replace(/\/+$/, '');
    const search = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return `${before}/v1/${path.map(encodeURIComponent).join('/')}${search.length === 0 ? '' : `?${search.join('&')}`}`;
  }

  /** Follows redirects. */
  async #ask(target: string): Promise<Reply | Failure> {
    for (let redirects = 0; ; redirects++) {
      const reply = await this.#send(target);
      if (isFailure(reply) || !REDIRECTS.includes(reply.status)) return reply;
      if (redirects === MOST_REDIRECTS) {
        const error = new StoreError('server_redirects', `${this.origin} redirects again and again`, {
          hint: CHECK_ADDRESS,
        });
        return { error, mayPass: false };
      }
      this.#at = leaderAt(reply.headers.location, this.#at, target);
    }
  }

  async #send(path: string): Promise<Reply | Failure> {
    const { hostname, port } = this.#at;
    const { timeout, headers } = this.#server;
    const { request, agent } = this.#transport;
    const host = hostname.replace(/^\[|\]$/g, '');
    try {
      return await exchange((answered) => request({ host, port, path, agent, headers }, answered), timeout);
    } catch (error) {
      return connectionFailure(error, { origin: this.#at.origin, target: path }, timeout);
    }
  }
}

/** Milliseconds that the server asks to be left alone (RFC 9110 section 10.2.3), bounded. */
function askedWait(reply: Reply | Failure): number {
  const seconds = isFailure(reply) ? undefined : reply.headers['retry-after'];
  return seconds !== undefined && /^\d{1,6}$/.test(seconds) ? Math.min(Number(seconds) * 1000, LONGEST_WAIT) : 0;
}

function isFailure(outcome: Reply | Answer | Failure): outcome is Failure {
  return 'error' in outcome;
}

/** @throws StoreError `server_answer` */
function judged(reply: Reply, origin: string, target: string): Answer | Failure {
  const { status } = reply;
  const from = origin + target;
  if (status === 200 || status === 403 || status === 404) return readAnswer(status, reply, from);
  if (status === 503) {
    const hint = 'nothing was changed; import again when it is unsealed';
    const message = `the server at ${origin} is sealed, or not ready (status 503)`;
    return { error: new StoreError('server_sealed', message, { hint }), mayPass: false };
  }
  if (status !== 412 && status !== 429 && (status < 500 || status === 501))
    throw notAnAnswer(from, `the status ${status}`);
  const hint = 'look at the log of the server, and import again';
  return { error: failed(`${from} fails with the status ${status}`, hint), mayPass: true };
}

function readAnswer(status: Answer['status'], { headers, body }: Reply, from: string): Answer {
  if (status === 403) return { status, body: {}, from };
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw notAnAnswer(from, 'something compressed');
  let parsed;
  try {
    parsed = parseJson(fromUtf8(body));
  } catch {
    throw notAnAnswer(from, 'something that is no JSON');
  }
  if (!isJsonObject(parsed)) throw notAnAnswer(from, 'JSON that is no object');
  if (status === 404 && !['errors', 'data', 'request_id'].some((name) => Object.hasOwn(parsed, name)))
    throw notAnAnswer(from, 'a status 404 of its own');
  return { status, body: parsed, from };
}
