import { existsSync } from 'node:fs';
import { exportedSecrets, joinedNames, kvPlace, mountAt, type Mounts, withMounts } from '../../../core/index.ts';
import { StoreError, UsageError } from '../../../errors.ts';
import type { JsonObject } from '../../../json.ts';
import { counted } from '../../../counted.ts';
import { command, type Invocation } from '../../command.ts';
import { LONGEST_LINE } from '../../import/lines.ts';
import { recordLine } from '../../import/record.ts';
import { outputPath, writeOutput } from '../../output-file.ts';
import { printObject } from '../../output.ts';
import { noValue } from '../../path.ts';
import { confirm } from '../../prompts.ts';

const STDOUT = '-';
/** Characters that are written at a time. */
const PART = 65_536;
/** What a UTF-16 unit comes to in UTF-8. */
const MOST_BYTES_OF_UNIT = 3;

const FLAGS = {
  mount: { kind: 'text', value: 'PATH', help: 'this mount, or folder of one, alone; paths are then below it' },
  versions: { kind: 'boolean', help: 'all versions, of deleted ones the data, too (version 2)' },
  force: { kind: 'boolean', aliases: ['f'], help: 'do not ask, and replace a file that is there' },
} as const;

export const exportCommand = command('kv export', {
  summary: 'write secrets in clear to a file, a line of JSON each',
  arguments: 'FILE|-',
  flags: FLAGS,
  examples: [
    'coffer kv export secrets.ndjson',
    'coffer kv export -mount=secret/team -versions - | age -r ... >team.age',
  ],
  async run(invocation) {
    const [file = ''] = invocation.args;
    // It gets its name when the module is loaded, and this process no longer in the directory that it was started in.
    const path = file === STDOUT ? file : outputPath(file, 'replace');
    if (!invocation.flags.force) await ask(invocation, file);
    const done = await withMounts(await invocation.context(), 'read', async (mounts) => {
      if (file === STDOUT) return toStdout(invocation, mounts);
      if (invocation.flags.mount === null) refuseMounted(mounts, file);
      return writeOutput({ path, shown: file }, (write) => exportTo(invocation, mounts, write));
    });
    if (done.without > 0) {
      const what = counted(done.without, 'secret');
      invocation.terminal.warn(`of ${what} there is metadata alone: the newest version is deleted, or there is none`);
    }
    for (const path of done.long)
      invocation.terminal.warn(
        `${path} has more than ${LONGEST_LINE >> 20} MiB${invocation.flags.versions ? ' with its versions' : ''}, which no kv import takes`,
      );
    if (done.secrets === 0) invocation.terminal.warn(`there is no secret${below(invocation.flags.mount)}`);
    if (file === STDOUT) return;
    const object: JsonObject = { file, secrets: done.secrets, without_data: done.without };
    await printObject(invocation, object, () => `Success! Exported ${counted(done.secrets, 'secret')} to: ${file}`);
  },
});

type Given = Invocation<typeof FLAGS>;

/** An empty export may be what was asked for, or a folder that is spelt otherwise. */
function below(mount: string | null): string {
  return mount === null ? '' : ` below ${joinedNames(mount)}`;
}

async function ask({ terminal }: Given, file: string): Promise<void> {
  const isThere = file !== STDOUT && existsSync(file);
  if (terminal.isInteractive()) {
    const to = file === STDOUT ? 'stdout' : file;
    const question = `${isThere ? `Replace ${file}, and write` : 'Write'} secrets to ${to} for everybody to read who gets at it?`;
    if (await confirm(question)) return;
    throw new StoreError('cancelled', 'nothing was written');
  }
  if (isThere)
    throw new UsageError('output_failed', `there is a file ${file} already`, { hint: 'name another, or give -force' });
}

/** Who types the path of a secret here would write all secrets in clear to a file of that name. @throws UsageError `arguments` */
function refuseMounted({ table }: Pick<Mounts, 'table'>, file: string): void {
  if (/^[./]/.test(file) || mountAt(table, joinedNames(file)) === null) return;
  throw new UsageError('arguments', `${file} is a path in the store, and here is the place of the file to write`, {
    hint: `what is exported is named by -mount, and a file of that name is ./${file}; see: coffer kv export -h`,
  });
}

async function toStdout(invocation: Given, mounts: Mounts): Promise<Done> {
  return exportTo(invocation, mounts, (lines) => invocation.terminal.handOut(lines.replace(/\n$/, '')));
}

interface Done {
  readonly secrets: number;
  /** Those that have no data now. */
  readonly without: number;
  /** Paths of those whose line is longer than an import reads. */
  readonly long: readonly string[];
}

/** @throws StoreError `no_value` where there is nothing in the folder that was asked for */
async function exportTo({ flags }: Given, mounts: Mounts, write: (lines: string) => void): Promise<Done> {
  const folder = flags.mount === null ? null : joinedNames(flags.mount);
  let lines = '';
  let secrets = 0;
  let without = 0;
  const long: string[] = [];
  for await (const secret of exportedSecrets(mounts, folder, flags.versions)) {
    const before = lines.length; // the line itself, in a variable, would stay in memory until the next one is there
    lines += `${recordLine(secret)}\n`;
    secrets++;
    if (isTooLong(lines, before)) long.push(secret.path);
    if (secret.data === null) without++;
    if (lines.length < PART) continue;
    write(lines);
    lines = '';
  }
  if (secrets === 0 && folder !== null) refuseEmptyFolder(mounts, folder);
  if (lines !== '') write(lines);
  return { secrets, without, long };
}

/** Whether the line that begins there is longer than an import reads, without its end. */
function isTooLong(lines: string, from: number): boolean {
  const units = lines.length - from - 1;
  return units > LONGEST_LINE / MOST_BYTES_OF_UNIT && Buffer.byteLength(lines.slice(from, -1)) > LONGEST_LINE;
}

/** As a list of it. An empty file must not take the place of yesterday's because the name of a folder was mistyped. */
function refuseEmptyFolder(mounts: Mounts, folder: string): void {
  const { rest, listed } = kvPlace(mounts, folder);
  if (rest === '') return;
  throw noValue(
    listed,
    'name a mount, or a folder that has secrets in it; a secret by itself is read by: coffer kv get PATH',
  );
}
