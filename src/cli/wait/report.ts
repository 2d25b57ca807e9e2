import { isErrorCode } from '../../error-codes.ts';
import {
  AbsentError,
  type CofferError,
  ConfigError,
  type ErrorCode,
  type ErrorDetails,
  ExecuteError,
  type ExitStatus,
  HsmError,
  IntegrityError,
  OutcomeError,
  StoreError,
} from '../../errors.ts';

/** What a try tells the process that waits: JSON, one a line. The last but for notes is 'done', 'operator' or 'failed'. */
export type Report =
  /** C_Login begins. Until 'logged-in' nobody knows whether a try of the PIN was spent. */
  | { readonly kind: 'login' }
  | { readonly kind: 'logged-in' }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'done'; readonly already: boolean }
  /** The HSM is there, and somebody has to enter the PIN. Nothing was sent. */
  | { readonly kind: 'operator' }
  | Failed;

interface Failed<S extends ExitStatus = ExitStatus> {
  readonly kind: 'failed';
  readonly exitStatus: S;
  readonly code: ErrorCode<S>;
  readonly message: string;
  readonly hint: string | null;
  readonly mayPass: boolean;
}

/** Null for a line that is none, as the end of a process that was killed may be. */
export function parseReport(line: string): Report | null {
  const value = parsed(line);
  if (!isObject(value)) return null;
  const { kind, text, already, code, message, hint, exitStatus, mayPass } = value;
  if (kind === 'login' || kind === 'logged-in' || kind === 'operator') return { kind };
  if (kind === 'note' && typeof text === 'string') return { kind, text };
  if (kind === 'done' && typeof already === 'boolean') return { kind, already };
  const status = STATUSES.find((known) => known === exitStatus);
  if (kind !== 'failed' || status === undefined || !isErrorCode(status, code) || typeof message !== 'string')
    return null;
  const advice = typeof hint === 'string' ? hint : null;
  return { kind, code, message, hint: advice, exitStatus: status, mayPass: mayPass === true };
}

/** The error that the try ended with. */
export function errorOf<S extends ExitStatus>({ exitStatus, code, message, hint }: Failed<S>): CofferError {
  return new CLASSES[exitStatus](code, message, { hint });
}

const STATUSES: readonly ExitStatus[] = [1, 2, 3, 4, 5, 126, 127];
const CLASSES: {
  readonly [S in ExitStatus]: new (code: ErrorCode<S>, message: string, details: ErrorDetails) => CofferError;
} = {
  1: ConfigError,
  2: StoreError,
  3: HsmError,
  4: IntegrityError,
  5: OutcomeError,
  126: ExecuteError,
  127: AbsentError,
};

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
