import {
  type Change,
  describeSituation,
  importSecrets,
  type MountsTransaction,
  type Tally,
  withMountsSession,
} from '../../../core/index.ts';
import { type CofferError, UsageError } from '../../../errors.ts';
import { counted } from '../../../counted.ts';
import { command, type Invocation } from '../../command.ts';
import { beforeEnding } from '../../endings.ts';
import { checkSecrets } from '../../import/check.ts';
import { INPUT_TYPES, inputType, type InputType } from '../../import/documents.ts';
import { incoming, type Input } from '../../import/incoming.ts';
import { withSource } from '../../import/source.ts';
import { printObject } from '../../output.ts';
import { wrongCount } from '../../parse.ts';
import { withRate } from '../../progress.ts';
import { columns } from '../../table.ts';

const FLAGS = {
  mount: { kind: 'text', value: 'PATH', help: 'the mount, or folder of one, that the paths are below' },
  path: { kind: 'text', value: 'PATH', help: 'the secret that input without paths is: .env, or what kv get printed' },
  'input-type': { kind: 'text', value: INPUT_TYPES.join('|'), help: 'where the name of the file does not say it' },
  cas: {
    kind: 'integer',
    value: 'N',
    notGiven: ['-1'],
    help: 'only if each secret that changes is at version N (version 2; 0: only if there is none)',
  },
  from: { kind: 'text', value: 'vault', help: 'from the server of VAULT_ADDR: SOURCE there, DEST here' },
  versions: { kind: 'boolean', help: 'with -from: all versions, and not the newest alone' },
  'dry-run': { kind: 'boolean', help: 'show what would change, and change nothing' },
} as const;

type Given = Invocation<typeof FLAGS>;

export const importCommand = command('kv import', {
  summary: 'write many secrets from a file (lines of JSON as kv export writes them, JSON, .env or YAML) or a server',
  arguments: 'FILE|-|SOURCE [DEST]',
  flags: FLAGS,
  examples: [
    'coffer kv import -dry-run secrets.ndjson',
    'age -d team.age | coffer kv import -mount=secret/team -cas=0 -',
    'coffer kv import -path=secret/app .env',
    'coffer kv import -from=vault -versions -dry-run secret/team kv/team',
  ],
  async run(invocation) {
    if (readFrom(invocation) === 'vault') {
      const { importFromServer } = await import('./import-server.ts');
      return importFromServer(invocation, invocation.flags.versions, (source, transaction, denied) =>
        importFrom(invocation, { source, type: 'ndjson', mount: null, path: null }, transaction, denied),
      );
    }
    const { mount, path, 'input-type': given } = invocation.flags;
    const known = readInputType(given);
    const [file = ''] = invocation.args;
    return withSource(file, async (source) => {
      const input = { source, type: inputType(source, known), mount, path };
      const context = await invocation.context();
      return withMountsSession(context, (transaction) => importFrom(invocation, input, transaction));
    });
  },
});

/** @throws UsageError `bad_flag`, `arguments` */
function readFrom({ flags, args }: Given): 'file' | 'vault' {
  const { from } = flags;
  const refused = (why: string): UsageError =>
    new UsageError('bad_flag', why, {
      hint: 'usage: coffer kv import FILE, or coffer kv import -from=vault SOURCE DEST',
    });
  if (from !== null && from !== 'vault') throw refused(`-from is vault, for OpenBao, too, not ${JSON.stringify(from)}`);
  if (from === null && flags.versions) throw refused('-versions goes with -from; a file has the versions that it has');
  const ofFiles = (['mount', 'path', 'input-type'] as const).find((name) => flags[name] !== null);
  if (from !== null && ofFiles !== undefined) throw refused(`-${ofFiles} is for a file, and -from is not one`);
  const count = from === null ? 1 : 2;
  if (args.length === count) return from === null ? 'file' : 'vault';
  const usage = from === null ? 'FILE|-' : '-from=vault SOURCE DEST';
  throw wrongCount({ words: ['kv', 'import'], arguments: usage, least: count, most: count }, args.length);
}

/** @param others what is to be said beside the faults of the source @returns the exit status */
async function importFrom(
  invocation: Given,
  input: Input,
  transaction: MountsTransaction,
  others: readonly CofferError[] = [],
): Promise<number> {
  const errors = [...(await checkAndWrite(invocation, input, transaction)), ...others];
  if (errors.length > 0) invocation.terminal.errors(errors);
  return Math.max(0, ...errors.map(({ exitStatus }) => exitStatus));
}

/** @returns faults; nothing was written where there is one */
async function checkAndWrite(
  invocation: Given,
  input: Input,
  transaction: MountsTransaction,
): Promise<readonly CofferError[]> {
  const { terminal, flags } = invocation;
  const { name } = input.source;
  const isDry = flags['dry-run'];
  const changes: [string, Change][] = [];
  const checked = await withRate(invocation, 'Checking', 'bytes', (progress) =>
    checkSecrets(transaction, incoming(input, progress), {
      cas: flags.cas,
      change: (path, change) => (isDry && change !== 'unchanged' ? changes.push([path, change]) : undefined),
    }),
  );
  if (checked.errors.length > 0) {
    const faults = counted(checked.faults, 'fault');
    const shown = checked.faults > checked.errors.length ? `, of which ${checked.errors.length} are shown` : '';
    terminal.warn(`nothing was written: ${name} has ${faults}${shown}`);
    return checked.errors;
  }
  if (checked.dropped > 0)
    terminal.warn(`a version 1 kv engine keeps no metadata; that of ${counted(checked.dropped, 'secret')} is left out`);
  if (checked.total === 0) terminal.warn(`nothing was done: there is no secret in ${name}`);
  if (isDry) await printDry(invocation, checked.tally, changes);
  if (isDry || (checked.total === 0 && invocation.format === 'table')) return [];
  const tally = await writeAll(invocation, input, transaction, checked.total);
  await printObject(
    invocation,
    { ...tally },
    () => `Success! Imported ${counted(checked.total, 'secret')}: ${words(tally)}`,
  );
  return [];
}

async function writeAll(
  invocation: Given,
  input: Input,
  transaction: MountsTransaction,
  total: number,
): Promise<Tally> {
  const { terminal } = invocation;
  let done = 0;
  const tell = (): void => terminal.warn(soFar(done, total));
  const stop = beforeEnding(() => {
    tell();
    terminal.end();
  });
  try {
    return await withRate(invocation, 'Importing', 'secrets', (progress) =>
      importSecrets(transaction, incoming(input), {
        cas: invocation.flags.cas,
        progress: (count) => {
          done = count;
          describeSituation(soFar(done, total));
          progress(done, total);
        },
      }),
    );
  } catch (error) {
    tell();
    throw error;
  } finally {
    stop();
  }
}

function soFar(done: number, total: number): string {
  if (done === 0) return 'nothing was written';
  return `${done} of ${counted(total, 'secret')} are in the store; the same import again goes on behind them`;
}

function readInputType(given: string | null): InputType | null {
  const known = INPUT_TYPES.find((type) => type === given);
  if (known !== undefined || given === null) return known ?? null;
  throw new UsageError('bad_flag', `-input-type is one of ${INPUT_TYPES.join(', ')}`);
}

async function printDry(invocation: Given, tally: Tally, changes: readonly [string, Change][]): Promise<void> {
  const object = { ...tally, secrets: changes.map(([path, change]) => ({ path, change })) };
  const summary = `Nothing was written. It would be: ${words(tally)}`;
  await printObject(invocation, object, () =>
    changes.length === 0 ? summary : `${columns(['Path', 'Change'], changes)}\n\n${summary}`,
  );
}

function words(tally: Tally): string {
  return `${tally.new} new, ${tally.changed} changed, ${tally.unchanged} unchanged`;
}
