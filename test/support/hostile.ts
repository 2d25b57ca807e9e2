import fc from 'fast-check';

/** What must never reach a terminal from somebody else's data; a line break is coffer's own. Written apart from src. */
export const RAW =
  /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e0fff}]/u;

/** Sequences that terminals obey, or that reorder, hide or forge what is seen. */
const ATTACKS = [
  '\x1b]0;title\x07',
  '\x1b[2J\x1b[H',
  '\x9b31m',
  '\x7f\x08',
  '\r',
  '\0',
  '\u202etxt.exe',
  '\u2066a\u2069',
  '\u200b',
  '\u2028',
  '\ufeff',
  '\u{e0041}\u{e0042}',
  '\nerror: forged',
  '\tx',
  '\ud800',
  'a\udc00',
  "'; touch pwned #",
  '$(touch pwned)',
  '`touch pwned`',
  '\\x1b',
  '\\',
  '"',
  '!!',
];

/** Text as an attacker chooses it; `wellFormed` for where it passes through UTF-8. */
export function hostileText({ wellFormed = false } = {}): fc.Arbitrary<string> {
  const part = fc.oneof(
    fc.constantFrom(...ATTACKS),
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.string({ maxLength: 6 }),
  );
  const text = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
  return wellFormed ? text.map((given) => given.replace(/\p{Cs}/gu, '')).filter((given) => given !== '') : text;
}
