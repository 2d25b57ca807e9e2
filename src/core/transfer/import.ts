import type { Change, Planned, Transfer } from '../../engines/transfer.ts';
import { joinedNames, newPathProblem, badPath } from '../mounts/path.ts';
import type { Mounts, MountsTransaction } from '../mounts/mounts.ts';
import type { CarriedSecret } from './export.ts';
import { secretPlace } from './place.ts';

export type { Change } from '../../engines/transfer.ts';

/**
 * Tells what bringing secrets in would do, within one transaction, which may be a 'read'.
 * @param cas as the engine's: the version that a secret which changes must be at; null for any
 */
export function importPlanner(mounts: Mounts, cas: number | null): (secret: CarriedSecret) => Promise<Planned> {
  const transfers = new Map<string, Transfer>();
  return async (secret) => {
    const path = joinedNames(secret.path);
    const problem = newPathProblem(path);
    if (problem !== null) throw badPath(secret.path, problem);
    const { mount, rest } = secretPlace(mounts, path);
    let transfer = transfers.get(mount.uuid);
    if (transfer === undefined) transfers.set(mount.uuid, (transfer = await mounts.transfer(mount)));
    return transfer.plan(rest, secret, cas);
  };
}

/** How many secrets an import made, changed, and found to be there as they are. */
export type Tally = Readonly<Record<Change, number>>;

/** One transaction ends after so many secrets, or after so long: it keeps other writers out, who wait ten seconds. */
const BATCH_SECRETS = 20_000;
const BATCH_MS = 4000;
/** How long other writers, who look again every tenth of a second, then have their turn. */
const REST_MS = 110;

export interface ImportOptions {
  readonly cas: number | null;
  /** Told after each transaction how many secrets are done. */
  readonly progress: (done: number) => void;
}

/**
 * Brings secrets in, each batch of them in one transaction. Whatever ends it, the batches before stay, and the same import again
 * finds them unchanged and goes on behind them.
 */
export async function importSecrets(
  transaction: MountsTransaction,
  secrets: AsyncIterator<CarriedSecret>,
  { cas, progress }: ImportOptions,
): Promise<Tally> {
  const tally = { new: 0, changed: 0, unchanged: 0 };
  for (let next = await secrets.next(); next.done !== true;) {
    const started = performance.now();
    const batch = { new: 0, changed: 0, unchanged: 0 };
    await transaction('write', async (mounts) => {
      const plan = importPlanner(mounts, cas);
      for (let count = 0; next.done !== true && count < BATCH_SECRETS; count++) {
        const { change, apply } = await plan(next.value);
        if (change !== 'unchanged') await apply();
        batch[change]++;
        next = await secrets.next();
        if (performance.now() - started > BATCH_MS) break;
      }
    });
    for (const change of ['new', 'changed', 'unchanged'] as const) tally[change] += batch[change];
    progress(tally.new + tally.changed + tally.unchanged);
    if (performance.now() - started > BATCH_MS / 2) await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
  return tally;
}
