import { randomUUID } from 'node:crypto';
import { Barrier, createKeyring } from '../barrier/index.ts';
import type { Keyring } from '../barrier/index.ts';
import { utf8, zero } from '../bytes.ts';
import { ConfigError, HsmError, StoreError } from '../errors.ts';
import { checkShareCounts, recoveryVerifier, splitRecoveryKey } from '../seal/index.ts';
import type { ExposedKey, Seal, ShareCounts } from '../seal/index.ts';
import type { Rows, Storage } from '../storage/index.ts';
import { presentlyExposed } from './exposed-keys.ts';
import { withSeal } from './hsm.ts';
import type { Context } from './hsm.ts';
import { encodeIdentity } from './identity.ts';
import type { Identity } from './identity.ts';
import { noteUnauthenticated, openKeys, sealKeys, storeEntropy, zeroKeys } from './keys.ts';
import type { StoreKeys } from './keys.ts';
import { authenticateLease, encodeLease } from './lease.ts';
import { readMounts } from './mount-rows.ts';
import { encodeMounts } from './mounts.ts';
import { LEASE, MOUNTS, RECORD, SEALED_BY_OPERATOR, USAGE } from './rows.ts';
import { identityOf, readState, requireState, withStorage } from './state.ts';
import { encodeUsage, readUsage } from './usage.ts';

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
export async function init(context: Context, counts: ShareCounts, prepare: (made: Initialized) => Promise<() => void>): Promise<void> {
  checkShareCounts(counts);
  if (await isInitialized(context)) throw alreadyInitialized(context);
  refuseStoreId(context);
  const { generateKey } = context.config.seal;
  await withSeal(context, generateKey ? 'wanted' : false, async (seal) => {
    if (!generateKey) await seal.ensureKeys(); // fails before there is a file
    await withStorage(context, true, async (storage) => {
      const show = await storage.transaction('write', async (rows) => {
        if ((await readState(rows, context)) !== null) throw alreadyInitialized(context);
        const drawn = await drawKeys(context, seal, counts); // before keys are made in an HSM whose generator may be stuck
        const createdKeys = (await seal.ensureKeys()).map(({ label }) => label);
        const shares = await createStore(context, seal, rows, counts, drawn);
        try {
          return await prepare({ shares, threshold: counts.threshold, createdKeys, exposedKeys: seal.exposedKeys() });
        } finally {
          zero(...shares);
        }
      });
      try {
        show();
      } catch (error) {
        await takeBack(context, storage);
        throw error;
      }
    });
  });
}

/** Leaves the store as `init` found it. @throws StoreError `shares_lost` */
async function takeBack({ config }: Context, storage: Storage): Promise<void> {
  try {
    await storage.transaction('write', async (rows) => {
      for (const row of [RECORD, MOUNTS, USAGE, LEASE, SEALED_BY_OPERATOR]) await rows.delete(row);
    });
  } catch (cause) {
    throw new StoreError('shares_lost', `the store ${config.storage.path} was made, but its recovery shares could not be shown`, {
      hint: 'nothing is in it yet: remove the file, and make it anew with: coffer init',
      cause,
    });
  }
}

/** A new store draws an id of its own, and would be refused from then on. */
function refuseStoreId({ config }: Context): void {
  if (config.storeId === null) return;
  throw new ConfigError('store_id', `store_id names the store ${config.storeId}, and there is none at ${config.storage.path}`, {
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
  return { rootKey, recoveryKey, keyring: await createKeyring(entropy, context.machine.now, recovery) };
}

async function createStore(
  context: Context,
  seal: Seal,
  rows: Rows,
  counts: ShareCounts,
  { rootKey, recoveryKey, keyring }: DrawnKeys,
): Promise<Uint8Array[]> {
  const identity: Identity = {
    storeId: randomUUID(),
    created: context.machine.now,
    recoveryShares: counts.shares,
    recoveryThreshold: counts.threshold,
  };
  const keys: StoreKeys = {
    rootKey,
    wraps: [await seal.wrapKey(rootKey)],
    context: encodeIdentity(identity),
    keyring,
  };
  const record = await sealKeys(seal, keys);
  await checkOpens(seal, record, rootKey);
  noteUnauthenticated(context, record);

  const barrier = new Barrier(keys.keyring);
  await rows.put(RECORD, record);
  await rows.put(MOUNTS, barrier.encrypt(MOUNTS, encodeMounts([])));
  await rows.put(USAGE, encodeUsage({ term: 1, encryptions: barrier.encryptions }, rootKey));
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

export async function isInitialized(context: Context): Promise<boolean> {
  return (await status(context)).identity !== null;
}

function alreadyInitialized(context: Context): StoreError {
  return new StoreError('already_initialized', `the store ${context.config.storage.path} is already initialised`, {
    hint: 'nothing was changed',
  });
}

export interface Unsealed {
  /** Whether it was unsealed in just this way before, so that nothing changed. */
  readonly already: boolean;
  /** Milliseconds until it seals itself, or null for as long as the machine is up. */
  readonly ttl: number | null;
  /** Configured keys that somebody else could use or read now. */
  readonly exposedKeys: readonly ExposedKey[];
}

/**
 * Opens the store's record through the HSM and writes a lease for this boot.
 * @param ttl milliseconds, or null for as long as the machine is up
 */
export async function unseal(context: Context, ttl: number | null): Promise<Unsealed> {
  return withStorage(context, false, async (storage) => {
    await storage.transaction('read', async (rows) => requireState(await readState(rows, context), context));
    return withSeal(context, false, async (seal) => {
      return storage.transaction('write', async (rows) => {
        const state = requireState(await readState(rows, context), context);
        const keys = await openKeys(seal, state.record);
        try {
          await readUsage(rows, keys);
          await readMounts(rows, new Barrier(keys.keyring));
          noteUnauthenticated(context, state.record);
          const exposedKeys = presentlyExposed(seal.exposedKeys()); // before COMMIT: no call to the HSM comes after it
          if (state.unsealed && state.lease !== null) {
            authenticateLease(state.lease.bytes, keys.rootKey, state.identity.storeId);
            if (state.lease.lease.ends === null && ttl === null) return { already: true, ttl, exposedKeys };
          }
          await writeLease(rows, context, state.identity, keys, ttl);
          return { already: false, ttl, exposedKeys };
        } finally {
          zeroKeys(keys);
        }
      });
    });
  });
}

/** Writes the lease and forgets an operator's `seal`. */
export async function writeLease(rows: Rows, context: Context, identity: Identity, keys: StoreKeys, ttl: number | null): Promise<void> {
  const { bootId, now, uptime, user } = context.machine;
  const lease = { bootId, storeId: identity.storeId, created: now, ends: ttl === null ? null : uptime + ttl, user };
  await rows.put(LEASE, encodeLease(lease, keys.rootKey));
  await rows.delete(SEALED_BY_OPERATOR);
}

/** Ends the lease and remembers that an operator wished it. Needs no HSM. Returns false when it was sealed before. */
export async function seal(context: Context): Promise<boolean> {
  return withStorage(context, false, (storage) =>
    storage.transaction('write', async (rows) => {
      // An altered lease must not stand in the way, so the record is all that is looked at.
      const record = await rows.get(RECORD);
      if (record === null) requireState(await readState(rows, context), context);
      else if (context.config.storeId !== null) identityOf(record, context);
      const wasUnsealed = (await rows.get(LEASE)) !== null && (await rows.get(SEALED_BY_OPERATOR)) === null;
      await rows.delete(LEASE);
      await rows.put(SEALED_BY_OPERATOR, utf8(String(context.machine.now)));
      return wasUnsealed;
    }),
  );
}

/** What `seal-status` shows; needs neither PIN nor HSM, and so is not authenticated. */
export interface Status {
  /** Null when the store is not initialised. */
  readonly identity: Identity | null;
  readonly sealed: boolean;
  /** Milliseconds until it seals itself; null when sealed, or for as long as the machine is up. */
  readonly remaining: number | null;
}

export async function status(context: Context): Promise<Status> {
  const nothing: Status = { identity: null, sealed: true, remaining: null };
  try {
    return await withStorage(context, false, (storage) =>
      storage.transaction('read', async (rows) => {
        const state = await readState(rows, context);
        if (state === null) return nothing;
        const ends = state.unsealed ? (state.lease?.lease.ends ?? null) : null;
        const remaining = ends === null ? null : Math.max(0, ends - context.machine.uptime);
        return { identity: state.identity, sealed: !state.unsealed, remaining };
      }),
    );
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not_initialized') return nothing;
    throw error;
  }
}
