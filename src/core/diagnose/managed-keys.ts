import { Barrier, Names } from '../../barrier/index.ts';
import { engineOf, type HsmKeyObject } from '../../engines/index.ts';
import { CofferError, HsmError } from '../../errors.ts';
import type { ManagedKeys } from '../../seal/index.ts';
import type { Mount } from '../mounts/table.ts';
import { viewOf } from '../mounts/view.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import type { Checklist } from './check.ts';

const NAME = 'managed keys';

/**
 * Looks up the key object of every managed key. Each use does so too, and is refused where the object has become one of the
 * seal's; here the operator learns of it before a caller does. It opens every key of transit, managed or not, and so a
 * seal-wrapped one with a trip to the HSM, also where no values are opened.
 */
export async function checkManagedKeys(
  unsealed: Pick<Unsealed, 'rows' | 'seal' | 'keys'>,
  mounts: readonly Mount[],
  list: Checklist,
): Promise<void> {
  const { keyring } = unsealed.keys;
  const objects = unsealed.seal.managed(keyring.hsmKeys);
  const barrier = new Barrier(keyring);
  const names = new Names(keyring.pathKey);
  let sound = 0;
  try {
    for (const mount of mounts) {
      const view = viewOf(mount, unsealed, barrier, names);
      const found = engineOf(mount).keyObjects?.({ mountPath: mount.path, view });
      for await (const key of found ?? []) if (isSound(objects, key, list)) sound++;
    }
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    list.fail(NAME, error);
    return;
  }
  if (sound > 0 && !list.hasFailed(NAME))
    list.ok(NAME, `${sound} of transit, each with a key object of its own in the HSM`);
}

function isSound(objects: ManagedKeys, { name, reference }: HsmKeyObject, list: Checklist): boolean {
  try {
    objects.find(reference);
    return true;
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    const hint = error.code === 'seal_key' ? KEPT_APART : error.hint;
    const problem = `the managed key ${name} does not work: ${error.message}`;
    list.fail(NAME, new HsmError(error.code, problem, { cause: error, hint }));
    return false;
  }
}

const KEPT_APART =
  'whoever may use that key through transit could open the store with it, so transit refuses it. If nothing was written yet since the stanza names it, ' +
  "name there again the key that the seal had before; else it is the seal's for good, and transit needs another key for what is new";
