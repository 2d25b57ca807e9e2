import { hex } from '../../bytes.ts';
import { type CofferError, IntegrityError } from '../../errors.ts';
import { mechanismName } from '../../pkcs11/index.ts';
import {
  type ExposedKey,
  type MacStanza,
  methodName,
  methodOf,
  readRecord,
  RECORD_VERSION,
  type Seal,
  type Wrap,
} from '../../seal/index.ts';
import { RowFault } from '../../tree/index.ts';
import type { Context } from '../context.ts';
import { presentlyExposed } from '../lifecycle/exposed-keys.ts';
import { type Unsealed, withUnsealed } from '../unsealed/unsealed.ts';
import { type WrappedValue, wrappedValues } from './wrapped-values.ts';
import { RECORD_NAME } from '../unsealed/state.ts';

/** Records that the same keys of the HSM made in the same way. */
export interface KeyUse {
  /** Of the record's layout. */
  readonly version: number;
  /** The seal's name when it made them. */
  readonly seal: string;
  readonly keyLabel: string;
  /** Hex. */
  readonly keyId: string;
  readonly mechanism: string;
  /** Null where they have no HMAC. */
  readonly hmacKey: { readonly label: string; readonly id: string; readonly mechanism: string } | null;
  /** Whether the keys and mechanisms are the configured ones. */
  readonly byConfiguredKeys: boolean;
  /** Whether a record that is made now is like them: so it is by the configured keys, and of the present version. */
  readonly current: boolean;
  readonly records: number;
  /** Whether the store's own record is among them. */
  readonly ownRecord: boolean;
}

export interface SealWrapStatus {
  /** Records as they are made now, the store's own among them. */
  readonly current: number;
  /** Records that other keys made, or other mechanisms, or that are of an earlier version. */
  readonly old: number;
  /** The current one first. */
  readonly uses: readonly KeyUse[];
  /** Values that are no records any more. */
  readonly altered: readonly UnreadableValue[];
  /**
   * Parameters of the configuration that name keys which nothing in the store needs any more: `previous_key_label "old"`. None
   * while there is a value that could not be looked at.
   */
  readonly dispensable: readonly string[];
}

export interface SealWrapReport extends SealWrapStatus {
  /** Configured keys that somebody else could use or read now. */
  readonly exposedKeys: readonly ExposedKey[];
}

/** A value that cannot be read, and why. */
export interface UnreadableValue {
  readonly name: string;
  readonly error: CofferError;
}

/**
 * Counts which keys of the HSM made the store's own record and the values of every mount with seal wrap. Of the values
 * it looks at the headers alone, which no call to the HSM authenticates.
 * @throws StoreError `not_initialized`, `sealed`; HsmError; IntegrityError
 */
export async function sealWrapStatus(context: Context): Promise<SealWrapReport> {
  return withUnsealed(context, 'read', async (unsealed) => ({
    ...(await surveyRecords(unsealed)).status,
    exposedKeys: presentlyExposed(unsealed.seal.exposedKeys()),
  }));
}

/** The counts, and which values are not current. */
export interface RecordSurvey {
  readonly status: SealWrapStatus;
  readonly ownRecordIsOld: boolean;
  readonly old: readonly WrappedValue[];
}

export async function surveyRecords({
  rows,
  seal,
  keys,
  state,
}: Pick<Unsealed, 'rows' | 'seal' | 'keys' | 'state'>): Promise<RecordSurvey> {
  const uses = new Map<string, KeyUse>();
  const altered: UnreadableValue[] = [];
  const old: WrappedValue[] = [];
  const needed = new Set<string>();

  async function count(bytes: Uint8Array, name: string, ownRecord: boolean): Promise<boolean> {
    const record = readRecord(bytes, name);
    for (const parameter of seal.former.length === 0 ? [] : await seal.formerNeeded(record)) needed.add(parameter);
    const use = await keyUse(seal, record);
    const id = JSON.stringify(use);
    const before = uses.get(id);
    uses.set(id, { ...use, records: (before?.records ?? 0) + 1, ownRecord: ownRecord || before?.ownRecord === true });
    return use.current;
  }

  const ownRecordIsOld = !(await count(state.record, RECORD_NAME, true));
  const found = wrappedValues({ rows, keys }, (error) => altered.push({ name: error.message, error }));
  for await (const value of found) {
    try {
      const bytes = (await rows.get(value.path)) ?? new Uint8Array(0);
      if (!(await count(bytes, value.name, false))) old.push(value);
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      altered.push({ name: value.name, error: error instanceof RowFault ? error.named(value.name) : error });
    }
  }
  const unreadable = distinct(altered);
  const dispensable = altered.length > 0 ? [] : seal.former.filter((parameter) => !needed.has(parameter));
  return { status: { ...summary([...uses.values()], unreadable), dispensable }, ownRecordIsOld, old };
}

/** A row that is too many is told with its folder, and by itself. */
function distinct(altered: readonly UnreadableValue[]): UnreadableValue[] {
  return [...new Map(altered.map((one) => [one.error.message, one])).values()];
}

async function keyUse(
  seal: Seal,
  record: { readonly version: number; readonly wraps: readonly Wrap[]; readonly macStanza: MacStanza | null },
): Promise<Omit<KeyUse, 'records' | 'ownRecord'>> {
  const { version, wraps, macStanza } = record;
  const [wrap] = wraps;
  if (wrap === undefined) throw new RangeError('a record has at least one wrap');
  const method = methodOf(wrap);
  const byConfiguredKeys = await seal.isCurrent(record);
  return {
    version,
    seal: wrap.seal,
    keyLabel: wrap.keyLabel,
    keyId: hex(wrap.keyId),
    mechanism: method === null ? mechanismName(wrap.mechanism) : methodName(method),
    hmacKey:
      macStanza === null
        ? null
        : { label: macStanza.keyLabel, id: hex(macStanza.keyId), mechanism: mechanismName(macStanza.mechanism) },
    byConfiguredKeys,
    current: byConfiguredKeys && version === RECORD_VERSION,
  };
}

function summary(uses: KeyUse[], altered: readonly UnreadableValue[]): Omit<SealWrapStatus, 'dispensable'> {
  const count = (current: boolean): number =>
    uses.reduce((total, use) => total + (use.current === current ? use.records : 0), 0);
  uses.sort((a, b) => Number(b.current) - Number(a.current) || (order(a) < order(b) ? -1 : 1));
  return { current: count(true), old: count(false), uses, altered };
}

function order({ keyLabel, keyId, mechanism, hmacKey, version }: KeyUse): string {
  return JSON.stringify([keyLabel, keyId, mechanism, hmacKey, version]);
}
