import { holdsPin } from '../../config/index.ts';
import { endModules } from '../../core/index.ts';
import { systemErrorText, UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { givenStart, type GivenStart } from '../../native/environment.ts';
import { loadGuard } from '../../native/guard.ts';
import { command, type Flags } from '../command.ts';
import { findProgram, NOTHING } from '../find-program.ts';
import { fieldText, readContents, type Reference } from '../references.ts';
import { rawArguments, startProgram } from '../start-program.ts';
import { fieldNames } from './run-names.ts';
import { pathOfPrefix, readWanted, type Wanted, type WantedFlags } from './run-wanted.ts';

const FLAGS = {
  env: { kind: 'list', value: 'NAME=PATH#FIELD', help: 'a variable with this field of a secret; may be given again' },
  prefix: {
    kind: 'list',
    value: 'PATH',
    help: 'every field of this secret as a variable, names in upper case; may be given again',
  },
  'name-format': {
    kind: 'text',
    value: 'FORMAT',
    help: 'the names of -prefix: {FIELD} or {field}, {SECRET} or {secret} for the last name of the path ({FIELD})',
  },
  'env-file': {
    kind: 'list',
    value: 'FILE',
    help: 'an .env file, whose values may be coffer://PATH#FIELD; may be given again',
  },
  file: {
    kind: 'list',
    value: 'NAME=PATH#FIELD',
    help: 'a variable with the path of a file in memory that holds this field; may be given again',
  },
  'clear-env': { kind: 'boolean', help: 'hand on nothing of the environment but what the flags name' },
} as const satisfies Flags;

export const runCommand = command('run', {
  summary: 'run a command with secrets in its environment, or in files in memory',
  arguments: 'COMMAND [ARG ...]',
  flags: FLAGS,
  runs: true,
  examples: [
    'coffer run -env PGPASSWORD=secret/db#password -- psql -h db.example app',
    'coffer run -prefix secret/app -name-format=APP_{FIELD} -- ./server',
    'coffer run -env-file=app.env -file TLS_KEY=secret/tls#key -- ./server',
  ],
  async run(invocation) {
    const { flags, field, terminal } = invocation;
    if (field !== null) throw new UsageError('bad_flag', 'run has no result that -field could pick from');
    const wanted = await readWanted(flags);
    const given = givenStart(loadGuard());
    const args = rawArguments(invocation.args);
    const program = findProgram(Buffer.from(args[0] ?? '').toString('latin1'), valueOf(given, 'PATH'));
    const context = await invocation.context();
    const paths = [...wanted.listed, ...wanted.given, ...wanted.files].flatMap(({ from }) =>
      typeof from === 'string' ? [] : [from.path],
    );
    const contents = await readContents(context, [...paths, ...flags.prefix.map(pathOfPrefix)]);
    const { variables, keep } = handedOn(wanted, contents, flags);
    const kept = flags['clear-env'] ? [] : keptOf(given, variables, context.config.pinVariables);
    endModules();
    terminal.end();
    const environment = [...kept, ...[...variables].map(([name, value]) => `${name}=${value}`)];
    startProgram({ program, args, environment, keep, state: given.state });
  },
});

/** As getenv(3) finds it. */
function valueOf({ variables }: GivenStart, name: string): string | undefined {
  return variables.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** What of the environment stays beside these variables, in bytes. */
function keptOf(
  given: GivenStart,
  variables: ReadonlyMap<string, string>,
  pinVariables: readonly string[],
): readonly Uint8Array[] {
  const stays = (one: string): boolean => {
    const [name = '', ...value] = one.split('=');
    return value.length === 0 || !(variables.has(name) || holdsPin(name, value.join('='), pinVariables));
  };
  return given.variables.filter(stays).map((one) => Buffer.from(one, 'latin1'));
}

/** Files in memory are made last, when nothing can be missing any more. */
function handedOn(
  { listed, given, files }: Wanted,
  contents: ReadonlyMap<string, JsonObject>,
  { prefix, 'name-format': format }: WantedFlags,
): { variables: ReadonlyMap<string, string>; keep: readonly number[] } {
  const read = (from: Reference): string => fieldText(contents.get(from.path) ?? {}, from);
  const variables = new Map<string, string>();
  const take = ({ name, from }: Wanted['listed'][number]): void => {
    variables.set(name, typeof from === 'string' ? from : plain(read(from), name, from));
  };
  listed.forEach(take);
  for (const path of prefix.map(pathOfPrefix)) {
    const content = contents.get(path) ?? {};
    for (const [name, field] of fieldNames(path, Object.keys(content), format)) take({ name, from: { path, field } });
  }
  given.forEach(take);
  const texts = files.map(({ name, from }) => ({ name, text: read(from) }));
  const keep = texts.map(({ name, text }) => {
    const descriptor = memoryFile(name, text);
    variables.set(name, `/proc/${process.pid}/fd/${descriptor}`);
    return descriptor;
  });
  return { variables, keep };
}

/** @returns its descriptor  @throws UsageError `output_failed` */
function memoryFile(name: string, text: string): number {
  try {
    return loadGuard().memoryFile(name, new TextEncoder().encode(text));
  } catch (error) {
    throw new UsageError('output_failed', `${name}: cannot make a file in memory: ${systemErrorText(error)}`, {
      hint: NOTHING,
      cause: error,
    });
  }
}

/** A value that a variable can have. @throws UsageError `unfit_value` */
function plain(value: string, name: string, { path, field }: Reference): string {
  if (!value.includes('\0')) return value;
  throw new UsageError(
    'unfit_value',
    `${name}: ${path}#${field} holds a NUL, which no variable of an environment can`,
    {
      hint: '-file=NAME=PATH#FIELD hands it on as a file; nothing was run',
    },
  );
}
