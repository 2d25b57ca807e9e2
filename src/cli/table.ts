import { shortDuration } from '../duration.ts';
import { isLosslessNumber, type JsonObject, type JsonValue } from '../json.ts';
import { visible } from '../visible.ts';
import { byBytes } from '../bytes.ts';
import { jsonLine } from './json-text.ts';
import { CELL } from './layout.ts';

/**
 * Columns as Vault prints them, once they are laid out: headings, a line of dashes under each, rows; "n/a" where there is
 * nothing. A line break in a cell is shown, for it would forge a row.
 */
export function columns(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map((text) => (text.trim() === '' ? 'n/a' : visible(text))));
  const lines = [headings, headings.map((heading) => '-'.repeat(heading.length)), ...shown];
  return lines.map((line) => line.join(CELL)).join('\n');
}

/** "Key" and "Value" columns: those of `first`, and then the others sorted by key; nothing where there are none. */
export function keyValues(data: JsonObject, first: JsonObject = {}): string {
  const sorted = Object.keys(data).sort(byBytes);
  const rows = [
    ...Object.entries(first).map(([key, value]) => [key, valueOf(key, value)]),
    ...sorted.map((key) => [key, valueOf(key, data[key] ?? null)]),
  ];
  return rows.length === 0 ? '' : columns(['Key', 'Value'], rows);
}

/** Seconds under a name that Vault takes for a duration are shown as one. */
function valueOf(key: string, value: JsonValue): string {
  const seconds = typeof value === 'number' || isLosslessNumber(value) ? Number(cell(value)) : Number.NaN;
  if (!DURATION.test(key) || !Number.isSafeInteger(seconds * 1000)) return cell(value);
  return shortDuration(seconds * 1000);
}

const DURATION = /^(.*_)?(period|ttl|duration)$|^refresh_interval$|^(lease|ttl)_max$/;

/** A heading between equal signs: as long as the longest key and the word "Value", whatever the values are. */
export function heading(title: string, data: JsonObject): string {
  return between(title, Math.max(0, ...Object.keys(data).map((key) => width(visible(key)))) + 'Value'.length + 4);
}

/** A heading as wide as the line below it. */
export function headingOver(title: string, line: string): string {
  return between(title, width(line));
}

function between(title: string, room: number): string {
  const wanted = room - title.length - 2;
  const signs = '='.repeat(wanted > 0 ? Math.ceil(wanted / 2) : 2);
  return `${signs} ${title} ${signs}`;
}

/** A value the way Go prints it, as Vault's tables have it. */
export function cell(value: JsonValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (isLosslessNumber(value)) return value.value;
  if (Array.isArray(value)) return `[${value.map(cell).join(' ')}]`;
  return `map[${Object.keys(value)
    .sort(byBytes)
    .map((key) => `${key}:${cell(value[key] ?? null)}`)
    .join(' ')}]`;
}

/** A value raw for -field: text as it is, anything else as JSON. */
export function raw(value: JsonValue): string {
  return typeof value === 'string' ? value : jsonLine(value);
}

function width(text: string): number {
  return [...text].length;
}

/** What is to be said of a field that is not present. Null is not a value in Vault's words: the hint says which of the two it is. */
export function absenceHint(name: string, fields: JsonObject): string | null {
  if (Object.hasOwn(fields, name)) return 'it is there, and null';
  const names = Object.keys(fields).sort();
  return names.length === 0 ? null : `there are: ${visible(names.join(', '))}`;
}
