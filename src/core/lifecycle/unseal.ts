import { Barrier } from '../../barrier/index.ts';
import type { ExposedKey } from '../../seal/index.ts';
import { type Context, withSeal } from '../context.ts';
import { readMounts } from '../mounts/rows.ts';
import { withStorage } from '../storage.ts';
import { Freshness } from '../unsealed/freshness.ts';
import { noteUnauthenticated, openKeys, zeroKeys } from '../unsealed/keys.ts';
import { authenticateLease, writeLease } from '../unsealed/lease.ts';
import { readState } from '../unsealed/state.ts';
import { inStore } from '../unsealed/transaction.ts';
import { presentlyExposed } from './exposed-keys.ts';

export interface UnsealResult {
  /** Whether it was unsealed in just this way before, so that nothing changed. */
  readonly already: boolean;
  /** Milliseconds until it seals itself, or null for as long as the machine is up. */
  readonly ttl: number | null;
  /** Configured keys that somebody else could use or read now. */
  readonly exposedKeys: readonly ExposedKey[];
}

/**
 * Opens the store's record through the HSM and writes a lease for this boot.
 * @param ttl milliseconds, or null for as long as the machine is up
 */
export async function unsealStore(context: Context, ttl: number | null): Promise<UnsealResult> {
  return withStorage(context, false, async (storage) => {
    const { header } = await storage.transaction('read', (rows) => readState(rows, context));
    return withSeal(context, false, async (seal) => {
      const freshness = new Freshness(context, seal, header.storeId);
      const store = { context, storage, freshness, storeId: header.storeId, isMilestone: true };
      return inStore(store, 'write', async (rows, open) => {
        const state = await readState(rows, context);
        const keys = await openKeys(seal, state.record);
        try {
          const opened = await open(keys, state.record);
          await readMounts(opened.rows, new Barrier(keys.keyring));
          noteUnauthenticated(context, state.record);
          const exposedKeys = presentlyExposed(seal.exposedKeys()); // before COMMIT: no call to the HSM comes after it
          if (state.unsealed && state.lease !== null) {
            authenticateLease(state.lease.bytes, keys.rootKey, state.header.storeId);
            if (state.lease.lease.ends === null && ttl === null) return { already: true, ttl, exposedKeys };
          }
          await writeLease(rows, context.machine(), state.header, keys.rootKey, ttl);
          return { already: false, ttl, exposedKeys };
        } finally {
          zeroKeys(keys);
        }
      });
    });
  });
}
