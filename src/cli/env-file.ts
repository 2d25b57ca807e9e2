import { parse } from 'dotenv';
import { UsageError } from '../errors.ts';
import { BEFORE_VALUE, envStatements, onlyVariable, refuseUnclear } from './env-statements.ts';
import { readTextFile } from './input.ts';
import { parseReference, REFERENCE_HINT, type Reference, SCHEME } from './references.ts';

/** A variable of an .env file: its value, or where that is. */
export interface EnvEntry {
  readonly name: string;
  readonly value: string | Reference;
  /** The file and the line, for errors: without quotes the lines of a private key look like names, so these are not shown. */
  readonly where: string;
}

/**
 * The variables of an .env file in its order. dotenv reads each statement; what it would pass over without a word is an error here,
 * since a command must not start without a variable that somebody wrote down.
 * @throws UsageError `bad_data`, `bad_reference`, `unfit_value`, never with a value in it
 */
export function readEnvFile(file: string): EnvEntry[] {
  return envStatements(readTextFile(file).replace(/^\uFEFF/, ''), file, FORMS).map(({ source, where }) =>
    entry(source, where),
  );
}

function entry(source: string, where: string): EnvEntry {
  // Without quotes dotenv takes # for the beginning of a comment, and a reference has one.
  const marker = crypto.randomUUID();
  const marked = source.replace(UNQUOTED_REFERENCE, (reference) => reference.replaceAll('#', marker));
  const [name, text] = onlyVariable(parse(marked), where, FORMS);
  const value = text.replaceAll(marker, '#');
  if (!value.includes(SCHEME)) {
    refuseUnclear({ source, where });
    return { name, value: withoutNul(value, where), where };
  }
  const reference = value.startsWith(SCHEME) ? parseReference(value) : null;
  if (reference !== null) return { name, value: reference, where };
  throw new UsageError('bad_reference', `${where}: its value is not one reference`, {
    hint: `${REFERENCE_HINT}; one with blanks stands in quotes, and nothing else beside it`,
  });
}

function withoutNul(value: string, where: string): string {
  if (!value.includes('\0')) return value;
  throw new UsageError('unfit_value', `${where}: its value holds a NUL, which no variable of an environment can`, {
    hint: '-file=NAME=PATH#FIELD hands on such a value as a file; nothing was run',
  });
}

const FORMS = 'NAME=VALUE, NAME="VALUE" or NAME=coffer://PATH#FIELD';
const UNQUOTED_REFERENCE = new RegExp(`${BEFORE_VALUE.source}${SCHEME}\\S*`);
