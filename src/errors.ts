/**
 * Every failure an operator can meet, with a stable `code` for scripts and the exit status that CLI callers see.
 * Messages have no capital and no full stop; a hint says what to do next. Neither ever holds a secret or a PIN.
 */
import type { ErrorCode, ExitStatus } from './error-codes.ts';

export type { ErrorCode, ExitStatus } from './error-codes.ts';

/** What an operator can do that takes a flag. How that is typed is known in cli/remedies.ts alone. */
export type Remedy =
  | 'accept-copy'
  | 'accept-unvouched'
  | 'choose-configuration'
  | 'choose-id'
  | 'choose-key-size'
  | 'choose-label'
  | 'choose-mount-path'
  | 'choose-recovery-shares'
  | 'choose-slot'
  | 'choose-slot-shown'
  | 'choose-versions'
  | 'correct-configuration'
  | 'enable-mount'
  | 'erase-slot'
  | 'example-mount-path'
  | 'force-login'
  | 'make-hmac-key-named'
  | 'make-key-named'
  | 'match-version'
  | 'move-configuration'
  | 'other-configuration'
  | 'retry-pin'
  | 'retry-so-pin'
  | 'same-configuration'
  | 'see-altered'
  | 'shorten-key-name'
  | 'wrap-mount'
  | 'write-without-data';

/** Text, or what can be done, or both, one after the other. One or more lines. */
export type Hint = string | { readonly remedy: Remedy } | readonly Hint[];

export interface ErrorDetails {
  /** What the operator can do about it. */
  hint?: Hint | null | undefined;
  cause?: unknown;
}

export abstract class CofferError extends Error {
  abstract readonly exitStatus: ExitStatus;
  abstract readonly code: ErrorCode;
  abstract readonly hint: Hint | null;
}

/** Takes only codes that error-codes.ts lists under its exit status. Apart from CofferError, of whose S `instanceof` would make `any`. */
abstract class ListedError<S extends ExitStatus> extends CofferError {
  abstract override readonly exitStatus: S;
  readonly code: ErrorCode<S>;
  readonly hint: Hint | null;

  constructor(code: ErrorCode<S>, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint ?? null;
  }
}

/** The command line or the data given with it is wrong. */
export class UsageError extends ListedError<1> {
  readonly exitStatus = 1;
}

/** The configuration is missing, malformed or unsafe. */
export class ConfigError extends ListedError<1> {
  readonly exitStatus = 1;
}

/** The store cannot do it in its present state: sealed, not initialised, nothing there, check-and-set mismatch. */
export class StoreError extends ListedError<2> {
  readonly exitStatus = 2;
}

/** The HSM, its module, its token, its login or its keys say no. */
export class HsmError extends ListedError<3> {
  readonly exitStatus = 3;
}

/** Something in the store is not what coffer wrote there. */
export class IntegrityError extends ListedError<4> {
  readonly exitStatus = 4;
}

/** A write may have been done or not, and it could not be found out. */
export class OutcomeError extends ListedError<5> {
  readonly exitStatus = 5;
}

/** The command that was to be started cannot be executed. */
export class ExecuteError extends ListedError<126> {
  readonly exitStatus = 126;
}

/** The command that was to be started is not there. */
export class AbsentError extends ListedError<127> {
  readonly exitStatus = 127;
}

/** Whether `error` is of this class and has one of these codes. */
export function hasCode<E extends CofferError>(
  error: unknown,
  kind: abstract new (...args: never) => E,
  ...codes: readonly E['code'][]
): error is E {
  return error instanceof kind && codes.includes(error.code);
}

/** What the system or SQLite calls an error, such as ENOENT or SQLITE_BUSY; null where it says nothing. */
export function systemErrorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** The same in words, such as "permission denied", and without the path that the system adds. */
export function systemErrorText(error: unknown): string {
  const words = error instanceof Error ? /^[A-Z][A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1] : undefined;
  return words ?? systemErrorCode(error) ?? 'unknown error';
}

/** Whether the system says that there is no such file, or no such folder on the way to it. */
export function isNoSuchFile(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');
}
