import {
  type Adoption,
  describeSituation,
  type KeyUse,
  rewrap,
  type Rewrapped,
  sealWrapStatus,
  type SealWrapStatus,
  type UnreadableValue,
} from '../../core/index.ts';
import type { JsonObject } from '../../json.ts';
import { command, type CommandSpec, type Invocation } from '../command.ts';
import { readShares } from '../shares.ts';
import { UsageError } from '../../errors.ts';
import { printObject } from '../output.ts';
import { withProgress } from '../progress.ts';
import { columns } from '../table.ts';
import { warnOfExposedKeys } from './exposed-keys.ts';

const status = command('sealwrap status', {
  summary: 'count what is under the configured keys of the HSM and what is still under others',
  examples: ['coffer sealwrap status', 'coffer sealwrap status -field=old'],
  async run(invocation) {
    const counted = await sealWrapStatus(await invocation.context());
    warnOfExposedKeys(invocation.terminal, counted.exposedKeys);
    tellDispensable(invocation, counted);
    await printObject(invocation, describeStatus(counted), () => statusTable(counted));
    return tell(invocation, counted.altered);
  },
});

const rewrapCommand = command('sealwrap rewrap', {
  summary: 'move everything to the configured keys of the HSM; may be stopped and run again',
  flags: {
    'add-hmac': {
      kind: 'boolean',
      help: 'move records without an HMAC too, after hmac_key_label was added to the seal; asks for recovery key shares',
    },
    force: { kind: 'boolean', help: 'with -add-hmac, where no shares were given out: trust the store as it is' },
  },
  examples: ['coffer sealwrap rewrap'],
  async run(invocation) {
    const { force, 'add-hmac': addHmac } = invocation.flags;
    if (force && !addHmac)
      throw new UsageError('bad_flag', '-force means nothing without -add-hmac', { hint: 'leave it out' });
    const adoption: Adoption | null = addHmac ? { force, shares: (quorum) => readShares(invocation, quorum) } : null;
    const result = await rewrapAll(invocation, adoption);
    const { failed, status: after } = result;
    warnOfExposedKeys(invocation.terminal, result.exposedKeys);
    if (after.old + after.altered.length > failed.length)
      invocation.terminal.note(
        'something was written under other keys, or by an older coffer, meanwhile; run it again to move that too',
      );
    tellDispensable(invocation, after);
    await printObject(invocation, describeRewrapped(result), () => `${headline(result)}\n\n${statusTable(after)}`);
    return tell(invocation, failed);
  },
});

export const sealwrapCommands: readonly CommandSpec[] = [status, rewrapCommand];

async function rewrapAll(invocation: Invocation, addHmac: Adoption | null): Promise<Rewrapped> {
  const context = await invocation.context();
  const reached = { done: 0, total: 0 };
  try {
    return await withProgress(invocation, 'rewrapping', (progress) =>
      rewrap(context, {
        addHmac,
        progress: (done, total) => {
          Object.assign(reached, { done, total });
          describeSituation(done === 0 ? null : stoppedAfter(reached));
          progress(done, total);
        },
      }),
    );
  } catch (error) {
    if (reached.done > 0) invocation.terminal.note(stoppedAfter(reached));
    throw error;
  }
}

function stoppedAfter({ done, total }: { readonly done: number; readonly total: number }): string {
  return `it stopped after ${done} of ${total}, which stay as they are now; run it again to go on`;
}

function headline({ rewrapped, failed, status: after }: Rewrapped): string {
  if (failed.length > 0)
    return `Rewrapped ${rewrapped}; ${failed.length} could not be opened and ${failed.length === 1 ? 'was' : 'were'} left as ${failed.length === 1 ? 'it is' : 'they are'}`;
  if (rewrapped === 0 && after.old === 0) return 'Success! Everything was under the configured keys already';
  return `Success! Rewrapped ${rewrapped}`;
}

function statusTable({ current, old, uses, altered }: SealWrapStatus): string {
  const summary = [
    ['Current', String(current)],
    ['Old', String(old)],
    ['Altered', String(altered.length)],
  ];
  return [
    columns(['Key Label', 'Key ID', 'Mechanism', 'HMAC Key Label', 'HMAC Key ID', 'State', 'Records'], uses.map(row)),
    '',
    columns(['Key', 'Value'], summary),
  ].join('\n');
}

function row({ keyLabel, keyId, mechanism, hmacKey, records, ownRecord, ...use }: KeyUse): string[] {
  const count = ownRecord ? `${records} (with the store's own)` : String(records);
  const state = use.current ? 'current' : use.byConfiguredKeys ? `old: version ${use.version}` : 'old';
  return [keyLabel || '-', keyId || '-', mechanism, hmacKey?.label ?? '-', hmacKey?.id ?? '-', state, count];
}

function describeRewrapped({ rewrapped, failed, status: after }: Rewrapped): JsonObject {
  const failures = failed.map(({ name, error }) => ({ name, code: error.code, message: error.message }));
  return { rewrapped, failed: failed.length, failures, ...describeStatus(after) };
}

function describeStatus({ current, old, uses, altered, dispensable }: SealWrapStatus): JsonObject {
  return {
    current,
    old,
    altered: altered.length,
    altered_values: altered.map(({ name }) => name),
    keys: uses.map(describeUse),
    no_longer_needed: [...dispensable],
  };
}

function describeUse({ keyLabel, keyId, mechanism, hmacKey, records, ownRecord, ...use }: KeyUse): JsonObject {
  return {
    record_version: use.version,
    seal: use.seal,
    key_label: keyLabel,
    key_id: keyId,
    mechanism,
    hmac_key_label: hmacKey?.label ?? null,
    hmac_key_id: hmacKey?.id ?? null,
    hmac_mechanism: hmacKey?.mechanism ?? null,
    current: use.current,
    records,
    store_record: ownRecord,
  };
}

/** Only the live store was looked at, so what a backup needs is left to the operator. */
function tellDispensable({ terminal, format, field }: Invocation, { dispensable }: SealWrapStatus): void {
  if (format !== 'table' || field !== null) return; // no_longer_needed says it
  for (const parameter of dispensable)
    terminal.note(
      `nothing in the store needs ${parameter} any more: it can go, unless a backup that is still wanted is under that key`,
    );
}

const MOST_ERRORS = 10;

/** Prints the errors of values, what was altered before what the HSM did not open. @returns the worst exit status, 0 for none */
function tell({ terminal, format }: Invocation, unreadable: readonly UnreadableValue[]): number {
  const errors = unreadable.map(({ error }) => error).toSorted((a, b) => b.exitStatus - a.exitStatus);
  const shown = format === 'json' ? errors : errors.slice(0, MOST_ERRORS);
  const more = errors.length - shown.length;
  terminal.errors(shown);
  if (more > 0) terminal.note(`and ${more} more, which -format=json lists`);
  return errors[0]?.exitStatus ?? 0;
}
