/** The parts of a stanza or key, in the order in which they stand, and what can be wrong with each. */
import type { Cursor } from './cursor.ts';
import { atLineEnd, decodeString, readString, skipBlanks, skipExpression } from './lexemes.ts';

const identifier = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const literal =
  /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|0[xX][0-9a-fA-F]+)(?![\p{ID_Continue}.-])/uy;

/** Reads the name that a stanza or key begins with, and the blanks after it. */
export function readName(cursor: Cursor): string {
  const start = cursor.offset;
  const name = cursor.take(identifier);
  if (name === null) {
    if (cursor.at('}')) cursor.fail('"}" without a "{" that it closes', 'remove it, or look for a missing "{" above');
    if (cursor.at('"')) cursor.fail('a name is in quotes', 'write stanza names and keys without quotes');
    cursor.fail('a stanza or key must start here', 'write key = "value" or name "type" { ... }, one per line');
  }
  skipBlanks(cursor);
  if (cursor.at(':')) cursor.fail(`expected "=" after ${name}`, `write ${name} = "value"`);
  if (atLineEnd(cursor)) cursor.fail(`${name} has no value`, `write ${name} = "value"`, start);
  return name;
}

/** Reads the types and names of a stanza up to its opening brace. */
export function readLabels(cursor: Cursor, name: string): string[] {
  const labels: string[] = [];
  while (!cursor.at('{')) {
    const label = cursor.at('"') ? decodeString(readString(cursor, name)) : cursor.take(identifier);
    if (label === null) {
      cursor.fail(`expected "=" or "{" after ${name}`, `write ${name} = "value", or ${name} "type" { on one line`);
    }
    labels.push(label);
    skipBlanks(cursor);
  }
  return labels;
}

/** Reads `= literal`, of HCL 2 or a bare hexadecimal number, and gives it as it is written; anything else is refused with what is wrong with it. */
export function readValue(cursor: Cursor, name: string): string {
  expectValue(cursor, name);
  return cursor.at('"') ? readString(cursor, name) : (cursor.take(literal) ?? failNotLiteral(cursor, name));
}

/** Steps over `= expression`. */
export function skipValue(cursor: Cursor, name: string): void {
  expectValue(cursor, name);
  skipExpression(cursor);
}

/** After a value or a block nothing but a comment may stand on the line. */
export function requireLineEnd(cursor: Cursor, after: 'value' | 'block'): void {
  skipBlanks(cursor);
  if (atLineEnd(cursor)) return;
  if (cursor.at('}')) cursor.fail('"}" without a "{" that it closes', 'remove it, or look for a missing "{" above');
  if (cursor.look(/[,;]/y) !== null) {
    cursor.fail(`separator after a ${after}`, 'remove it and write one key per line');
  }
  if (cursor.look(identifier) !== null) {
    cursor.fail(`a new line is missing after a ${after}`, 'write one key or stanza per line');
  }
  cursor.fail(`unexpected text after a ${after}`, 'write one key per line and each value as one quoted string');
}

function expectValue(cursor: Cursor, name: string): void {
  const equals = cursor.offset;
  cursor.offset += 1;
  skipBlanks(cursor);
  if (atLineEnd(cursor) || cursor.at('}')) {
    cursor.fail(`${name} has no value after "="`, `write ${name} = "value" on one line`, equals);
  }
}

function failNotLiteral(cursor: Cursor, name: string): never {
  const quotes = `write ${name} = "value", in double quotes`;
  if (cursor.look(/[[{]/y) !== null) {
    cursor.fail(`${name} must be a single value, not a list or a map`, quotes, cursor.offset, 'config_type');
  }
  if (cursor.at('<<')) cursor.fail(`${name} must be on one line, not a heredoc`, quotes, cursor.offset, 'config_type');
  if (cursor.look(/[“”„«'‘’]/y) !== null) cursor.fail(`${name} has the wrong kind of quotes`, quotes);
  if (cursor.look(/-?[0-9]/y) !== null) cursor.fail(`${name} is not a plain decimal number`, quotes);
  if (cursor.look(identifier) !== null) {
    const hint = `coffer evaluates no variables or functions; ${quotes}`;
    const problem = `${name} is neither a quoted string nor true, false or a number`;
    cursor.fail(problem, hint, cursor.offset, 'config_template');
  }
  cursor.fail(`the value of ${name} is not quoted`, quotes);
}
