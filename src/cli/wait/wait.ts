import { formatDuration } from '../../duration.ts';
import { type CofferError, HsmError } from '../../errors.ts';
import { type Ended, runTry } from './process.ts';
import { errorOf } from './report.ts';
import { SPENT } from './try.ts';

/** The first try is short, for a module that hangs without its daemon; a slow HSM gets twice the time at each further one. */
const SHORTEST_TRY_MS = 5000;
const LONGEST_TRY_MS = 30_000;
/** How much later than the guard of a try the process that waits gives it up: the guard names the function, and ends nothing half way. */
const GRACE_MS = 5000;
const PAUSE_MS = 1000;

export interface Wait {
  /** The command line of one try. */
  readonly args: readonly string[];
  /** The longest to wait, in milliseconds. */
  readonly longest: number;
  /** The longest that one call of the module may take, in milliseconds; a try watches over its own calls. */
  readonly timeout: number;
  readonly note: (text: string) => void;
}

/**
 * Tries to unseal until the HSM answers, each time in a process of its own: what a module keeps in memory, and where it
 * hangs, ends with the try. Whatever a login says ends the wait, and so does a try that ends, by itself or not, between
 * C_Login and its answer. The last error is thrown when the time is up.
 * @returns whether the store was unsealed before; null where the HSM answers and somebody has to enter the PIN
 */
export async function waitToUnseal({ args, longest, timeout, note }: Wait): Promise<boolean | null> {
  const deadline = performance.now() + longest;
  let last: CofferError | null = null;
  for (let tries = 0; ; tries++) {
    const bound = Math.min(SHORTEST_TRY_MS * 2 ** tries, Math.max(LONGEST_TRY_MS, timeout + GRACE_MS));
    const fromLogin = Math.max(bound, timeout + GRACE_MS);
    const ended = await runTry(args, { bound, fromLogin, left: Math.max(0, deadline - performance.now()) });
    for (const report of ended.reports) if (report.kind === 'note') note(report.text);
    const final = ended.reports.findLast(({ kind }) => kind === 'done' || kind === 'operator' || kind === 'failed');
    if (final?.kind === 'done') return final.already;
    if (final?.kind === 'operator') return null;
    const error: CofferError =
      final?.kind === 'failed' ? errorOf(final) : withoutWord(ended, stageOf(ended) === null ? bound : fromLogin);
    const passes = final?.kind === 'failed' ? final.mayPass : stageOf(ended) !== 'login';
    if (!passes) throw error;
    // A try that was cut short by the deadline says less than the one before.
    if (last === null || ended.killed !== 'deadline') last = error;
    if (performance.now() + PAUSE_MS >= deadline) throw last;
    if (tries === 0) note(`waiting at most ${formatDuration(longest)} for the HSM: ${error.message}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function stageOf({ reports }: Ended): 'login' | 'logged-in' | null {
  const stage = reports.findLast(({ kind }) => kind === 'login' || kind === 'logged-in');
  return stage?.kind === 'login' || stage?.kind === 'logged-in' ? stage.kind : null;
}

/** For a try that ended without saying why; `bound` is the time that it had. */
function withoutWord(ended: Ended, bound: number): HsmError {
  const stage = stageOf(ended);
  const where = stage === 'login' ? ' in C_Login' : '';
  const hint =
    stage === 'login'
      ? SPENT
      : "see that the HSM is powered and reachable and that its daemon runs, and look at the module's own log";
  if (ended.killed === null)
    return new HsmError('module_crashed', `the PKCS#11 module ended the process${where} (${ended.how})`, { hint });
  const time = ended.killed === 'bound' ? ` within ${formatDuration(bound)}` : ' in time';
  return new HsmError('hsm_timeout', `the HSM did not answer${where}${time}`, { hint });
}
