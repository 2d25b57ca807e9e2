import { ConfigError, HsmError, IntegrityError, OutcomeError, StoreError } from '../../errors.ts';
import type { CofferError, ExitStatus } from '../../errors.ts';

/** What a try tells the process that waits: JSON, one a line. The last but for notes is 'done', 'operator' or 'failed'. */
export type Report =
  /** C_Login begins. Until 'logged-in' nobody knows whether a try of the PIN was spent. */
  | { readonly kind: 'login' }
  | { readonly kind: 'logged-in' }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'done'; readonly already: boolean }
  /** The HSM is there, and somebody has to enter the PIN. Nothing was sent. */
  | { readonly kind: 'operator' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly hint: string | null; readonly exitStatus: ExitStatus; readonly mayPass: boolean };

/** The hint where a login began, and nobody knows what became of it. */
export const SPENT = 'a try of the PIN may have been spent, so it is not sent again: look at the log of the HSM before anything logs in';

/** Null for a line that is none, as the end of a process that was killed may be. */
export function parseReport(line: string): Report | null {
  const value = parsed(line);
  if (!isObject(value)) return null;
  const { kind, text, already, code, message, hint, exitStatus, mayPass } = value;
  if (kind === 'login' || kind === 'logged-in' || kind === 'operator') return { kind };
  if (kind === 'note' && typeof text === 'string') return { kind, text };
  if (kind === 'done' && typeof already === 'boolean') return { kind, already };
  const status = STATUSES.find((known) => known === exitStatus);
  if (kind !== 'failed' || typeof code !== 'string' || typeof message !== 'string' || status === undefined) return null;
  return { kind, code, message, hint: typeof hint === 'string' ? hint : null, exitStatus: status, mayPass: mayPass === true };
}

/** The error that the try ended with. */
export function errorOf({ code, message, hint, exitStatus }: Extract<Report, { kind: 'failed' }>): CofferError {
  return new CLASSES[exitStatus](code, message, hint === null ? {} : { hint });
}

const STATUSES: readonly ExitStatus[] = [1, 2, 3, 4, 5];
const CLASSES = { 1: ConfigError, 2: StoreError, 3: HsmError, 4: IntegrityError, 5: OutcomeError } as const;

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
