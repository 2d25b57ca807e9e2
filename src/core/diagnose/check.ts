import { CofferError, type ExitStatus, type Hint } from '../../errors.ts';

/** One line of the checklist. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failure' | 'skipped';
  /** What was found. */
  readonly message: string;
  /** What to do about it; null where there is nothing to do. */
  readonly remedy: Hint | null;
  /** Of a failure: what it would make another command exit with. */
  readonly exitStatus: ExitStatus | null;
}

/** The checks so far. A failure is noted, and the next check goes on. */
export class Checklist {
  readonly checks: Check[] = [];

  has(name: string): boolean {
    return this.checks.some((check) => check.name === name);
  }

  hasFailed(name: string): boolean {
    return this.#is(name, 'failure');
  }

  isSkipped(name: string): boolean {
    return this.#is(name, 'skipped');
  }

  ok(name: string, message: string): void {
    this.checks.push({ name, status: 'ok', message, remedy: null, exitStatus: null });
  }

  warn(name: string, message: string, remedy: Hint | null): void {
    this.checks.push({ name, status: 'warning', message, remedy, exitStatus: null });
  }

  fail(name: string, { message, hint, exitStatus }: Pick<CofferError, 'message' | 'hint' | 'exitStatus'>): void {
    this.checks.push({ name, status: 'failure', message, remedy: hint, exitStatus });
  }

  skip(names: readonly string[], reason: string): void {
    for (const name of names)
      this.checks.push({ name, status: 'skipped', message: reason, remedy: null, exitStatus: null });
  }

  #is(name: string, status: Check['status']): boolean {
    return this.checks.some((check) => check.name === name && check.status === status);
  }

  /** Runs one check, which gives what it found; what it throws is its failure. Null then. */
  async attempt<T>(name: string, use: () => Promise<T>, found: (result: T) => string): Promise<T | null> {
    try {
      const result = await use();
      this.ok(name, found(result));
      return result;
    } catch (error) {
      if (!(error instanceof CofferError)) throw error;
      this.fail(name, error);
      return null;
    }
  }
}
