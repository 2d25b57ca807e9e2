import { StoreError, systemErrorCode, systemErrorText } from '../../../errors.ts';
import { shortDuration } from '../../../duration.ts';
import { MOST_BYTES } from '../lines.ts';
import { NoReply } from './exchange.ts';

/** What came of a request that got no answer. */
export interface Failure {
  readonly error: StoreError;
  /** Whether the same request may have an answer a moment later. */
  readonly mayPass: boolean;
}

/**
 * @param asked the server, and the path and query, for messages
 * @param timeout milliseconds that it had
 */
export function connectionFailure(
  error: unknown,
  { origin, target }: { readonly origin: string; readonly target: string },
  timeout: number,
): Failure {
  const code = systemErrorCode(error) ?? '';
  const certificate = certificateFailure(code, origin);
  if (certificate !== null) return { error: certificate, mayPass: false };
  if (error instanceof NoReply && error.reason === 'too-large')
    return { error: notAnAnswer(origin + target, `an answer of more than ${MOST_BYTES >> 20} MiB`), mayPass: false };
  if (error instanceof NoReply && error.reason === 'timeout') {
    const hint = 'a longer time is given by VAULT_CLIENT_TIMEOUT, for example 5m';
    return {
      error: failed(`${origin}${target} has not answered in ${shortDuration(timeout)}`, hint, error),
      mayPass: false,
    };
  }
  if (code === 'EPROTO' || /^ERR_(SSL|TLS)_/.test(code))
    return { error: failed(`no TLS connection with ${origin} comes about`, SPEAKS_TLS, error), mayPass: false };
  if (code === 'ENOTFOUND')
    return { error: failed(`the host of ${origin} is not known`, CHECK_ADDRESS, error), mayPass: false };
  const why = error instanceof NoReply || code === 'ECONNRESET' ? 'the connection was cut' : words(error, code);
  return { error: failed(`${origin} gives no answer: ${why}`, CHECK_ADDRESS, error), mayPass: true };
}

export const CHECK_ADDRESS = 'check VAULT_ADDR, and that the server is there';
const SPEAKS_TLS = 'check VAULT_ADDR, and that the server speaks TLS there';

function words(error: unknown, code: string): string {
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  return code.startsWith('HPE_') ? 'what it sends is no HTTP' : systemErrorText(error);
}

const EXPIRED = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CRL_HAS_EXPIRED', 'CRL_NOT_YET_VALID'];
const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|CERT_|CRL_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;

function certificateFailure(code: string, origin: string): StoreError | null {
  const refused = (why: string, hint: string): StoreError =>
    new StoreError('server_untrusted', `the certificate of ${origin} ${why}; nothing was sent`, { hint });
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH')
    return refused('is for another name', 'give the name in VAULT_ADDR that the certificate has');
  if (EXPIRED.includes(code))
    return refused('has expired, or is not valid yet', 'look at the clock of this machine, or have it renewed');
  if (!UNTRUSTED.test(code)) return null;
  return refused(
    'is not trusted',
    'name in VAULT_CACERT a file with the certificate of the authority that signed it, in PEM, as whoever runs the server has it',
  );
}

export function failed(message: string, hint: string | null, cause?: unknown): StoreError {
  return new StoreError('server_failed', message, { hint, cause });
}

/** Nothing of what it sent is in the message: that may be a secret. @param from the address that sent it */
export function notAnAnswer(from: string, what: string): StoreError {
  return new StoreError('server_answer', `${from} sent ${what}, where an answer of Vault or OpenBao is expected`, {
    hint: 'check that VAULT_ADDR is the address of a Vault or OpenBao, and not of something before it',
  });
}
