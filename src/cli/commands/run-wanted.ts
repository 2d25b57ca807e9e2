import { UsageError } from '../../errors.ts';
import { parseReference, REFERENCE_HINT, type Reference } from '../references.ts';
import { isVariableName } from './run-names.ts';

/** What is to be handed on to a command, as the flags say. */
export interface Wanted {
  /** Of the files of -env-file: what -prefix has goes before them, and of one name the later one before the earlier one. */
  readonly listed: readonly { readonly name: string; readonly from: string | Reference }[];
  /** Of -env, which go before both. */
  readonly given: readonly { readonly name: string; readonly from: Reference }[];
  readonly files: readonly { readonly name: string; readonly from: Reference }[];
}

export interface WantedFlags {
  readonly env: readonly string[];
  readonly prefix: readonly string[];
  readonly file: readonly string[];
  readonly 'env-file': readonly string[];
  readonly 'name-format': string | null;
}

/** @throws UsageError `bad_flag`, `bad_reference`, `no_data`; as `readEnvFile` */
export async function readWanted(flags: WantedFlags): Promise<Wanted> {
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
  return { listed, given, files };
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

/** @throws UsageError `bad_reference` */
export function pathOfPrefix(path: string): string {
  const reference = parseReference(`${path}#`);
  if (reference !== null) return reference.path;
  throw new UsageError('bad_reference', '-prefix is the path of a secret, without a field', { hint: REFERENCE_HINT });
}
