import { type Change, importPlanner, type MountsTransaction, type Tally } from '../../core/index.ts';
import { type CofferError, StoreError, UsageError } from '../../errors.ts';
import type { Incoming } from './record.ts';
import { Seen } from './seen.ts';

/** Errors that are shown; the others are counted. */
const MOST_ERRORS = 10;

export interface Checked {
  readonly total: number;
  readonly tally: Tally;
  /** Secrets whose metadata finds no place. */
  readonly dropped: number;
  /** The first of them. */
  readonly errors: readonly CofferError[];
  readonly faults: number;
}

export interface CheckOptions {
  readonly cas: number | null;
  /** Told of each secret what would become of it. */
  readonly change: (path: string, change: Change) => void;
}

/**
 * Looks at everything that is to be imported, and at what is in the store, in one transaction, and writes nothing. What is wrong with
 * a secret does not keep the others from being looked at; what is no document does.
 */
export async function checkSecrets(
  transaction: MountsTransaction,
  secrets: AsyncIterable<Incoming>,
  { cas, change }: CheckOptions,
): Promise<Checked> {
  return transaction('read', async (mounts) => {
    const plan = importPlanner(mounts, cas);
    const seen = new Seen();
    const tally = { new: 0, changed: 0, unchanged: 0 };
    const errors: CofferError[] = [];
    let [total, dropped, faults] = [0, 0, 0];
    for await (const secret of secrets) {
      total++;
      try {
        if (seen.add(secret.path))
          throw new UsageError('bad_data', `${secret.path} comes twice`, { hint: 'give each secret once' });
        const planned = await plan(secret);
        tally[planned.change]++;
        if (planned.dropsMetadata) dropped++;
        change(secret.path, planned.change);
      } catch (error) {
        faults++;
        const placed = placedError(error, secret);
        if (errors.length < MOST_ERRORS) errors.push(placed);
      }
    }
    return { total, tally, dropped, errors, faults };
  });
}

/** The same with the place in the input. What is wrong with the store or the HSM is thrown as it is. */
function placedError(error: unknown, { where, path }: Incoming): CofferError {
  const details = (hint: CofferError['hint']): { hint: CofferError['hint']; cause: unknown } => ({
    hint,
    cause: error,
  });
  if (error instanceof UsageError)
    return new UsageError(error.code, `${where}, ${path}: ${error.message}`, details(error.hint));
  if (error instanceof StoreError)
    return new StoreError(error.code, `${where}, ${path}: ${error.message}`, details(error.hint));
  throw error;
}
