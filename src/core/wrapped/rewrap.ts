import { CofferError, HsmError, UsageError } from '../../errors.ts';
import { explained } from '../../barrier/index.ts';
import type { Rows } from '../../storage/index.ts';
import { RowFault } from '../../tree/index.ts';
import { type ExposedKey, isCurrentRecord, readRecord, type Seal } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { adopt, type Adoption } from './adopt.ts';
import { listsConfiguredKeys, openKeys, sealKeys, zeroKeys } from '../unsealed/keys.ts';
import { type Unsealed, type UnsealedSession, withUnsealedSession } from '../unsealed/unsealed.ts';
import { Pace, TRIAL_VALUES } from './pace.ts';
import { RECORD } from '../row-paths.ts';
import type { WrappedValue } from './wrapped-values.ts';
import { type SealWrapStatus, surveyRecords, type UnreadableValue } from './survey.ts';
import { RECORD_NAME } from '../unsealed/state.ts';
import { type KnownGood, unreadable } from './unreadable.ts';
import { sealWrapper } from './value-wrapper.ts';

/** One transaction ends after so many values, or after so long: it keeps other writers out, who wait ten seconds. */
const BATCH_VALUES = 64;
const BATCH_MS = 2000;
/** The part of a batch's time that other writers are then given. */
const REST = 1 / 4;

export interface RewrapOptions {
  /** To move records without an HMAC too, which were written before the seal had an HMAC key; null to refuse them. */
  readonly addHmac: Adoption | null;
  /** Told after each transaction that moved something. */
  readonly progress: (done: number, total: number) => void;
}

export interface Rewrapped {
  /** Records that were moved to the configured keys and to the present version, the store's own among them. */
  readonly rewrapped: number;
  /** Values that could not be opened and were left as they are. */
  readonly failed: readonly UnreadableValue[];
  /** Configured keys that are not safe, as `init` has them: a key may be new to the store here. */
  readonly exposedKeys: readonly ExposedKey[];
  /** What is there afterwards. */
  readonly status: SealWrapStatus;
}

/**
 * Moves the store's own record, and every value that is not under the configured keys of the HSM, to these keys, and records of version 1
 * to version 2: the HMAC is checked, it is unwrapped and wrapped anew. The barrier's encryption stays. It may be killed at any moment and run
 * again; each batch is one transaction.
 * @throws StoreError `not_initialized`, `sealed`, also when another process seals the store meanwhile; HsmError; UsageError
 *   `no_hmac_key` when an HMAC is to be added and the seal has no key for it; what `adopt` throws
 */
export async function rewrap(context: Context, { addHmac, progress }: RewrapOptions): Promise<Rewrapped> {
  if (addHmac !== null && context.config.seal.hmacKey === null) {
    throw new UsageError('no_hmac_key', 'adding an HMAC needs an HMAC key, and the seal stanza names none', {
      hint: 'set hmac_key_label',
    });
  }
  const run = async (opened: UnsealedSession): Promise<Rewrapped> => {
    const session = addHmac === null ? opened : await adopt(context, opened, addHmac);
    const first = await session.transaction('read', async (found) => ({
      ...(await surveyRecords(found)),
      exposedKeys: found.seal.exposedKeys(), // before any COMMIT
      keyringIsOld: !(await listsConfiguredKeys(found.seal, found.keys)),
    }));
    const total = first.old.length + Number(first.ownRecordIsOld);
    progress(0, total);
    const isOld = first.ownRecordIsOld || first.keyringIsOld;
    const moved = isOld && (await session.transaction('write', rewrapOwnRecord)) ? 1 : 0;
    progress(moved, total); // it stays, whatever becomes of the values
    const { rewrapped, failed } = await rewrapValues(context, session, first.old, (done) =>
      progress(total - first.old.length + done, total),
    );
    const { status } = await session.transaction('read', surveyRecords);
    const unknown = status.altered.filter(({ name }) => failed.every((known) => known.name !== name));
    const all = [...failed, ...unknown];
    const after = all.length > 0 ? { ...status, dispensable: [] } : status;
    return { rewrapped: rewrapped + moved, failed: all, exposedKeys: first.exposedKeys, status: after };
  };
  return withUnsealedSession(context, run, { acceptsNoMac: addHmac !== null });
}

/**
 * The root key stays, so that the lease and the count of encryptions stay what they are. A record that is current is written again
 * only where its keyring does not list every key that the configuration names.
 * @returns whether it was not
 */
async function rewrapOwnRecord({ rows, seal, keys, state }: Unsealed): Promise<boolean> {
  const isCurrent = await isCurrentRecord(seal, readRecord(state.record, RECORD_NAME));
  if (isCurrent && (await listsConfiguredKeys(seal, keys))) return false;
  const record = await sealKeys(seal, { ...keys, wraps: isCurrent ? keys.wraps : [await seal.wrapKey(keys.rootKey)] });
  const opened = await openKeys(seal, record);
  const same = Buffer.compare(opened.rootKey, keys.rootKey) === 0;
  zeroKeys(opened);
  if (!same) {
    throw new HsmError('hsm_wrong_answer', 'the HSM decrypted the newly wrapped root key to something else', {
      hint: 'nothing was changed; check the module and the key',
    });
  }
  await rows.put(RECORD, record);
  return !isCurrent;
}

async function rewrapValues(
  context: Context,
  { seal, transaction }: UnsealedSession,
  values: readonly WrappedValue[],
  progress: (done: number) => void,
): Promise<{ rewrapped: number; failed: UnreadableValue[] }> {
  const pace = new Pace(seal, parallelSeals(context, seal, values.length));
  const failed: UnreadableValue[] = [];
  let rewrapped = 0;
  for (let done = 0; done < values.length;) {
    const started = performance.now();
    const seals = pace.seals();
    const batch = await transaction('write', async (unsealed) => {
      const begun = performance.now();
      const end = done + (pace.isDecided() ? BATCH_VALUES : TRIAL_VALUES);
      const result = await rewrapBatch(unsealed, seals, values.slice(done, end));
      pace.took(seals, performance.now() - begun, result.done);
      return result;
    });
    done += batch.done;
    rewrapped += batch.rewrapped;
    failed.push(...batch.failed);
    progress(done);
    await pause((performance.now() - started) * REST);
  }
  return { rewrapped, failed };
}

/** Further sessions, where the configuration allows some and there is enough to do. */
function parallelSeals({ config }: Context, seal: UnsealedSession['seal'], values: number): readonly Seal[] {
  return config.seal.maxParallel > 1 && values > TRIAL_VALUES ? seal.lanes(config.seal.maxParallel) : [];
}

interface Batch {
  /** Values that were looked at. */
  readonly done: number;
  readonly rewrapped: number;
  readonly failed: readonly UnreadableValue[];
}

/** Reads each value within this transaction: another process may have changed, moved or removed it since the survey. */
async function rewrapBatch(
  { rows, state }: Unsealed,
  seals: readonly Seal[],
  values: readonly WrappedValue[],
): Promise<Batch> {
  const deadline = performance.now() + BATCH_MS;
  const failed: UnreadableValue[] = [];
  const written: [string, Uint8Array][] = [];
  let next = 0;

  async function work(seal: Seal): Promise<void> {
    for (
      let value = values[next];
      value !== undefined && (next === 0 || performance.now() < deadline);
      value = values[next]
    ) {
      next++;
      const result = await rewrapRow(rows, { seal, record: state.record }, value);
      if (result instanceof CofferError) failed.push({ name: value.name, error: result });
      else if (result !== null) written.push([value.path, result]);
    }
  }

  // All must have ended before the transaction does, whichever of them failed.
  const ends = await Promise.allSettled(seals.map(work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  for (const [path, bytes] of written) await rows.put(path, bytes);
  return { done: next, rewrapped: written.length, failed };
}

/** A value that another process removed since the survey is null. */
async function rewrapRow(rows: Rows, known: KnownGood, value: WrappedValue): Promise<Uint8Array | CofferError | null> {
  const open = (bytes: Uint8Array): Promise<Uint8Array> =>
    sealWrapper(known.seal).unwrap(value.path, bytes, value.name);
  try {
    const bytes = await rows.get(value.path);
    return bytes === null ? null : await rewrapValue(known, value, bytes);
  } catch (error) {
    if (error instanceof RowFault) return explained(error, value.name, open);
    throw error;
  }
}

/** The new record; null where there is nothing to do; the error of a value that cannot be opened. @throws HsmError */
async function rewrapValue(
  known: KnownGood,
  { path, name }: WrappedValue,
  bytes: Uint8Array,
): Promise<Uint8Array | CofferError | null> {
  const { seal } = known;
  const wrapper = sealWrapper(seal);
  let value: Uint8Array;
  try {
    if (await isCurrentRecord(seal, readRecord(bytes, name))) return null; // another process was here
    value = await wrapper.unwrap(path, bytes, name);
  } catch (error) {
    return unreadable(error, name, known);
  }
  return wrapper.wrap(path, value);
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
