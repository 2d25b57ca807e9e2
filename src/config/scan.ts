/**
 * One walk over an HCL text before any parser sees it: hcl2-parser gives no reason for a failure and no place of a value.
 * The walk finds syntax errors, what the file holds and where, and the literals that hcl2-parser is to read, without anything
 * around them. What coffer uses is plain `key = literal`, so expressions, templates, lists and nested blocks are refused here;
 * stanzas that coffer does not use are only stepped over.
 */
import { Cursor } from './cursor.ts';
import { title, type Contents, type Position, type Stanza } from './document.ts';
import { readLabels, readName, readValue, requireLineEnd, skipValue } from './grammar.ts';
import { secretKeys, stanzaKeys, topLevelKeys } from './keys.ts';
import { atLineEnd, decodeString, skipBlanks, skipGroup, skipLines } from './lexemes.ts';

/** A literal in HCL 2, and the setting that its value is for. */
export interface Literal {
  readonly source: string;
  readonly setting: { value: unknown };
}

export interface Scan extends Contents {
  /**
   * In the order of the file; their settings have no value yet. A value that is or may be secret is not among them: its
   * setting has it already, null where it is no string.
   */
  readonly literals: readonly Literal[];
}

/** What a walk goes through, and what it leaves for the parser. */
interface Walk {
  readonly cursor: Cursor;
  readonly literals: Literal[];
}

type Settings = Map<string, { value: unknown; readonly at: Position }>;

const blockAhead = /(?:[\p{ID_Continue}_-]+|"[^"\n]*"|[ \t]+)*\{/uy;

/** @throws ConfigError `config_syntax`, `config_template` or `config_type` for anything that is not well-formed */
export function scanHcl(file: string, text: string): Scan {
  const cursor = new Cursor(file, text);
  const walk: Walk = { cursor, literals: [] };
  const stanzas: Stanza[] = [];
  const settings: Settings = new Map();
  while (skipLines(cursor)) {
    const start = cursor.offset;
    const at = cursor.position();
    const name = readName(cursor);
    if (!cursor.at('=')) {
      stanzas.push(readStanza(walk, name, at));
      requireLineEnd(cursor, 'block');
      continue;
    }
    if (topLevelKeys.includes(name)) {
      readSetting(walk, settings, name, start, true);
    } else {
      settings.set(name, { value: undefined, at });
      skipValue(cursor, name);
    }
    requireLineEnd(cursor, 'value');
  }
  return { stanzas, settings, literals: walk.literals };
}

function readStanza(walk: Walk, name: string, at: Position): Stanza {
  const settings: Settings = new Map();
  const stanza = { name, labels: readLabels(walk.cursor, name), at, settings };
  const known = stanzaKeys.get(title(stanza));
  if (known === undefined) skipGroup(walk.cursor);
  else readBody(walk, title(stanza), settings, known);
  return stanza;
}

/** Reads `{ ... }`: one key per line, or a single key between braces on one line. */
function readBody(walk: Walk, stanza: string, settings: Settings, known: readonly string[]): void {
  const { cursor } = walk;
  const open = cursor.offset;
  const readKey = (): void => {
    const start = cursor.offset;
    const name = readName(cursor);
    if (!cursor.at('=')) failNotKey(cursor, name, stanza, open, start);
    // A misspelt key may hold a PIN as well as `pin` does.
    readSetting(walk, settings, name, start, known.includes(name) && !secretKeys.includes(name));
    skipBlanks(cursor);
  };

  cursor.offset += 1;
  skipBlanks(cursor);
  if (!atLineEnd(cursor)) {
    if (!cursor.at('}')) {
      readKey();
      if (!cursor.at('}')) failOneLine(cursor, stanza, open);
    }
  } else {
    while (skipLines(cursor) && !cursor.at('}')) {
      readKey();
      if (cursor.at('}')) cursor.fail('"}" must be on a line of its own', 'start a new line before "}"');
      requireLineEnd(cursor, 'value');
    }
    if (cursor.done) cursor.fail(`block ${stanza} opened here is never closed`, 'add "}" on a line of its own', open);
  }
  cursor.offset += 1;
}

/** Reads `= literal` after a name that began at `start`. */
function readSetting(
  { cursor, literals }: Walk,
  settings: Settings,
  name: string,
  start: number,
  isPublic: boolean,
): void {
  const first = settings.get(name);
  if (first !== undefined)
    cursor.fail(`${name} is already set on line ${first.at.line}`, 'remove one of the two', start);
  const setting = { value: null as unknown, at: cursor.position(start) };
  settings.set(name, setting);
  const source = readValue(cursor, name);
  if (isPublic) literals.push({ source: toHcl2(source), setting });
  else if (source.startsWith('"')) setting.value = decodeString(source);
}

/** The HCL 1 of Vault has bare hexadecimal numbers, and takes them for a string where it wants one. */
function toHcl2(literal: string): string {
  return /^0x/i.test(literal) ? `"${literal}"` : literal;
}

function failNotKey(cursor: Cursor, name: string, stanza: string, open: number, start: number): never {
  const opened = cursor.position(open).line;
  if (cursor.look(blockAhead) === null) cursor.fail(`expected "=" after ${name}`, `write ${name} = "value"`);
  cursor.fail(
    `block ${name} starts inside ${stanza}, which was opened on line ${opened}`,
    `${stanza} holds no blocks; is a "}" missing before this line?`,
    start,
  );
}

function failOneLine(cursor: Cursor, stanza: string, open: number): never {
  const hint = 'start a new line after "{", write one key per line, and "}" on a line of its own';
  if (cursor.done) cursor.fail(`block ${stanza} opened here is never closed`, hint, open);
  if (atLineEnd(cursor)) cursor.fail(`block ${stanza} has a key on the line of its "{" but no "}" there`, hint, open);
  cursor.fail(`block ${stanza} on one line may hold one key only`, hint);
}
