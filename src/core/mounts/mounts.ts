import { activeTerm, Barrier, Names } from '../../barrier/index.ts';
import {
  dispatch,
  type EngineContext,
  engineOf,
  type EngineRequest,
  type EngineResponse,
  upgradeToVersions,
} from '../../engines/index.ts';
import { type Entropy, systemEntropy } from '../../entropy/index.ts';
import { ConfigError, UsageError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { hsmEntropy, storeEntropy, zeroKeys } from '../unsealed/keys.ts';
import { readMounts, storedPaths } from './rows.ts';
import { startTerm } from './start-term.ts';
import { encodeMounts, hasControlCharacter, type Mount, resolveMount } from './table.ts';
import { viewOf } from './view.ts';
import { type Mode, type Unsealed, withUnsealed } from '../unsealed/unsealed.ts';
import { DATA, MOUNTS, USAGE } from '../row-paths.ts';
import { encodeUsage, TERM_LIMIT } from '../unsealed/usage.ts';

/** The mounts of an unsealed store within one transaction. */
export interface Mounts {
  readonly table: readonly Mount[];
  save(table: readonly Mount[]): Promise<void>;
  /** Removes everything that a mount holds. */
  clear(mount: Mount): Promise<void>;
  /** Makes versions of what a version 1 kv mount holds. */
  upgrade(mount: Mount): Promise<void>;
  /** The mount that a path lies in, and the rest of the path. @throws UsageError `bad_path`; StoreError `no_mount` */
  resolve(path: string): { readonly mount: Mount; readonly rest: string };
  /** Brings a request to the engine that is mounted at its path. @throws StoreError `no_mount`, `unsupported_path` */
  request(request: EngineRequest): Promise<EngineResponse | null>;
}

/**
 * Opens the store and its mount table for one command, all within one transaction. A 'write' commits when `use` returns.
 * @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError
 */
export async function withMounts<T>(context: Context, mode: Mode, use: (mounts: Mounts) => Promise<T>): Promise<T> {
  return withUnsealed(context, mode, (unsealed, as) =>
    as === 'read' ? reading(context, unsealed, use) : writing(context, unsealed, use),
  );
}

async function reading<T>(context: Context, unsealed: Unsealed, use: (mounts: Mounts) => Promise<T>): Promise<T> {
  return use(await openMounts(context, unsealed, new Barrier(unsealed.keys.keyring)));
}

/** As `reading`, and keeps count of the encryptions; a term that has served long enough is followed by a new one. */
async function writing<T>(context: Context, unsealed: Unsealed, use: (mounts: Mounts) => Promise<T>): Promise<T> {
  let { keys, usage } = unsealed;
  if (usage.encryptions >= TERM_LIMIT) {
    const started = await startTerm(context, unsealed);
    keys = started.keys;
    usage = { term: activeTerm(keys.keyring).number, encryptions: started.encryptions };
  }
  try {
    const barrier = new Barrier(keys.keyring);
    const result = await use(await openMounts(context, { ...unsealed, keys }, barrier));
    const encryptions = usage.encryptions + barrier.encryptions;
    if (usage !== unsealed.usage || barrier.encryptions > 0)
      await unsealed.rows.put(USAGE, encodeUsage({ term: usage.term, encryptions }, keys.rootKey));
    return result;
  } finally {
    zeroKeys(keys);
  }
}

async function openMounts(context: Context, { seal, rows, keys }: Unsealed, barrier: Barrier): Promise<Mounts> {
  const names = new Names(keys.keyring.pathKey);
  let table = await readMounts(rows, barrier);
  const entropy = storeEntropy(context, seal);
  const hsm = seal.managed(keys.keyring.hsmKeys);
  const augments = context.config.entropyAugmentation;
  const random = { platform: systemEntropy, seal: augments ? hsmEntropy(seal) : null, all: augments ? entropy : null };

  function contextOf(mount: Mount): EngineContext {
    return {
      mountPath: mount.path,
      view: viewOf(mount, { rows, seal }, barrier, names),
      entropy: entropyOf(mount, context, entropy),
      externalEntropy: mount.externalEntropy,
      random,
      hsm,
      now: context.machine().now,
    };
  }

  return {
    get table() {
      return table;
    },
    async save(changed) {
      await rows.put(MOUNTS, barrier.encrypt(MOUNTS, encodeMounts(changed)));
      table = [...changed];
    },
    async clear(mount) {
      for await (const path of storedPaths(rows, names.encrypt(DATA, [mount.uuid]))) await rows.delete(path);
    },
    async upgrade(mount) {
      await upgradeToVersions(contextOf(mount));
    },
    resolve: (path) => resolveMount(table, checkedPath(path)),
    async request(request) {
      const { mount, rest } = resolveMount(table, checkedPath(request.path));
      return dispatch(engineOf(mount), contextOf(mount), { ...request, path: rest });
    },
  };
}

/** HSM bytes for a mount with external entropy access; without the entropy stanza it gets none at all. */
function entropyOf(mount: Mount, context: Context, augmented: Entropy): Entropy {
  if (!mount.externalEntropy) return systemEntropy;
  if (context.config.entropyAugmentation) return augmented;
  return {
    bytes: () => {
      const problem = `${mount.path} has external entropy access, but the configuration has no entropy stanza`;
      throw new ConfigError('entropy_required', problem, {
        hint: 'add: entropy "seal" { mode = "augmentation" }',
      });
    },
  };
}

/** A path of non-empty segments, without a slash at either end. @throws UsageError `bad_path` */
function checkedPath(path: string): string {
  const problem = path.split('/').includes('')
    ? 'it has an empty part'
    : hasControlCharacter(path)
      ? 'it has a control character'
      : null;
  if (problem === null) return path;
  throw new UsageError('bad_path', `${JSON.stringify(path)} is not a path: ${problem}`, {
    hint: 'for example: secret/app/database',
  });
}
