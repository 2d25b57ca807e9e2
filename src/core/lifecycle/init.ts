import { randomUUID } from 'node:crypto';
import { Barrier, createKeyring, type Keyring } from '../../barrier/index.ts';
import { zero } from '../../bytes.ts';
import { ConfigError, HsmError, StoreError } from '../../errors.ts';
import {
  checkShareCounts,
  type ExposedKey,
  type Pkcs11Seal,
  recoveryVerifier,
  type Seal,
  type ShareCounts,
  splitRecoveryKey,
} from '../../seal/index.ts';
import type { Rows, Storage } from '../../storage/index.ts';
import { type Context, withSeal } from '../context.ts';
import { storeName, withStorage } from '../storage.ts';
import { isInitialized } from './status.ts';
import { encodeStoreHeader, type StoreHeader } from '../unsealed/header.ts';
import { noteUnauthenticated, openKeys, sealKeys, storeEntropy, type StoreKeys, zeroKeys } from '../unsealed/keys.ts';
import { encodeMounts } from '../mounts/table.ts';
import { MOUNTS, RECORD } from '../row-paths.ts';
import { readState } from '../unsealed/state.ts';
import { newTree } from '../unsealed/opened.ts';

const KEY_BYTES = 32;

export interface Initialized {
  /** The recovery key's shares; none when none were asked for. */
  readonly shares: readonly Uint8Array[];
  readonly threshold: number;
  /** Labels of the HSM keys that were created. */
  readonly createdKeys: readonly string[];
  /** Keys that wrap or authenticate, and are not safe. */
  readonly exposedKeys: readonly ExposedKey[];
}

/**
 * Creates the HSM keys where they are missing, and the store. The new record is opened through the HSM before anything
 * is kept, so that a key that cannot decrypt is found now and not at the first unseal.
 *
 * When the recovery shares are shown. Shares of a store that is not there are worse than none: people would keep them, and find out
 * when they need them. So they are shown after the COMMIT, once it is sure that their store is there. `prepare` makes
 * the text before it, so that a mistake in how they are to be shown leaves no store; what it gives back does nothing but write.
 * If even that fails (stdout is on a full disk), the store is taken back, for nobody has its shares: it was never unsealed, and
 * holds nothing. A process that is killed in the instant between COMMIT and writing leaves a store whose shares nobody has, and
 * was not told to be there: the manual says to remove it. No PKCS#11 call and no signal handler comes in between.
 * @throws UsageError `recovery_shares`; StoreError `already_initialized`; ConfigError `store_id`; HsmError
 */
export async function initStore(
  context: Context,
  counts: ShareCounts,
  prepare: (made: Initialized) => Promise<() => void>,
): Promise<void> {
  checkShareCounts(counts);
  if (await isInitialized(context)) throw alreadyInitialized(context);
  refuseStoreId(context);
  const { generateKey } = context.config.seal;
  await withSeal(context, generateKey ? 'wanted' : false, async (seal) => {
    if (!generateKey) await seal.ensureKeys(); // fails before there is a file
    await withStorage(context, true, async (storage) => {
      const show = await keepingKeys(seal, (ensureKeys) =>
        storage.transaction('write', async (rows) => {
          if (!rows.isNew) {
            await readState(rows, context); // what was altered is not merely there already
            throw alreadyInitialized(context);
          }
          const drawn = await drawKeys(context, seal, counts); // before keys are made in an HSM whose generator may be stuck
          const createdKeys = (await ensureKeys()).map(({ label }) => label);
          const shares = await createStore(context, seal, rows, counts, drawn);
          try {
            return await prepare({ shares, threshold: counts.threshold, createdKeys, exposedKeys: seal.exposedKeys() });
          } finally {
            zero(...shares);
          }
        }),
      );
      try {
        show();
      } catch (error) {
        await takeBack(context, storage);
        throw error;
      }
    });
  });
}

/**
 * Takes back the keys that were created if no store is made with them. From the COMMIT on they stay, also where the store is
 * taken back: another store may be under them by then, and the next `init` uses them.
 */
async function keepingKeys<T>(
  seal: Pkcs11Seal,
  make: (ensureKeys: Pkcs11Seal['ensureKeys']) => Promise<T>,
): Promise<T> {
  let created: Awaited<ReturnType<Pkcs11Seal['ensureKeys']>> = [];
  try {
    return await make(async () => (created = await seal.ensureKeys()));
  } catch (error) {
    throw created.length === 0 ? error : await seal.withoutKeys(created, error);
  }
}

/** Leaves the store as `init` found it. @throws StoreError `shares_lost` */
async function takeBack(context: Context, storage: Storage): Promise<void> {
  try {
    await storage.transaction('write', async (rows) => {
      for (let row = await rows.next('', null); row !== null; row = await rows.next('', row)) await rows.delete(row);
    });
  } catch (cause) {
    const problem = `the store ${storeName(context)} was made, but its recovery shares could not be shown`;
    throw new StoreError('shares_lost', problem, {
      hint: 'nothing is in it yet: remove the file, and make it anew with: coffer init',
      cause,
    });
  }
}

/** A new store draws an id of its own, and would be refused from then on. */
function refuseStoreId(context: Context): void {
  const { config } = context;
  if (config.storeId === null) return;
  const problem = `store_id names the store ${config.storeId}, and there is none at ${storeName(context)}`;
  throw new ConfigError('store_id', problem, {
    hint: 'put that store back from a backup; or, for a new one, take store_id out and write there afterwards what `coffer seal-status` shows',
  });
}

/** Every key of a new store. */
interface DrawnKeys {
  /** 32 bytes. */
  readonly rootKey: Uint8Array;
  /** 32 bytes, or null when no shares are asked for. */
  readonly recoveryKey: Uint8Array | null;
  readonly keyring: Keyring;
}

async function drawKeys(context: Context, seal: Seal, counts: ShareCounts): Promise<DrawnKeys> {
  const entropy = storeEntropy(context, seal);
  const recoveryKey = counts.shares === 0 ? null : await entropy.bytes(KEY_BYTES);
  const rootKey = await entropy.bytes(KEY_BYTES);
  const recovery = { ...counts, verifier: recoveryKey === null ? null : recoveryVerifier(recoveryKey) };
  return { rootKey, recoveryKey, keyring: await createKeyring(entropy, context.machine().now, recovery) };
}

async function createStore(
  context: Context,
  seal: Seal,
  rows: Rows,
  counts: ShareCounts,
  { rootKey, recoveryKey, keyring }: DrawnKeys,
): Promise<Uint8Array[]> {
  const header: StoreHeader = {
    storeId: randomUUID(),
    created: context.machine().now,
    recoveryShares: counts.shares,
    recoveryThreshold: counts.threshold,
  };
  const wraps = [await seal.wrapKey(rootKey)];
  const keys: StoreKeys = { rootKey, wraps, context: encodeStoreHeader(header), keyring };
  const record = await sealKeys(seal, keys);
  await checkOpens(seal, record, rootKey);
  noteUnauthenticated(context, record);

  const barrier = new Barrier(keys.keyring);
  const made = newTree(rows, keys);
  await made.rows.put(RECORD, record);
  await made.rows.put(MOUNTS, barrier.encrypt(MOUNTS, encodeMounts([])));
  await made.saveUsage({ term: 1, encryptions: barrier.encryptions });
  await made.finish();
  const shares = recoveryKey === null ? [] : await splitRecoveryKey(recoveryKey, counts);
  if (recoveryKey !== null) zero(recoveryKey);
  zeroKeys(keys);
  return shares;
}

async function checkOpens(seal: Seal, record: Uint8Array, rootKey: Uint8Array): Promise<void> {
  const opened = await openKeys(seal, record);
  const same = Buffer.compare(opened.rootKey, rootKey) === 0;
  zeroKeys(opened);
  if (!same) {
    throw new HsmError('hsm_wrong_answer', 'the HSM decrypted the new root key to something else', {
      hint: 'no store was made; check the module and the key',
    });
  }
}

function alreadyInitialized(context: Context): StoreError {
  return new StoreError('already_initialized', `the store ${storeName(context)} is already initialised`, {
    hint: 'nothing was changed',
  });
}
