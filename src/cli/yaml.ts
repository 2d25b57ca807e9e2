import { Document, isScalar, type ScalarTag } from 'yaml';
import { byBytes } from '../bytes.ts';
import { isLosslessNumber, type JsonValue } from '../json.ts';
import { hasHidden, visible } from '../visible.ts';

/**
 * A value as YAML that readers of YAML 1.1 (PyYAML, Ruby, Go's older ones) and of 1.2 take for the same, keys sorted. Ends in a
 * line break.
 */
export function yamlText(value: JsonValue): string {
  const document = new Document(value, {
    aliasDuplicateObjects: false,
    sortMapEntries: ({ key: a }, { key: b }) => byBytes(keyText(a), keyText(b)),
    customTags: (tags) => [
      ...tags.filter((tag) => typeof tag === 'string' || !REPLACED.includes(tag.tag)),
      TEXT,
      NUMBER,
    ],
  });
  return document.toString({ lineWidth: 0 });
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

const REPLACED: readonly string[] = ['str', 'int', 'float'].map((name) => `tag:yaml.org,2002:${name}`);

const TEXT: ScalarTag = {
  tag: 'tag:yaml.org,2002:str',
  default: true,
  identify: (value) => typeof value === 'string',
  resolve: (text) => text,
  stringify({ value }, { indent, implicitKey }) {
    const text = String(value);
    if (isPlain(text)) return text;
    // At the outermost level PyYAML wants a block to be indented, and other readers do not.
    return isBlock(text) && implicitKey !== true && indent !== '' ? block(text, indent) : quoted(text);
  },
};

/** A number with the digits that it came with. */
const NUMBER: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => typeof value === 'number' || isLosslessNumber(value),
  resolve: (text) => text,
  stringify: ({ value }) => numberText(isLosslessNumber(value) ? value.value : String(value)),
};

/** YAML 1.1 knows an exponent only with a sign and behind a fraction: 1e400 would be text. */
function numberText(digits: string): string {
  const [, mantissa, sign = '', exponent] = /^([^eE]*)[eE]([+-]?)(\d+)$/.exec(digits) ?? [];
  if (mantissa === undefined || exponent === undefined) return digits;
  return `${mantissa}${mantissa.includes('.') ? '' : '.0'}e${sign === '' ? '+' : sign}${exponent}`;
}

/** What some reader takes for a boolean, or for nothing. */
const WORDS = /^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i;
/** Begins with a letter, so that it is no number, no time, no symbol of Ruby's, no "=" and no "<<". */
const PLAIN = /^[\p{L}_/](?:[\p{L}\p{M}\p{N}_/.@+~^$()=;<>!?*%&|-]|[ :](?=[\p{L}\p{M}\p{N}_/.@+-]))*$/u;
/** Every answer of an engine has one; whatever digits it begins with, it is no number. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isPlain(text: string): boolean {
  if (UUID.test(text)) return true;
  return PLAIN.test(text) && !text.includes(': ') && !WORDS.test(text) && !hasHidden(text);
}

/** Lines that need no escape and neither begin nor end in blanks, with one line break at most at the end. */
function isBlock(text: string): boolean {
  return /^\S[^]*\n/.test(text) && !/ (\n|$)|\n\n$/.test(text) && !needsEscapes(text.replaceAll('\n', ''));
}

function block(text: string, indent: string): string {
  const isEnded = text.endsWith('\n');
  const lines = (isEnded ? text.slice(0, -1) : text).split('\n');
  return ['|' + (isEnded ? '' : '-'), ...lines.map((line) => (line === '' ? '' : indent + line))].join('\n');
}

/** What YAML 1.1 lets nobody write as it is, beside what no terminal shows. */
const UNPRINTABLE = /[\ufffe\uffff]/g;

function needsEscapes(text: string): boolean {
  return hasHidden(text) || text.search(UNPRINTABLE) !== -1;
}

/** On one line, with escapes that both versions have (YAML 1.1 and 1.2.2, section 5.7). */
function quoted(text: string): string {
  const escaped = visible(JSON.stringify(text));
  return escaped.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}
