import { acceptStore, upgradeStore, verifyStore, type Verified } from '../../core/index.ts';
import { StoreError, UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { command, type Invocation } from '../command.ts';
import { printObject } from '../output.ts';
import { withProgress } from '../progress.ts';
import { confirm } from '../prompts.ts';
import { readShares } from '../shares.ts';
import { hintText } from '../remedies.ts';
import { columns } from '../table.ts';

export const verifyCommand = command('operator verify', {
  summary:
    'look at everything in the store: whether each row is the one that was written last and opens, and that none is missing',
  flags: {
    accept: {
      kind: 'boolean',
      help: 'have this copy of the store be the newest from now on, after you restored it; asks for recovery key shares',
    },
    force: { kind: 'boolean', help: 'with -accept, where no shares were given out and nobody is there to be asked' },
  },
  examples: ['coffer operator verify', 'coffer operator verify -format=json', 'coffer operator verify -accept'],
  async run(invocation) {
    const { accept: accepts, force } = invocation.flags;
    if (force && !accepts)
      throw new UsageError('bad_flag', '-force means nothing without -accept', { hint: 'leave it out' });
    if (accepts) await accept(invocation, force);
    const context = await invocation.context();
    const found = await withProgress(invocation, 'Verifying', (progress) => verifyStore(context, progress));
    await printObject(invocation, describe(found), () => table(found));
    invocation.terminal.errors(invocation.format === 'table' ? found.faults : []);
    return found.faults.reduce((worst, { exitStatus }) => Math.max(worst, exitStatus), 0);
  },
});

export const upgradeCommand = command('operator upgrade', {
  summary: 'give a store that an earlier coffer made what a new one has: a tree that vouches for every row',
  examples: ['coffer operator upgrade'],
  async run(invocation) {
    await ask(
      invocation,
      'From now on everything that is in the store now counts as written by you. Have you looked at it with `coffer operator diagnose -deep`?',
    );
    const context = await invocation.context();
    const done = await withProgress(invocation, 'Upgrading', (progress) => upgradeStore(context, progress));
    const { already, entries, counter } = done;
    await printObject(invocation, { upgraded: !already, leaves: entries, counter }, () =>
      already ? 'The store has a tree already' : `Success! The store has a tree of ${entries} leaves`,
    );
  },
});

async function accept(invocation: Pick<Invocation, 'terminal' | 'context'>, force: boolean): Promise<void> {
  await ask(
    invocation,
    'Whatever was written after this copy was made is lost, and nobody will be warned of it any more. Is this the newest copy that there is?',
  );
  const { counter } = await acceptStore(await invocation.context(), {
    shares: (quorum) => readShares(invocation, quorum),
    force: force || invocation.terminal.isInteractive(),
  });
  invocation.terminal.note(
    counter === null
      ? 'this store has no tree, and so no age'
      : `change ${counter} counts as the newest of this store from now on`,
  );
}

async function ask({ terminal }: Pick<Invocation, 'terminal'>, question: string): Promise<void> {
  if (!terminal.isInteractive() || (await confirm(question))) return;
  throw new StoreError('cancelled', 'nothing was changed');
}

function describe({ storeId, counter, anchor, mounts, rows, values, faults }: Verified): JsonObject {
  return {
    store_id: storeId,
    counter,
    anchor,
    mounts,
    rows,
    values,
    faults: faults.map(({ code, message, hint }) => ({ code, message, hint: hint === null ? null : hintText(hint) })),
  };
}

function table({ storeId, counter, anchor, mounts, rows, values, faults }: Verified): string {
  const summary = columns(
    ['Key', 'Value'],
    [
      ['Store ID', storeId],
      ['Counter', String(counter ?? 'none')],
      ['Anchor', String(anchor ?? 'none')],
      ['Mounts', String(mounts)],
      ['Rows', String(rows)],
      ['Values', String(values)],
      ['Faults', String(faults.length)],
    ],
  );
  if (faults.length > 0) return summary;
  const what =
    counter === null
      ? 'Every value opens; without a tree nobody knows whether one is missing'
      : 'Every row is the one that was written last';
  return `${summary}\n\nSuccess! ${what}`;
}
