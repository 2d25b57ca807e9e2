import { UsageError } from '../errors.ts';

/** One variable of an .env file as it is written, which dotenv reads. */
export interface EnvStatement {
  readonly source: string;
  /** The file and the line on which it begins, for messages. */
  readonly where: string;
}

/** For the hint of an error. */
const FORMS = 'NAME=VALUE or NAME="VALUE"';

/** What stands before a value: NAME= or NAME: with or without "export". */
export const BEFORE_VALUE = /^\s*(?:export\s+)?[\w.-]+\s*[=:]\s*/;

/**
 * The statements of an .env file, comments left out: a line each, or several where a quoted value goes on.
 * @param file what errors call it @param forms what a line may be
 * @throws UsageError `bad_data` where quotes are not closed
 */
export function envStatements(content: string, file: string, forms = FORMS): EnvStatement[] {
  const found: EnvStatement[] = [];
  const lines = content.split(/\r\n|\r|\n/);
  for (let at = 0; at < lines.length; at++) {
    const where = `${file} (line ${at + 1})`;
    let source = lines[at] ?? '';
    if (/^\s*(#|$)/.test(source)) continue;
    while (isOpen(source)) {
      at++;
      const next = lines[at];
      if (next === undefined) throw malformed(where, 'the quotes around the value are not closed', forms);
      source += `\n${next}`;
    }
    found.push({ source, where });
  }
  return found;
}

/**
 * The one variable of what dotenv read of a statement; what it passed over in silence is an error.
 * @throws UsageError `bad_data`, never with a value in it
 */
export function onlyVariable(
  parsed: Readonly<Record<string, string>>,
  where: string,
  forms = FORMS,
): [name: string, value: string] {
  const [variable, ...others] = Object.entries(parsed);
  if (variable === undefined || others.length > 0) throw malformed(where, 'it is no NAME=VALUE', forms);
  return variable;
}

/**
 * Refuses what programs differ about: a value of which dotenv takes the end for a comment, and shells, systemd and Docker do not, so that half of
 * a password would be lost; and one that goes on behind its quotes, which dotenv then takes for a part of it.
 * @throws UsageError `bad_data`
 */
export function refuseUnclear({ source, where }: EnvStatement): void {
  const value = valueOf(source);
  if (CLOSED.test(value)) {
    if (/^\s*(#[^]*)?$/.test(value.replace(CLOSED, ''))) return;
    throw new UsageError('bad_data', `${where}: there is more than a comment behind the quotes around the value`, {
      hint: 'put the whole value into quotes, and each variable on a line of its own: programs differ about what this is',
    });
  }
  const at = value.indexOf('#');
  if (at === -1 || !/\S/.test(source.charAt(source.length - value.length + at - 1))) return;
  throw new UsageError('bad_data', `${where}: a # without a blank before it stands in a value without quotes`, {
    hint: 'put the value into quotes, or a blank before the comment: programs differ about what this is',
  });
}

const CLOSED = /^(?:'[^']*'|"(?:\\"|[^"])*"|`[^`]*`)/;

function valueOf(source: string): string {
  return source.slice(BEFORE_VALUE.exec(source)?.[0].length ?? source.length);
}

/** Whether the value begins with a quote that does not come again. */
function isOpen(source: string): boolean {
  const value = valueOf(source);
  return /^["'`]/.test(value) && !CLOSED.test(value);
}

function malformed(where: string, problem: string, forms: string): UsageError {
  return new UsageError('bad_data', `${where}: ${problem}`, { hint: `write ${forms}` });
}
