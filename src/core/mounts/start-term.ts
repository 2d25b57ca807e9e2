import { activeTerm, addTerm, Barrier, type Keyring, termOf } from '../../barrier/index.ts';
import type { Rows } from '../../storage/index.ts';
import type { Context } from '../context.ts';
import { DATA, LAYOUT_WITH_TREE, MOUNTS, RECORD } from '../row-paths.ts';
import { disagrees } from '../unsealed/disagreement.ts';
import { sealKeys, storeEntropy, type StoreKeys } from '../unsealed/keys.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import { readMounts, storedPaths } from './rows.ts';
import { encodeMounts } from './table.ts';

/** A store whose term has just begun. */
interface Started {
  readonly keys: StoreKeys;
  /** Under the new term, so far. The caller writes the count. */
  readonly encryptions: number;
}

/**
 * Adds a term to the store's record, whose wraps stay as they are, and encrypts the mount table under it: an older one that
 * is put back is then of another term.
 * @throws IntegrityError `core_disagrees`
 */
export async function startTerm(
  context: Context,
  { rows, seal, keys }: Pick<Unsealed, 'rows' | 'seal' | 'keys'>,
): Promise<Started> {
  if (rows.layout < LAYOUT_WITH_TREE) await refuseUsedTerm(rows, keys.keyring); // a tree tells an older keyring
  const mounts = await readMounts(rows, new Barrier(keys.keyring));
  const keyring = await addTerm(keys.keyring, storeEntropy(context, seal), context.machine().now);
  const started = { ...keys, keyring };
  const barrier = new Barrier(keyring);
  await rows.put(MOUNTS, barrier.encrypt(MOUNTS, encodeMounts(mounts)));
  await rows.put(RECORD, await sealKeys(seal, started));
  return { keys: started, encryptions: barrier.encryptions };
}

/**
 * The number of the next term may not have been there before, which a keyring that is older than the values would use a
 * second time. Looks at the header of every value that is not wrapped by the HSM.
 */
async function refuseUsedTerm(rows: Rows, keyring: Keyring): Promise<void> {
  const { number } = activeTerm(keyring);
  for await (const path of storedPaths(rows, DATA)) {
    const term = termOf((await rows.get(path)) ?? new Uint8Array(0));
    if (term !== null && term > number)
      throw disagrees(
        `the keyring in the store's own record ends at term ${number}, and there is a value of term ${term}`,
      );
  }
}
