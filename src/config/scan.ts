/**
 * One walk over an HCL text before any parser sees it: hcl2-parser gives no reason for a failure and no place of a value.
 * The walk finds syntax errors, what the file holds and where, and the literals that hcl2-parser is to read, without anything
 * around them. What coffer uses is plain `key = literal`, so expressions, templates, lists and nested blocks are refused here;
 * stanzas that coffer does not use are only stepped over.
 */
import { Cursor } from './cursor.ts';
import { isSeal, kind, title, type Contents, type Position, type Stanza } from './document.ts';
import { readLabels, readName, readValue, requireLineEnd, skipValue } from './grammar.ts';
import { hexKeys, secretKeys, serverOnlyInSeal, stanzaKeys, topLevelKeys } from './keys.ts';
import { atLineEnd, decodeString, skipBlanks, skipGroup, skipLines, skipTerm } from './lexemes.ts';

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

type Settings = Map<string, { readonly file: string; value: unknown; readonly at: Position }>;

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
      settings.set(name, { file, value: undefined, at });
      skipValue(cursor, name);
    }
    requireLineEnd(cursor, 'value');
  }
  return { stanzas, settings, literals: walk.literals };
}

function readStanza(walk: Walk, name: string, at: Position): Stanza {
  const settings: Settings = new Map();
  const { cursor } = walk;
  const stanza = { name, file: cursor.file, labels: readLabels(cursor, name), at, settings };
  const known = stanzaKeys.get(kind(stanza));
  if (known !== undefined) readBody(walk, title(stanza), settings, known);
  else if (isSeal(stanza)) readDisabled(cursor, settings);
  else skipGroup(cursor);
  return stanza;
}

/** Steps over the body of a seal that coffer does not have, but for whether it is disabled. It need not be HCL 2. */
function readDisabled(cursor: Cursor, settings: Settings): void {
  const start = cursor.offset;
  skipGroup(cursor);
  const body = new Cursor(cursor.file, cursor.text.slice(0, cursor.offset - 1));
  body.offset = start + 1;
  while (skipLines(body)) {
    const at = body.position();
    const name = body.take(word);
    if (name === null) skipTerm(body, 1);
    else if (name.replaceAll('"', '') === 'disabled' && body.take(equals) !== null) {
      const value = body.take(flag)?.replaceAll('"', '') ?? null;
      settings.set('disabled', { file: cursor.file, value, at });
    }
  }
}

const word = /"disabled"|[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const equals = /[ \t]*=[ \t]*/y;
const flag = /"[^"\\\r\n]*"|[A-Za-z0-9]+/y;

/** Reads `{ ... }`: one key per line, or a single key between braces on one line. */
function readBody(walk: Walk, stanza: string, settings: Settings, known: readonly string[]): void {
  const { cursor } = walk;
  const open = cursor.offset;
  const readKey = (): void => {
    const start = cursor.offset;
    const name = readName(cursor);
    if (!cursor.at('=')) failNotKey(cursor, name, stanza, open, start);
    if (serverOnlyInSeal.has(name) && known.includes(name)) {
      settings.set(name, { file: cursor.file, value: undefined, at: cursor.position(start) });
      skipValue(cursor, name);
    } else {
      // A misspelt key may hold a PIN as well as `pin` does.
      readSetting(walk, settings, name, start, known.includes(name) && !secretKeys.includes(name));
    }
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
  const setting = { file: cursor.file, value: null as unknown, at: cursor.position(start) };
  settings.set(name, setting);
  const source = readValue(cursor, name);
  const text = source.startsWith('"') ? decodeString(source) : null;
  if (isPublic && isReadAlike(source, text)) literals.push({ source, setting });
  else setting.value = /^0x/i.test(source) && hexKeys.has(name) ? source : text;
}

/**
 * Whether hcl2-parser reads a literal as Vault's HCL 1 does. It puts text into NFC, and has no bare hexadecimal numbers. In a
 * label one could be meant as it is written or as the decimal number that Vault makes of it, so that there it must be in quotes.
 */
function isReadAlike(source: string, text: string | null): boolean {
  return text === null ? !/^0x/i.test(source) : text === text.normalize('NFC');
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
