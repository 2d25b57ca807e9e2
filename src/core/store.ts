import { activeTerm, addTerm, Barrier, Names, openView } from '../barrier/index.ts';
import type { ValueWrapper } from '../barrier/index.ts';
import { zero } from '../bytes.ts';
import { dispatch, engineOf, upgradeToVersions } from '../engines/index.ts';
import type { EngineContext, Request, Response } from '../engines/index.ts';
import type { Entropy } from '../entropy/index.ts';
import { systemEntropy, testedEntropy } from '../entropy/index.ts';
import { ConfigError, IntegrityError, UsageError } from '../errors.ts';
import { openRecord, sealRecord } from '../seal/index.ts';
import type { Pkcs11Seal, Seal } from '../seal/index.ts';
import { ReadOnlyTransaction } from '../storage/index.ts';
import type { Rows } from '../storage/index.ts';
import { withSeal } from './hsm.ts';
import type { Context } from './hsm.ts';
import { openKeys, sealKeys, storeEntropy, zeroKeys } from './keys.ts';
import type { StoreKeys } from './keys.ts';
import { authenticateLease } from './lease.ts';
import { writeLease } from './lifecycle.ts';
import { decodeMounts, encodeMounts, hasControlCharacter, resolveMount } from './mounts.ts';
import type { Mount } from './mounts.ts';
import { DATA, MOUNTS, RECORD, USAGE } from './rows.ts';
import { readState, requireState, requireUnsealed, withStorage } from './state.ts';
import type { State } from './state.ts';
import { decodeUsage, encodeUsage, TERM_LIMIT } from './usage.ts';

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
  return withStorage(context, false, async (storage) => {
    const before = await storage.transaction('read', async (rows) => requireState(await readState(rows, context), context));
    requireUnsealed(before);
    return withSeal(context, false, async (seal) => {
      const run = (as: 'read' | 'write'): Promise<T> => storage.transaction(as, async (rows) => inTransaction(context, seal, rows, as, use));
      try {
        return await run(before.unsealed ? mode : 'write');
      } catch (error) {
        // A read that turns out to write, such as the first look at transit's wrapping key, begins again as a write.
        if (error instanceof ReadOnlyTransaction) return run('write');
        throw error;
      }
    });
  });
}

async function inTransaction<T>(context: Context, seal: Pkcs11Seal, rows: Rows, mode: 'read' | 'write', use: (store: Store) => Promise<T>): Promise<T> {
  const state = requireState(await readState(rows, context), context);
  requireUnsealed(state);
  const keys = await openKeys(seal, state.record);
  try {
    await admit(rows, context, state, keys);
    return mode === 'read' ? await readStore(context, seal, rows, keys, use) : await writeStore(context, seal, rows, keys, use);
  } finally {
    zeroKeys(keys);
  }
}

/** Checks the lease that let the command come this far, or makes it where auto_unseal allows. */
async function admit(rows: Rows, context: Context, state: State, keys: StoreKeys): Promise<void> {
  if (state.unsealed && state.lease !== null) authenticateLease(state.lease.bytes, keys.rootKey, state.identity.storeId);
  else await writeLease(rows, context, state.identity, keys, null);
}

async function readStore<T>(context: Context, seal: Pkcs11Seal, rows: Rows, keys: StoreKeys, use: (store: Store) => Promise<T>): Promise<T> {
  const barrier = new Barrier(keys.keyring);
  return use(await openStore(context, seal, rows, keys, barrier));
}

/** As readStore, and keeps count of the encryptions; a term that has served long enough is followed by a new one. */
async function writeStore<T>(context: Context, seal: Pkcs11Seal, rows: Rows, opened: StoreKeys, use: (store: Store) => Promise<T>): Promise<T> {
  const recorded = decodeUsage(await rows.get(USAGE), opened.rootKey);
  let usage = recorded;
  let keys = opened;
  if (usage.encryptions >= TERM_LIMIT) {
    const keyring = await addTerm(opened.keyring, storeEntropy(context, seal), context.machine.now);
    keys = { ...opened, keyring };
    await rows.put(RECORD, await sealKeys(seal, keys));
    usage = { term: activeTerm(keyring).number, encryptions: 0 };
  }
  try {
    const barrier = new Barrier(keys.keyring);
    const result = await use(await openStore(context, seal, rows, keys, barrier));
    const encryptions = usage.encryptions + barrier.encryptions;
    if (usage !== recorded || barrier.encryptions > 0) await rows.put(USAGE, encodeUsage({ term: usage.term, encryptions }, keys.rootKey));
    return result;
  } finally {
    zeroKeys(keys);
  }
}

async function openStore(context: Context, seal: Pkcs11Seal, rows: Rows, keys: StoreKeys, barrier: Barrier): Promise<Store> {
  const names = await Names.open(keys.keyring.pathKey);
  let mounts = await readMounts(rows, barrier);
  const entropy = storeEntropy(context, seal);
  const hsmEntropy = context.config.entropyAugmentation ? testedEntropy((length) => seal.random(length)) : null;

  function contextOf(mount: Mount): EngineContext {
    const wrapper = mount.sealWrap ? sealWrapper(seal) : null;
    return {
      mountPath: mount.path,
      view: openView({ barrier, names, rows, root: DATA, base: mount.uuid, nameOf: (path) => mount.path + engineOf(mount).rowName(path), wrapper }),
      entropy: entropyOf(mount, context, entropy),
      externalEntropy: mount.externalEntropy,
      sealRandom: hsmEntropy === null ? null : (length) => hsmEntropy.bytes(length),
      hsm: seal.managed,
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
      await clearFolder(rows, names.encrypt(DATA, [mount.uuid]));
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

async function readMounts(rows: Rows, barrier: Barrier): Promise<Mount[]> {
  const bytes = await rows.get(MOUNTS);
  if (bytes === null) {
    throw new IntegrityError('mounts_missing', "the store's mount table is gone", { hint: 'restore the store from a backup' });
  }
  return decodeMounts(barrier.decrypt(MOUNTS, bytes, 'the mount table'));
}

const DATA_KEY_BYTES = 32;

/**
 * Seal wrap: each value under a fresh data key, which only the HSM can unwrap. The data key comes from the system alone,
 * since what it encrypts is the barrier's ciphertext already; HSM bytes would cost every write two more calls.
 */
function sealWrapper(seal: Seal): ValueWrapper {
  return {
    async wrap(storedPath, value) {
      const key = await systemEntropy.bytes(DATA_KEY_BYTES);
      try {
        const wraps = [await seal.wrapKey(key)];
        return await sealRecord(seal, { key, wraps, context: new Uint8Array(0), body: value, place: storedPath });
      } finally {
        zero(key);
      }
    },
    async unwrap(storedPath, wrapped, name) {
      const { key, body } = await openRecord(seal, wrapped, storedPath, name);
      zero(key);
      return body;
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

async function clearFolder(rows: Rows, folder: string): Promise<void> {
  for (const { segment, folder: isFolder } of await rows.list(folder)) {
    const path = `${folder}/${segment}`;
    if (isFolder) await clearFolder(rows, path);
    else await rows.delete(path);
  }
}
