import { StoreError } from '../../errors.ts';
import type { Anchor, Pkcs11Seal } from '../../seal/index.ts';
import type { Rows, Storage } from '../../storage/index.ts';
import type { Root } from '../../tree/index.ts';
import { type Context, withSeal } from '../context.ts';
import { requireQuorum, verifierOf } from '../quorum.ts';
import type { Adoption } from '../wrapped/adopt.ts';
import { withStorage } from '../storage.ts';
import { stateOf } from '../unsealed/freshness.ts';
import { openKeys, type StoreKeys, zeroKeys } from '../unsealed/keys.ts';
import { type OpenedRows, openRows } from '../unsealed/opened.ts';
import { SeenMemory } from '../unsealed/seen.ts';
import { readState } from '../unsealed/state.ts';

export interface Accepted {
  /** The change that counts as the newest from now on; null for a store without a tree. */
  readonly counter: number | null;
}

/** Nobody counts so far: what somebody wrote there who can log in to the HSM must not use the counter up. */
const MOST_CHANGES = 2 ** 52;

/**
 * Has this copy of the store be the newest from now on, whatever the HSM and this machine have seen of it: for who restored a backup. Its
 * counter goes past what they have seen, so that the copy that is given up is an older one from now on, here and on every other machine.
 * Of a store without a tree both forget what they knew.
 * @throws StoreError `no_recovery_shares` where no shares were given out, and without `force`; IntegrityError `recovery_shares_wrong`; HsmError `anchor_refused`; what opening the store throws
 */
export async function acceptStore(context: Context, { shares, force }: Adoption): Promise<Accepted> {
  return withStorage(context, false, (storage) =>
    withSeal(context, 'wanted', async (seal) => {
      const store = { context, storage, seal };
      const { verifier, ...counts } = await withKeys(store, 'read', async ({ keyring }) => ({ ...keyring.recovery }));
      if (verifier === null && !force) throw noShares();
      const given = verifier === null ? null : await verifierOf(await shares(counts));
      const accepted = await withKeys(store, 'write', async (keys, { rows, record, storeId }) => {
        const wanted = keys.keyring.recovery.verifier;
        if (wanted !== null || given !== null) requireQuorum(wanted, given); // it may be another store by now
        const opened = await openRows(rows, context, keys, record, 'write');
        const memory = new SeenMemory(context, storeId);
        return { memory, root: await makeNewest(opened, memory, anchorOf(context, seal, storeId)) };
      });
      const { memory, root } = accepted;
      if (root === null) memory.forget();
      else memory.remember(stateOf(root), { lower: true });
      return { counter: root?.counter ?? null };
    }),
  );
}

function anchorOf({ config }: Context, seal: Pkcs11Seal, storeId: string): Anchor | null {
  return config.seal.anchor === 'off' ? null : seal.anchor(storeId);
}

/** Within the transaction: who is killed before its COMMIT finds a store that is older than its anchor, as before. @returns the root as it is now */
async function makeNewest(opened: OpenedRows, memory: SeenMemory, anchor: Anchor | null): Promise<Root | null> {
  if (opened.root === null) {
    anchor?.remove();
    return null;
  }
  const seen = [anchor?.read(), memory.recall()].map((state) => state?.counter ?? 0);
  opened.passCounter(Math.max(0, ...seen.filter((counter) => counter < MOST_CHANGES)));
  if (anchor !== null) opened.markAnchored();
  const root = await opened.finish();
  if (root !== null) anchor?.reset(stateOf(root));
  return root;
}

interface Found {
  readonly rows: Rows;
  readonly record: Uint8Array;
  readonly storeId: string;
}

/** One transaction on the store as it is, whatever its age. */
async function withKeys<T>(
  { context, storage, seal }: { readonly context: Context; readonly storage: Storage; readonly seal: Pkcs11Seal },
  mode: 'read' | 'write',
  use: (keys: StoreKeys, found: Found) => Promise<T>,
): Promise<T> {
  return storage.transaction(mode, async (rows) => {
    const { record, header } = await readState(rows, context);
    const keys = await openKeys(seal, record);
    try {
      return await use(keys, { rows, record, storeId: header.storeId });
    } finally {
      zeroKeys(keys);
    }
  });
}

function noShares(): StoreError {
  const problem =
    'no recovery shares were given out for this store, so that nobody but you can say that it is the newest one';
  return new StoreError('no_recovery_shares', problem, {
    hint: ['if you put this copy there yourself, ', { remedy: 'accept-unvouched' }, ' takes it'],
  });
}
