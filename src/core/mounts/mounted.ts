import { activeTerm, Barrier, Names, openView } from '../../barrier/index.ts';
import { dispatch, engineOf, upgradeToVersions } from '../../engines/index.ts';
import type { EngineContext, Request, Response } from '../../engines/index.ts';
import type { Entropy } from '../../entropy/index.ts';
import { systemEntropy, testedEntropy } from '../../entropy/index.ts';
import { ConfigError, UsageError } from '../../errors.ts';
import type { Pkcs11Seal } from '../../seal/index.ts';
import { ReadOnlyTransaction } from '../../storage/index.ts';
import type { Rows } from '../../storage/index.ts';
import type { Context } from '../context.ts';
import { storeEntropy, zeroKeys } from '../unsealed/keys.ts';
import type { StoreKeys } from '../unsealed/keys.ts';
import { readMounts, storedPaths } from './rows.ts';
import { encodeMounts, hasControlCharacter, resolveMount } from './table.ts';
import type { Mount } from './table.ts';
import { withOpening } from '../unsealed/unsealed.ts';
import type { Opened } from '../unsealed/unsealed.ts';
import { startTerm } from '../lifecycle/rotate.ts';
import { DATA, MOUNTS, USAGE } from '../row-paths.ts';
import { encodeUsage, TERM_LIMIT } from '../unsealed/usage.ts';
import { sealWrapper } from '../wrapped/value-wrapper.ts';

/** An unsealed store within one transaction. */
export interface Store {
  readonly mounts: readonly Mount[];
  saveMounts(mounts: readonly Mount[]): Promise<void>;
  /** Removes everything that a mount holds. */
  clear(mount: Mount): Promise<void>;
  /** Makes versions of what a version 1 kv mount holds. */
  upgrade(mount: Mount): Promise<void>;
  /** The mount that a path lies in, and the rest of the path. @throws UsageError `bad_path`; StoreError `no_mount` */
  resolve(path: string): { readonly mount: Mount; readonly rest: string };
  /** Brings a request to the engine that is mounted at its path. @throws StoreError `no_mount`, `unsupported_path` */
  request(request: Request): Promise<Response | null>;
}

/**
 * Opens the store for one command: without the HSM as far as the lease, then through the HSM to the keyring, all within
 * one transaction. A 'write' transaction commits when `use` returns.
 * @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError
 */
export async function withStore<T>(context: Context, mode: 'read' | 'write', use: (store: Store) => Promise<T>): Promise<T> {
  return withOpening(context, async ({ mayRead, transaction }) => {
    const run = (as: 'read' | 'write'): Promise<T> =>
      transaction(context, as, (opened) => (as === 'read' ? readStore(context, opened, use) : writeStore(context, opened, use)));
    try {
      return await run(mayRead ? mode : 'write');
    } catch (error) {
      // A read that turns out to write, such as the first look at transit's wrapping key, begins again as a write.
      if (error instanceof ReadOnlyTransaction) return run('write');
      throw error;
    }
  });
}

async function readStore<T>(context: Context, { seal, rows, keys }: Opened, use: (store: Store) => Promise<T>): Promise<T> {
  const barrier = new Barrier(keys.keyring);
  return use(await openStore(context, seal, rows, keys, barrier));
}

/** As readStore, and keeps count of the encryptions; a term that has served long enough is followed by a new one. */
async function writeStore<T>(context: Context, opened: Opened, use: (store: Store) => Promise<T>): Promise<T> {
  const { seal, rows } = opened;
  let { keys, usage } = opened;
  if (usage.encryptions >= TERM_LIMIT) {
    const started = await startTerm(context, opened);
    keys = started.keys;
    usage = { term: activeTerm(keys.keyring).number, encryptions: started.encryptions };
  }
  try {
    const barrier = new Barrier(keys.keyring);
    const result = await use(await openStore(context, seal, rows, keys, barrier));
    const encryptions = usage.encryptions + barrier.encryptions;
    if (usage !== opened.usage || barrier.encryptions > 0) await rows.put(USAGE, encodeUsage({ term: usage.term, encryptions }, keys.rootKey));
    return result;
  } finally {
    zeroKeys(keys);
  }
}

async function openStore(context: Context, seal: Pkcs11Seal, rows: Rows, keys: StoreKeys, barrier: Barrier): Promise<Store> {
  const names = new Names(keys.keyring.pathKey);
  let mounts = await readMounts(rows, barrier);
  const entropy = storeEntropy(context, seal);
  const hsm = seal.managed(keys.keyring.hsmKeys);
  const hsmEntropy = context.config.entropyAugmentation ? testedEntropy((length) => seal.random(length)) : null;

  function contextOf(mount: Mount): EngineContext {
    const wrapper = mount.sealWrap ? sealWrapper(seal) : null;
    return {
      mountPath: mount.path,
      view: openView({ barrier, names, rows, root: DATA, base: mount.uuid, nameOf: (path) => mount.path + engineOf(mount).rowName(path), wrapper }),
      entropy: entropyOf(mount, context, entropy),
      externalEntropy: mount.externalEntropy,
      sealRandom: hsmEntropy === null ? null : (length) => hsmEntropy.bytes(length),
      hsm,
      now: context.machine.now,
    };
  }

  return {
    get mounts() {
      return mounts;
    },
    async saveMounts(changed) {
      await rows.put(MOUNTS, barrier.encrypt(MOUNTS, encodeMounts(changed)));
      mounts = [...changed];
    },
    async clear(mount) {
      for await (const path of storedPaths(rows, names.encrypt(DATA, [mount.uuid]))) await rows.delete(path);
    },
    async upgrade(mount) {
      await upgradeToVersions(contextOf(mount));
    },
    resolve: (path) => resolveMount(mounts, checkedPath(path)),
    async request(request) {
      const { mount, rest } = resolveMount(mounts, checkedPath(request.path));
      return dispatch(engineOf(mount), contextOf(mount), { ...request, path: rest });
    },
  };
}

/** HSM bytes for a mount with -external-entropy-access; without the entropy stanza it gets none at all. */
function entropyOf(mount: Mount, context: Context, augmented: Entropy): Entropy {
  if (!mount.externalEntropy) return systemEntropy;
  if (context.config.entropyAugmentation) return augmented;
  return {
    bytes: () => {
      throw new ConfigError('entropy_required', `${mount.path} has external entropy access, but the configuration has no entropy stanza`, {
        hint: 'add: entropy "seal" { mode = "augmentation" }',
      });
    },
  };
}

/** A path of non-empty segments, without a slash at either end. @throws UsageError `bad_path` */
function checkedPath(path: string): string {
  const problem = path.split('/').includes('') ? 'it has an empty part' : hasControlCharacter(path) ? 'it has a control character' : null;
  if (problem === null) return path;
  throw new UsageError('bad_path', `${JSON.stringify(path)} is not a path: ${problem}`, { hint: 'for example: secret/app/database' });
}
