import { pinVariables } from '../../config/index.ts';
import { endModules } from '../../core/index.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { loadGuard } from '../../native/guard.ts';
import { command, type Flags, type FlagValues } from '../command.ts';
import { findProgram } from '../find-program.ts';
import { fieldText, parseReference, readContents, REFERENCE_HINT, type Reference } from '../references.ts';
import { startProgram } from '../start-program.ts';
import { fieldNames, isVariableName } from './run-names.ts';

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
    const { args, flags, field, terminal } = invocation;
    if (field !== null) throw new UsageError('bad_flag', 'run has no result that -field could pick from');
    const wanted = await readWanted(flags);
    const file = findProgram(args[0] ?? '', process.env['PATH']);
    const context = await invocation.context();
    const paths = [...wanted.values, ...wanted.files].flatMap(({ from }) =>
      typeof from === 'string' ? [] : [from.path],
    );
    const contents = await readContents(context, [...paths, ...flags.prefix.map(pathOfPrefix)]);
    const { variables, keep } = handedOn(wanted, contents, flags);
    terminal.end();
    endModules();
    startProgram({
      file,
      args,
      variables,
      without: flags['clear-env'] ? null : pinVariables(process.env, context.config.seal.pin),
      keep,
    });
  },
});

interface Wanted {
  /** In the order in which a later one goes before an earlier one of its name. */
  readonly values: readonly { readonly name: string; readonly from: string | Reference }[];
  readonly files: readonly { readonly name: string; readonly from: Reference }[];
  /** How many of `values` go before those of -prefix, which are of the files of -env-file. */
  readonly fromFiles: number;
}

/** @throws UsageError `bad_flag`, `bad_reference`, `no_data`; as `readEnvFile` */
async function readWanted(flags: FlagValues<typeof FLAGS>): Promise<Wanted> {
  const { env, prefix, file, 'env-file': envFiles, 'name-format': format } = flags;
  if (env.length + prefix.length + file.length + envFiles.length === 0) {
    throw new UsageError('no_data', 'there is nothing to hand on to the command', {
      hint: 'give -env, -prefix, -env-file or -file; see: coffer run -h',
    });
  }
  if (format !== null && prefix.length === 0) throw new UsageError('bad_flag', '-name-format is for -prefix');
  const given = env.map((text) => assigned('env', text));
  const files = file.map((text) => assigned('file', text));
  const names = [...given, ...files].map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new UsageError('bad_flag', `the variable ${twice} is given twice`);
  const listed: { name: string; from: string | Reference }[] = [];
  for (const path of envFiles) {
    const { readEnvFile } = await import('../env-file.ts');
    for (const { name, value, where } of readEnvFile(path)) {
      if (!isVariableName(name)) throw noName(`${where}: what stands before the value`);
      listed.push({ name, from: value });
    }
  }
  return { values: [...listed, ...given], files, fromFiles: listed.length };
}

/** What is not NAME=PATH#FIELD is not shown: it may be the value itself. */
function assigned(flag: string, text: string): { name: string; from: Reference } {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new UsageError('bad_flag', `-${flag} is NAME=PATH#FIELD`, { hint: REFERENCE_HINT });
  const name = text.slice(0, equals);
  if (!isVariableName(name)) throw noName(`-${flag}: ${JSON.stringify(name)}`);
  const from = parseReference(text.slice(equals + 1));
  if (from !== null) return { name, from };
  throw new UsageError('bad_reference', `-${flag} ${name}= is not followed by a reference`, { hint: REFERENCE_HINT });
}

function noName(what: string): UsageError {
  return new UsageError('bad_flag', `${what} is no name of a variable`, {
    hint: 'a name has letters, digits, "_", "." and "-", and does not begin with a digit',
  });
}

function pathOfPrefix(path: string): string {
  const reference = parseReference(`${path}#`);
  if (reference !== null) return reference.path;
  throw new UsageError('bad_reference', '-prefix is the path of a secret, without a field', { hint: REFERENCE_HINT });
}

/** Files in memory are made last, when nothing can be missing any more. */
function handedOn(
  { values, files, fromFiles }: Wanted,
  contents: ReadonlyMap<string, JsonObject>,
  { prefix, 'name-format': format }: FlagValues<typeof FLAGS>,
): { variables: ReadonlyMap<string, string>; keep: readonly number[] } {
  const read = (from: Reference): string => fieldText(contents.get(from.path) ?? {}, from);
  const variables = new Map<string, string>();
  const take = ({ name, from }: Wanted['values'][number]): void => {
    variables.set(name, typeof from === 'string' ? from : plain(read(from), name, from));
  };
  for (const value of values.slice(0, fromFiles)) take(value);
  for (const path of prefix.map(pathOfPrefix)) {
    const content = contents.get(path) ?? {};
    for (const [name, field] of fieldNames(path, Object.keys(content), format)) take({ name, from: { path, field } });
  }
  for (const value of values.slice(fromFiles)) take(value);
  const texts = files.map(({ name, from }) => ({ name, text: read(from) }));
  const keep = texts.map(({ name, text }) => {
    const descriptor = loadGuard().memoryFile(name, new TextEncoder().encode(text));
    variables.set(name, `/proc/${process.pid}/fd/${descriptor}`);
    return descriptor;
  });
  return { variables, keep };
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
