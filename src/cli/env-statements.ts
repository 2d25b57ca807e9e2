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
    if (/^\s*(#|$)/.test(lines[at] ?? '')) continue;
    const source = statementAt(lines, at);
    if (source === null) throw malformed(where, 'the quotes around the value are not closed', forms);
    found.push({ source, where });
    at += source.split('\n').length - 1;
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
  if (/^["'`]/.test(value)) {
    if (CLOSED.exec(value)?.[0] === value) return;
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

/**
 * A value in quotes, to the end of the line on which they are closed. As dotenv has it \" closes them where nothing else does: "C:\dir\" is
 * a value, and so is "a \"b\" c".
 */
const CLOSED = /^(?:'[^']*'|"(?:\\"|[^"])*"|`[^`]*`)[^\S\n]*(?:#[^\n]*)?(?=\n|$)/;

function valueOf(source: string): string {
  return source.slice(BEFORE_VALUE.exec(source)?.[0].length ?? source.length);
}

/** The statement that begins on this line; null where its quotes are not closed. */
function statementAt(lines: readonly string[], at: number): string | null {
  const first = lines[at] ?? '';
  const value = valueOf(first);
  const quote = /^["'`]/.exec(value)?.[0];
  if (quote === undefined) return first;
  const closes = (line: string): boolean => (quote === '"' ? /(?<!\\)"/.test(line) : line.includes(quote));
  const last = closes(value.slice(1)) ? at : lines.findIndex((line, index) => index > at && closes(line));
  const source = lines.slice(at, last === -1 ? lines.length : last + 1).join('\n');
  const before = first.length - value.length;
  const closed = CLOSED.exec(source.slice(before));
  if (closed !== null) return source.slice(0, before + closed[0].length);
  return last === -1 ? null : source;
}

function malformed(where: string, problem: string, forms: string): UsageError {
  return new UsageError('bad_data', `${where}: ${problem}`, { hint: `write ${forms}` });
}
