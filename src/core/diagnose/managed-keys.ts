import { Barrier, Names, openView } from '../../barrier/index.ts';
import { engineOf } from '../../engines/index.ts';
import type { HsmKeyObject } from '../../engines/index.ts';
import { CofferError, HsmError } from '../../errors.ts';
import type { ManagedKeys, Pkcs11Seal } from '../../seal/index.ts';
import type { Rows } from '../../storage/index.ts';
import type { Context } from '../context.ts';
import { openKeys, zeroKeys } from '../unsealed/keys.ts';
import type { StoreKeys } from '../unsealed/keys.ts';
import { readMounts } from '../mounts/rows.ts';
import type { Mount } from '../mounts/table.ts';
import { DATA } from '../row-paths.ts';
import { withStorage } from '../storage.ts';
import type { StoreState } from '../unsealed/state.ts';
import { sealWrapper } from '../wrapped/value-wrapper.ts';
import type { Checklist } from './check.ts';

/**
 * Looks up the key object of every managed key. Each use does so too, and is refused where the object has become one of the
 * seal's; here the operator learns of it before a caller does. It opens every key of transit, managed or not, and so a
 * seal-wrapped one with a trip to the HSM, also without -deep.
 */
export async function checkManagedKeys(context: Context, seal: Pkcs11Seal, state: StoreState, list: Checklist): Promise<void> {
  const keys = await openKeys(seal, state.record);
  try {
    await withStorage(context, false, (storage) => storage.transaction('read', (rows) => checkMounts(rows, seal, keys, list)));
  } finally {
    zeroKeys(keys);
  }
}

const NAME = 'managed keys';

async function checkMounts(rows: Rows, seal: Pkcs11Seal, keys: StoreKeys, list: Checklist): Promise<void> {
  const objects = seal.managed(keys.keyring.hsmKeys);
  let sound = 0;
  try {
    for (const mount of await readMounts(rows, new Barrier(keys.keyring))) {
      for await (const key of keyObjects(rows, seal, keys, mount)) if (isSound(objects, key, list)) sound++;
    }
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    list.fail(NAME, error);
    return;
  }
  if (sound > 0 && !list.hasFailed(NAME)) list.ok(NAME, `${sound} of transit, each with a key object of its own in the HSM`);
}

async function* keyObjects(rows: Rows, seal: Pkcs11Seal, keys: StoreKeys, mount: Mount): AsyncGenerator<HsmKeyObject> {
  const engine = engineOf(mount);
  if (engine.keyObjects === undefined) return;
  const names = new Names(keys.keyring.pathKey);
  const nameOf = (path: readonly string[]): string => mount.path + engine.rowName(path);
  const wrapper = mount.sealWrap ? sealWrapper(seal) : null;
  const view = openView({ barrier: new Barrier(keys.keyring), names, rows, root: DATA, base: mount.uuid, nameOf, wrapper });
  yield* engine.keyObjects({ mountPath: mount.path, view });
}

function isSound(objects: ManagedKeys, { name, reference }: HsmKeyObject, list: Checklist): boolean {
  try {
    objects.find(reference);
    return true;
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    const hint = error.code === 'seal_key' ? KEPT_APART : error.hint;
    list.fail(NAME, new HsmError(error.code, `the managed key ${name} does not work: ${error.message}`, { cause: error, hint }));
    return false;
  }
}

const KEPT_APART =
  'whoever may use that key through transit could open the store with it, so transit refuses it. If nothing was written yet since the stanza names it, ' +
  'name there again the key that the seal had before; else it is the seal\'s for good, and transit needs another key for what is new';
