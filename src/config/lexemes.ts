/** The pieces of HCL native syntax: blanks, comments, strings, and the expressions that coffer only steps over. */
import type { Cursor } from './cursor.ts';

const blank = /[ \t]+/y;
const lineEnd = /\r?\n/y;
const lineComment = /(?:#|\/\/)[^\n]*/y;
const heredocStart = /<<-?([\p{ID_Start}_][\p{ID_Continue}-]*)\r?\n/uy;
const plainText = /[^"\\\r\n$%]+/y;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };
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

/** Reads the quoted string that starts here and gives its value. A template in it is refused. `name` is for errors. */
export function readString(cursor: Cursor, name: string): string {
  const start = cursor.offset;
  cursor.offset += 1;
  let value = '';
  for (;;) {
    const template = cursor.look(/([$%])\1?\{/y);
    if (template?.length === 3) {
      // $${ and %%{ stand for ${ and %{
      value += template.slice(1);
      cursor.offset += 3;
    } else if (template !== null) {
      cursor.fail(
        `the value of ${name} holds a template, and coffer evaluates none`,
        'write the value itself; if these characters are meant as they are, write $${ for ${ and %%{ for %{',
        cursor.offset,
        'config_template',
      );
    } else if (cursor.at('"')) {
      cursor.offset += 1;
      return value;
    } else if (cursor.at('\\')) {
      value += readEscape(cursor, name);
    } else {
      value += cursor.take(plainText) ?? takeSign(cursor, start, name);
    }
  }
}

function readEscape(cursor: Cursor, name: string): string {
  const simple = escapes[cursor.text[cursor.offset + 1] ?? ''];
  if (simple !== undefined) {
    cursor.offset += 2;
    return simple;
  }
  const digits = (cursor.look(/\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}/y) ?? '').slice(2);
  const codePoint = Number.parseInt(digits, 16);
  const isCharacter = codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff);
  if (!isCharacter) {
    cursor.fail(
      `unknown escape in the string of ${name}`,
      String.raw`the escapes are \n \r \t \" \\ \uNNNN \UNNNNNNNN; write \\ for one backslash`,
    );
  }
  cursor.offset += digits.length + 2;
  return String.fromCodePoint(codePoint);
}

/** A `$` or `%` that starts no template; anything else here means that the line ended inside the string. */
function takeSign(cursor: Cursor, start: number, name: string): string {
  const unclosed = `the string of ${name} is opened here and not closed on its line`;
  return cursor.take(/[$%]/y) ?? cursor.fail(unclosed, 'end the value with a double quote (")', start);
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

function skipTerm(cursor: Cursor, depth: number): void {
  if (cursor.at('"')) skipString(cursor, depth);
  else if (cursor.look(heredocStart) !== null) skipHeredoc(cursor);
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
    if (cursor.take(/\$\$\{|%%\{|\\[^\r\n]/y) !== null) continue;
    if (cursor.take(/[$%](?=\{)/y) !== null) skipGroup(cursor, depth + 1);
    else if (cursor.take(plainText) === null) takeSign(cursor, start, 'a stanza or key that coffer does not use');
  }
  cursor.offset += 1;
}

function skipHeredoc(cursor: Cursor): void {
  const start = cursor.offset;
  const opening = cursor.take(heredocStart) ?? '';
  const marker = opening.replace(/^<<-?/, '').trimEnd();
  for (;;) {
    if (cursor.done) cursor.fail('heredoc opened here is never closed', 'end it with its marker on a line alone', start);
    const line = cursor.take(/[^\n]*/y) ?? '';
    if (line.trim() === marker) return;
    cursor.offset += 1;
  }
}
