/**
 * Text with what a terminal would obey or swallow made visible: control characters (C0, DEL, C1), line and paragraph
 * separators, lone surrogates, and what Unicode lets a display leave out (Default_Ignorable_Code_Point, Unicode section
 * 5.21): bidirectional overrides and isolates, zero-width characters, tags, variation selectors. A name with any of these
 * looks like another name, or like the end of its line.
 *
 * The characters are listed, since asking ICU for the property costs more than half a millisecond a process.
 *
 * The escapes are those of YAML's double quotes (YAML 1.2.2 section 5.7), so that one whole document can be made visible
 * without changing what it means. A backslash itself stays as it is: only JSON and YAML tell it from an escape.
 */
const EACH_HIDDEN =
  /[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

/** @param kept characters that the place where it is shown takes as they are, e.g. "\n" */
export function visible(text: string, kept = ''): string {
  return text.replace(EACH_HIDDEN, (character) => (kept.includes(character) ? character : escape(character)));
}

/** Whether `visible` changes it. */
export function hasHidden(text: string): boolean {
  return text.search(EACH_HIDDEN) !== -1;
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
  const unit = (code: string): string => `\\u${code.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return character.split('').map(unit).join('');
}
