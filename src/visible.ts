/**
 * Text with what a terminal would obey or swallow made visible: control characters (C0, DEL, C1), line and paragraph
 * separators, lone surrogates, and what Unicode lets a display leave out (Default_Ignorable_Code_Point, Unicode section
 * 5.21): bidirectional overrides and isolates, zero-width characters, tags, variation selectors. A name with any of these
 * looks like another name, or like the end of its line.
 *
 * The escapes are those of YAML's double quotes (YAML 1.2.2 section 5.7), so that one whole document can be made visible
 * without changing what it means. A backslash itself stays as it is: only JSON and YAML tell it from an escape.
 */
const HIDDEN = String.raw`\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\uFFF9-\uFFFB`;
const EACH_HIDDEN = new RegExp(`[${HIDDEN}]`, 'gu');
const ANY_HIDDEN = new RegExp(`[${HIDDEN}]`, 'u');

/** @param kept characters that the place where it is shown takes as they are, e.g. "\n" */
export function visible(text: string, kept = ''): string {
  return text.replace(EACH_HIDDEN, (character) => (kept.includes(character) ? character : escape(character)));
}

/** Whether `visible` changes it. */
export function hasHidden(text: string): boolean {
  return ANY_HIDDEN.test(text);
}

/** The same JSON text with hidden characters as \uNNNN, one for each UTF-16 unit (RFC 8259 section 7). */
export function visibleJson(json: string): string {
  return json.replace(EACH_HIDDEN, (character) => (character === '\n' ? character : units(character)));
}

const SHORT: { readonly [character: string]: string } = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const [letter, digits] = code <= 0xff ? ['x', 2] : code <= 0xffff ? ['u', 4] : ['U', 8];
  return SHORT[character] ?? `\\${letter}${code.toString(16).padStart(digits, '0')}`;
}

function units(character: string): string {
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
}
