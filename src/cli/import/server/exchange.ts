import type { ClientRequest, IncomingMessage } from 'node:http';
import { MOST_BYTES } from '../lines.ts';

/** What a server answered, whole. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Uint8Array;
}

/** Why there is no answer, beside what the system says. */
export class NoReply extends Error {
  readonly reason: 'timeout' | 'cut' | 'too-large';

  constructor(reason: NoReply['reason']) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * Sends a request without a body and takes its answer, of at most `MOST_BYTES`.
 * @param start makes the request
 * @param timeout milliseconds for all of it
 * @throws NoReply, and what the runtime says of sockets and TLS
 */
export function exchange(
  start: (answered: (response: IncomingMessage) => void) => ClientRequest,
  timeout: number,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let held = 0;
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
      request.destroy();
    };
    const request = start((response) => {
      response.on('error', fail);
      response.on('aborted', () => fail(new NoReply('cut')));
      response.on('data', (chunk: Uint8Array) => {
        held += chunk.length;
        if (held > MOST_BYTES) fail(new NoReply('too-large'));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        clearTimeout(timer);
        if (!response.complete) fail(new NoReply('cut'));
        else resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    const timer = setTimeout(() => fail(new NoReply('timeout')), timeout);
    request.on('error', fail);
    request.end();
  });
}
