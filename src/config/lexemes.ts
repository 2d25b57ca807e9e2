/** The pieces of HCL native syntax: blanks, comments, strings, and the expressions that coffer only steps over. */
import type { Cursor } from './cursor.ts';

const blank = /[ \t]+/y;
const lineEnd = /\r?\n/y;
const lineComment = /(?:#|\/\/)[^\n]*/y;
// Written out, since a pattern that is put together costs a tenth of a millisecond at every start.
const literalPart =
  /[^"\\\r\n$%]+|[$%](?!\{)|\\[nrt"\\]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|\\U(?!0000[dD][89a-fA-F])00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}/y;
const anyPart = /[^"\\\r\n$%]+|\$\$\{|%%\{|[$%](?!\{)|\\[^\r\n]/y;
const maximumDepth = 100;

/** Steps over spaces, tabs and block comments, which do not end a line even where they span several. */
export function skipBlanks(cursor: Cursor): void {
  for (;;) {
    if (cursor.take(blank) !== null) continue;
    if (!cursor.at('/*')) return;
    const end = cursor.text.indexOf('*/', cursor.offset + 2);
    if (end < 0) cursor.fail('comment opened here with /* is never closed', 'end the comment with */');
    cursor.offset = end + 2;
  }
}

/** Whether the line ends here: a line break, a comment to the end of the line, or the end of the text. */
export function atLineEnd(cursor: Cursor): boolean {
  return cursor.done || cursor.look(lineEnd) !== null || cursor.look(lineComment) !== null;
}

/** Steps over blanks, comments and line breaks. Says whether there is anything after them. */
export function skipLines(cursor: Cursor): boolean {
  do {
    skipBlanks(cursor);
  } while (cursor.take(lineEnd) !== null || cursor.take(lineComment) !== null);
  return !cursor.done;
}

/**
 * Reads the quoted string that starts here and gives it as it is written. `name` is for errors.
 *
 * What begins a template in HCL 2 is refused: HCL 1, which Vault reads, takes "${" and "$${" as they stand, and HCL 2 takes
 * neither so. Of a PIN that is read in one of two ways, one costs a try.
 */
export function readString(cursor: Cursor, name: string): string {
  const start = cursor.offset;
  cursor.offset += 1;
  while (!cursor.at('"')) {
    if (cursor.take(literalPart) !== null) continue;
    if (cursor.at('\\')) {
      cursor.fail(
        `unknown escape in the string of ${name}`,
        String.raw`the escapes are \n \r \t \" \\ \uNNNN \UNNNNNNNN; write \\ for one backslash`,
      );
    }
    if (cursor.look(/[$%]/y) === null) failUnclosed(cursor, start, name);
    const isDoubled = cursor.text[cursor.offset - 1] === cursor.text[cursor.offset];
    const begin = cursor.offset - (isDoubled ? 1 : 0);
    cursor.fail(templateProblem(name, isDoubled), TEMPLATE_HINT, begin, 'config_template');
  }
  cursor.offset += 1;
  return cursor.text.slice(start, cursor.offset);
}

/** @param isDoubled whether it is "$${" or "%%{", which HCL 2 has for "${" and "%{" */
export function templateProblem(name: string, isDoubled: boolean): string {
  return isDoubled
    ? `the value of ${name} holds "$\${" or "%%{", which Vault takes as it stands and HCL 2 as one character less`
    : `the value of ${name} holds a template, and coffer evaluates none`;
}

export const TEMPLATE_HINT =
  'write the value itself; if these characters are meant as they are, write \\u0024{ for ${ and \\u0025{ for %{, which every reader takes alike';

const written = /\\u(.{4})|\\U(.{8})|\\(.)/g;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** The value of a string that `readString` gave: of one that may be secret, and that hcl2-parser therefore does not read. */
export function decodeString(source: string): string {
  return source.slice(1, -1).replaceAll(written, (_, short?: string, long?: string, escaped?: string) => {
    const digits = short ?? long;
    if (digits !== undefined) return String.fromCodePoint(Number.parseInt(digits, 16));
    return escapes[escaped ?? ''] ?? escaped ?? '';
  });
}

function failUnclosed(cursor: Cursor, start: number, name: string): never {
  const problem = `the string of ${name} is opened here and not closed on its line`;
  cursor.fail(problem, 'end the value with a double quote (")', start);
}

/**
 * Steps over an expression that coffer does not use, to the end of its line outside all brackets. Only brackets,
 * strings, heredocs and comments are looked at: the rest need not even be HCL 2, as old server files are not.
 */
export function skipExpression(cursor: Cursor): void {
  skipBlanks(cursor);
  while (!atLineEnd(cursor) && !cursor.at('}')) {
    skipTerm(cursor, 0);
    skipBlanks(cursor);
  }
}

/** Steps over the bracket that opens here and all that it holds. */
export function skipGroup(cursor: Cursor, depth = 0): void {
  const start = cursor.offset;
  const opener = cursor.text[start] ?? '';
  const closer = { '{': '}', '[': ']', '(': ')' }[opener] ?? '';
  if (depth > maximumDepth) cursor.fail('brackets are nested too deeply', `at most ${maximumDepth} levels are read`);
  cursor.offset += 1;
  for (;;) {
    if (!skipLines(cursor)) {
      cursor.fail(`"${opener}" opened here is never closed`, `add "${closer}" where it ends`, start);
    }
    if (cursor.at(closer)) break;
    skipTerm(cursor, depth + 1);
  }
  cursor.offset += 1;
}

/** Steps over one bracket with all that it holds, one string, one heredoc, or one other character. */
export function skipTerm(cursor: Cursor, depth: number): void {
  if (cursor.at('"')) skipString(cursor, depth);
  else if (cursor.look(/<<-?([\p{ID_Start}_][\p{ID_Continue}-]*)\r?\n/uy) !== null) skipHeredoc(cursor);
  else if (cursor.look(/[{[(]/y) !== null) skipGroup(cursor, depth);
  else if (cursor.look(/[}\])]/y) !== null && depth > 0) {
    cursor.fail('closing bracket does not match the one that is open', 'look for a missing bracket above it');
  } else cursor.offset += 1;
}

/** As `readString`, but steps over templates, which may hold strings of their own. */
function skipString(cursor: Cursor, depth: number): void {
  const start = cursor.offset;
  cursor.offset += 1;
  while (!cursor.at('"')) {
    if (cursor.take(anyPart) !== null) continue;
    if (cursor.take(/[$%]/y) === null) failUnclosed(cursor, start, 'a stanza or key that coffer does not use');
    skipGroup(cursor, depth + 1);
  }
  cursor.offset += 1;
}

function skipHeredoc(cursor: Cursor): void {
  const start = cursor.offset;
  const opening = cursor.take(/<<-?([\p{ID_Start}_][\p{ID_Continue}-]*)\r?\n/uy) ?? '';
  const marker = opening.replace(/^<<-?/, '').trimEnd();
  for (;;) {
    if (cursor.done)
      cursor.fail('heredoc opened here is never closed', 'end it with its marker on a line alone', start);
    const line = cursor.take(/[^\n]*/y) ?? '';
    if (line.trim() === marker) return;
    cursor.offset += 1;
  }
}
