import { writeSync } from 'node:fs';
import { variable } from '../../config/index.ts';
import { type Context, isModuleFault, mayPass, reportFaults, unsealStore } from '../../core/index.ts';
import { CofferError, hasCode } from '../../errors.ts';
import { exposureWarnings } from '../commands/exposed-keys.ts';
import { hintText } from '../remedies.ts';
import type { Report } from './report.ts';

/** The hint where a login began, and nobody knows what became of it. */
export const SPENT =
  'a try of the PIN may have been spent, so it is not sent again: look at the log of the HSM before anything logs in';

/** The descriptor to report to where this process is one try of `unseal -wait`, else null. */
export function tryDescriptor(): number | null {
  const text = variable(process.env, 'unseal_try');
  return text !== null && /^[3-9]$/.test(text) ? Number(text) : null;
}

/**
 * One try to unseal, for the process that waits: it prints nothing, asks nobody, and reports what comes of it. Each report
 * is written before the next call to the module, so that it is known even of a process that hangs or dies in it.
 * @returns the exit status
 */
export async function tryOnce(descriptor: number, open: () => Promise<Context>, ttl: number | null): Promise<number> {
  const report = (what: Report): void => {
    writeSync(descriptor, line(what));
  };
  let stage: 'before' | 'begins' | 'done' = 'before';
  const failed = (error: CofferError): Report => {
    const { code, message, exitStatus } = error;
    const hint = stage === 'begins' && isModuleFault(error) ? SPENT : error.hint;
    const text = hint === null ? null : hintText(hint);
    return { kind: 'failed', code, message, hint: text, exitStatus, mayPass: mayPass(error, stage) };
  };
  // What a fault of the module means changes with the stage, and its report is written by the guard, so it is made beforehand.
  const foresee = (): void => {
    reportFaults({
      descriptor,
      error: (error) => line(failed(error)),
      warning: (text) => line({ kind: 'note', text }),
    });
  };
  foresee();
  try {
    const { already, exposedKeys } = await unsealStore(
      {
        ...(await open()),
        pinPad: () => {
          throw new NeedsOperator();
        },
        note: (text) => report({ kind: 'note', text: hintText(text) }),
        onLogin: (now) => {
          stage = now;
          foresee();
          report({ kind: now === 'begins' ? 'login' : 'logged-in' });
        },
      },
      ttl,
    );
    for (const text of exposureWarnings(exposedKeys)) report({ kind: 'note', text });
    report({ kind: 'done', already });
    return 0;
  } catch (error) {
    if (error instanceof NeedsOperator || hasCode(error, CofferError, 'pin_missing')) {
      report({ kind: 'operator' });
      return 0;
    }
    if (!(error instanceof CofferError)) throw error;
    report(failed(error));
    return error.exitStatus;
  }
}

function line(report: Report): string {
  return `${JSON.stringify(report)}\n`;
}

/** The PIN is entered on the token's own PIN pad. */
class NeedsOperator extends Error {}
