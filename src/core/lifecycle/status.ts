import { hasCode, StoreError } from '../../errors.ts';
import { counterOf, ROOT } from '../../tree/index.ts';
import type { Context } from '../context.ts';
import { withStorage } from '../storage.ts';
import type { StoreHeader } from '../unsealed/header.ts';
import { readState } from '../unsealed/state.ts';

/** What `seal-status` shows; needs neither PIN nor HSM, and so is not authenticated. */
export interface SealStatus {
  /** Null when the store is not initialised. */
  readonly header: StoreHeader | null;
  /** Of changes to the store; null where it has no tree. */
  readonly counter: number | null;
  readonly sealed: boolean;
  /** Milliseconds until it seals itself; null when sealed, or for as long as the machine is up. */
  readonly remaining: number | null;
}

export async function sealStatus(context: Context): Promise<SealStatus> {
  const nothing: SealStatus = { header: null, counter: null, sealed: true, remaining: null };
  try {
    return await withStorage(context, false, (storage) =>
      storage.transaction('read', async (rows) => {
        const state = await readState(rows, context);
        const ends = state.unsealed ? (state.lease?.lease.ends ?? null) : null;
        const remaining = ends === null ? null : Math.max(0, ends - context.machine().uptime);
        const counter = counterOf(await rows.get(ROOT));
        return { header: state.header, counter, sealed: !state.unsealed, remaining };
      }),
    );
  } catch (error) {
    if (hasCode(error, StoreError, 'not_initialized')) return nothing;
    throw error;
  }
}

export async function isInitialized(context: Context): Promise<boolean> {
  return (await sealStatus(context)).header !== null;
}
