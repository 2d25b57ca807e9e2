import { activeTerm, addTerm, zeroKeyring } from '../barrier/index.ts';
import type { Keyring } from '../barrier/index.ts';
import type { Context } from './hsm.ts';
import { sealKeys, storeEntropy } from './keys.ts';
import type { StoreKeys } from './keys.ts';
import { withOpening } from './opened.ts';
import type { Opened } from './opened.ts';
import { RECORD, USAGE } from './rows.ts';
import { decodeUsage, encodeUsage } from './usage.ts';

/** The active term of the keyring. */
export interface KeyStatus {
  readonly term: number;
  /** Milliseconds since 1970. */
  readonly installed: number;
  /** Values encrypted under it so far. */
  readonly encryptions: number;
}

/**
 * Starts a new term: what is written from now on is encrypted under a new barrier key; what was written before still
 * opens with the terms before.
 * @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError
 */
export async function rotate(context: Context): Promise<KeyStatus> {
  return withOpening(context, ({ transaction }) =>
    transaction(context, 'write', async (opened) => {
      decodeUsage(await opened.rows.get(USAGE), opened.keys.rootKey); // an altered count is reported, not overwritten
      const { keyring } = await startTerm(context, opened);
      try {
        await opened.rows.put(USAGE, encodeUsage({ term: activeTerm(keyring).number, encryptions: 0 }, opened.keys.rootKey));
        return describe(keyring, 0);
      } finally {
        zeroKeyring(keyring);
      }
    }),
  );
}

/** @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError */
export async function keyStatus(context: Context): Promise<KeyStatus> {
  return withOpening(context, ({ mayRead, transaction }) =>
    transaction(context, mayRead ? 'read' : 'write', async ({ rows, keys }) => {
      const { encryptions } = decodeUsage(await rows.get(USAGE), keys.rootKey);
      return describe(keys.keyring, encryptions);
    }),
  );
}

/** Adds a term to the store's record, whose wraps stay as they are. The caller writes the count that begins with it. */
export async function startTerm(context: Context, { rows, seal, keys }: Opened): Promise<StoreKeys> {
  const keyring = await addTerm(keys.keyring, storeEntropy(context, seal), context.machine.now);
  const rotated = { ...keys, keyring };
  await rows.put(RECORD, await sealKeys(seal, rotated));
  return rotated;
}

function describe(keyring: Keyring, encryptions: number): KeyStatus {
  const { number, created } = activeTerm(keyring);
  return { term: number, installed: created, encryptions };
}
