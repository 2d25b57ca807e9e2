import { activeTerm, Barrier, Names } from '../../barrier/index.ts';
import {
  dispatch,
  type EngineContext,
  engineOf,
  type EngineRequest,
  type EngineResponse,
  type Operation,
  upgradeToVersions,
} from '../../engines/index.ts';
import type { Transfer } from '../../engines/transfer.ts';
import { type Entropy, systemEntropy } from '../../entropy/index.ts';
import { ConfigError } from '../../errors.ts';
import { hasCommitted } from '../../native/outcome.ts';
import type { GeneratedKey } from '../../pkcs11/index.ts';
import type { Pkcs11Seal } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { storeEntropy, zeroKeys } from '../unsealed/keys.ts';
import { askByDotName, badPath, DOT_NAMES, hasDotName, joinedNames, newPathProblem, pathProblem } from './path.ts';
import { randomSources } from './random-sources.ts';
import { rowNames } from './row-names.ts';
import { readMounts, storedPaths } from './rows.ts';
import { startTerm } from './start-term.ts';
import { encodeMounts, type Mount, mountAt, resolveMount } from './table.ts';
import { viewOf } from './view.ts';
import { type Mode, type Unsealed, withUnsealedSession } from '../unsealed/unsealed.ts';
import { DATA, MOUNTS } from '../row-paths.ts';
import { TERM_LIMIT } from '../unsealed/usage.ts';

/** The mounts of an unsealed store within one transaction. */
export interface Mounts {
  readonly table: readonly Mount[];
  save(table: readonly Mount[]): Promise<void>;
  /** Removes everything that a mount holds. */
  clear(mount: Mount): Promise<void>;
  /** How secrets leave a kv mount and come into it. */
  transfer(mount: Mount): Promise<Transfer>;
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
  return withMountsSession(context, (transaction) => transaction(mode, use));
}

/** Runs one transaction on the mounts. A 'write' commits when `use` returns. */
export type MountsTransaction = <T>(mode: Mode, use: (mounts: Mounts) => Promise<T>) => Promise<T>;

/** The same for one login with any number of transactions, one after the other. */
export async function withMountsSession<T>(
  context: Context,
  use: (transaction: MountsTransaction) => Promise<T>,
): Promise<T> {
  return withUnsealedSession(context, (session) =>
    use((mode, within) =>
      keepingKeys(session.seal, (made) =>
        session.transaction(mode, (unsealed, as) => {
          const opened: Opened = { context, unsealed, made };
          return as === 'read' ? reading(opened, within) : writing(opened, within);
        }),
      ),
    ),
  );
}

type Made = (key: GeneratedKey) => void;

/** Takes back the keys that were made in the HSM for a transaction that is not committed. What fails after the COMMIT leaves them: they are in use. */
async function keepingKeys<T>(
  seal: Pick<Pkcs11Seal, 'withoutKeys'>,
  transaction: (made: Made) => Promise<T>,
): Promise<T> {
  const keys: GeneratedKey[] = [];
  try {
    return await transaction((key) => keys.push(key));
  } catch (error) {
    throw keys.length === 0 || hasCommitted() ? error : await seal.withoutKeys(keys, error);
  }
}

interface Opened {
  readonly context: Context;
  readonly unsealed: Unsealed;
  /** Told of each key that is made in the HSM. */
  readonly made: Made;
}

async function reading<T>(opened: Opened, use: (mounts: Mounts) => Promise<T>): Promise<T> {
  return use(await openMounts(opened, new Barrier(opened.unsealed.keys.keyring)));
}

/** As `reading`, and keeps count of the encryptions; a term that has served long enough is followed by a new one. */
async function writing<T>({ context, unsealed, made }: Opened, use: (mounts: Mounts) => Promise<T>): Promise<T> {
  let { keys, usage } = unsealed;
  if (usage.encryptions >= TERM_LIMIT) {
    const started = await startTerm(context, unsealed);
    keys = started.keys;
    usage = { term: activeTerm(keys.keyring).number, encryptions: started.encryptions };
  }
  try {
    const barrier = new Barrier(keys.keyring);
    const result = await use(await openMounts({ context, unsealed: { ...unsealed, keys }, made }, barrier));
    const encryptions = usage.encryptions + barrier.encryptions;
    if (usage !== unsealed.usage || barrier.encryptions > 0)
      await unsealed.saveUsage({ term: usage.term, encryptions });
    return result;
  } finally {
    if (keys !== unsealed.keys) zeroKeys(keys);
  }
}

async function openMounts({ context, unsealed, made }: Opened, barrier: Barrier): Promise<Mounts> {
  const { seal, rows, keys } = unsealed;
  const names = new Names(keys.keyring.pathKey);
  let table = await readMounts(rows, barrier);
  const entropy = storeEntropy(context, seal);
  const hsm = seal.managed(keys.keyring.hsmKeys, made);
  const random = randomSources(context, seal);

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
      for await (const path of storedPaths(rows, names.encrypt(DATA, [mount.uuid]), { nameOf: rowNames(table, names) }))
        await rows.delete(path);
    },
    async transfer(mount) {
      const { transferOf } = await import('../../engines/transfer-of.ts');
      return transferOf(mount, contextOf(mount));
    },
    async upgrade(mount) {
      await upgradeToVersions(contextOf(mount));
    },
    resolve: (path) => resolved(table, path),
    async request(request) {
      const { mount, rest } = resolved(table, request.path);
      const ask = (operation: Operation): Promise<EngineResponse | null> =>
        dispatch(engineOf(mount), contextOf(mount), { ...request, operation, path: rest });
      if (!hasDotName(rest)) return ask(request.operation);
      const response = await askByDotName(request.operation, ask);
      if (response === null) throw badPath(request.path, DOT_NAMES);
      return response;
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

/** The mount that a path lies in, however its slashes were typed. @throws UsageError `bad_path`; StoreError `no_mount` */
function resolved(table: readonly Mount[], path: string): { mount: Mount; rest: string } {
  const names = joinedNames(path);
  const problem = mountAt(table, names) === null ? newPathProblem(names) : pathProblem(names);
  if (problem !== null) throw badPath(path, problem);
  return resolveMount(table, names);
}
