/**
 * One walk over an HCL text before any parser sees it. It finds syntax errors with their place (hcl2-parser gives
 * no reason for a failure), lists what the file holds, and writes the stanzas that coffer uses as a text of their own
 * in which no secret is left: only that text is parsed, hashed and cached. What coffer uses is plain `key = literal`,
 * so expressions, templates, lists and nested blocks are refused here; stanzas that coffer does not use are only
 * stepped over.
 */
import { Cursor } from './cursor.ts';
import type { Position } from './document.ts';
import { readLabels, readName, readValue, requireLineEnd, skipValue, type Literal } from './grammar.ts';
import { atLineEnd, skipBlanks, skipGroup, skipLines } from './lexemes.ts';

/** What the caller wants parsed. */
export interface Selection {
  stanza(name: string, labels: readonly string[]): boolean;
  /** A top-level key. */
  key(name: string): boolean;
  /** Whether the value of this key in a selected stanza may stay in the text. */
  isPublic(name: string, stanza: string, labels: readonly string[]): boolean;
}

export interface ScannedKey {
  readonly name: string;
  readonly at: Position;
  readonly selected: boolean;
}

export interface ScannedStanza {
  readonly name: string;
  readonly labels: readonly string[];
  readonly at: Position;
  readonly selected: boolean;
  /** Of a selected stanza; in a stanza that is not selected nothing is looked at. */
  readonly keys: readonly ScannedKey[];
}

export interface Scan {
  readonly stanzas: readonly ScannedStanza[];
  readonly keys: readonly ScannedKey[];
  /** The selected stanzas and keys in HCL. A value that is not public is the string `@N`, or null if it was none. */
  readonly text: string;
  /** The string that `@N` stands for. */
  readonly secrets: readonly string[];
}

const blockAhead = /(?:[\p{ID_Continue}_-]+|"[^"\n]*"|[ \t]+)*\{/uy;

/** Throws a ConfigError (`config_syntax`, `config_template`, `config_type`) for anything that is not well-formed. */
export function scanHcl(file: string, text: string, selection: Selection): Scan {
  const cursor = new Cursor(file, text);
  const stanzas: ScannedStanza[] = [];
  const keys: ScannedKey[] = [];
  const lines: string[] = [];
  const secrets: string[] = [];

  while (skipLines(cursor)) {
    const start = cursor.offset;
    const at = cursor.position();
    const name = readName(cursor);
    if (cursor.at('=')) {
      const selected = selection.key(name);
      if (selected) refuseRepeat(cursor, name, keys, start);
      keys.push({ name, at, selected });
      if (selected) lines.push(`${name} = ${readValue(cursor, name).source}`);
      else skipValue(cursor, name);
      requireLineEnd(cursor, 'value');
    } else {
      const labels = readLabels(cursor, name);
      const selected = selection.stanza(name, labels);
      const stanzaKeys: ScannedKey[] = [];
      if (selected) {
        const title = [name, ...labels.map((label) => JSON.stringify(label))].join(' ');
        const body = readBody(cursor, title, stanzaKeys, (key, value) => {
          if (selection.isPublic(key, name, labels)) return value.source;
          return value.text === null ? 'null' : `"@${secrets.push(value.text) - 1}"`;
        });
        lines.push(`${title} {`, ...body, '}');
      } else {
        skipGroup(cursor);
      }
      stanzas.push({ name, labels, at, selected, keys: stanzaKeys });
      requireLineEnd(cursor, 'block');
    }
  }
  return { stanzas, keys, text: `${lines.join('\n')}\n`, secrets };
}

/** Reads `{ ... }`: one key per line, or a single key between braces on one line. */
function readBody(
  cursor: Cursor,
  title: string,
  keys: ScannedKey[],
  render: (name: string, value: Literal) => string,
): string[] {
  const open = cursor.offset;
  const body: string[] = [];
  const readKey = (): void => {
    const start = cursor.offset;
    const at = cursor.position();
    const name = readName(cursor);
    if (!cursor.at('=')) failNotKey(cursor, name, title, open, start);
    refuseRepeat(cursor, name, keys, start);
    keys.push({ name, at, selected: true });
    body.push(`  ${name} = ${render(name, readValue(cursor, name))}`);
    skipBlanks(cursor);
  };

  cursor.offset += 1;
  skipBlanks(cursor);
  if (!atLineEnd(cursor)) {
    if (!cursor.at('}')) {
      readKey();
      if (!cursor.at('}')) failOneLine(cursor, title, open);
    }
  } else {
    while (skipLines(cursor) && !cursor.at('}')) {
      readKey();
      if (cursor.at('}')) cursor.fail('"}" must be on a line of its own', 'start a new line before "}"');
      requireLineEnd(cursor, 'value');
    }
    if (cursor.done) cursor.fail(`block ${title} opened here is never closed`, 'add "}" on a line of its own', open);
  }
  cursor.offset += 1;
  return body;
}

function refuseRepeat(cursor: Cursor, name: string, keys: readonly ScannedKey[], start: number): void {
  const first = keys.find((key) => key.name === name);
  if (first === undefined) return;
  cursor.fail(`${name} is already set on line ${first.at.line}`, 'remove one of the two', start);
}

function failNotKey(cursor: Cursor, name: string, title: string, open: number, start: number): never {
  const opened = cursor.position(open).line;
  if (cursor.look(blockAhead) === null) cursor.fail(`expected "=" after ${name}`, `write ${name} = "value"`);
  cursor.fail(
    `block ${name} starts inside ${title}, which was opened on line ${opened}`,
    `${title} holds no blocks; is a "}" missing before this line?`,
    start,
  );
}

function failOneLine(cursor: Cursor, title: string, open: number): never {
  const hint = 'start a new line after "{", write one key per line, and "}" on a line of its own';
  if (cursor.done) cursor.fail(`block ${title} opened here is never closed`, hint, open);
  if (atLineEnd(cursor)) cursor.fail(`block ${title} has a key on the line of its "{" but no "}" there`, hint, open);
  cursor.fail(`block ${title} on one line may hold one key only`, hint);
}
