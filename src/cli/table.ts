import { isLosslessNumber, type JsonObject, type JsonValue, stringifyJson } from '../json.ts';
import { visible, visibleJson } from '../visible.ts';

const GAP = '    ';

/** Columns as Vault prints them: headings, a line of dashes under each, rows. A line break in a cell is shown, for it would forge a row. */
export function columns(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map((text) => visible(text)));
  const lines = [headings, headings.map((heading) => '-'.repeat(heading.length)), ...shown];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))));
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/** "Key" and "Value" columns, sorted by key. */
export function keyValues(data: JsonObject): string {
  const rows = Object.keys(data)
    .sort()
    .map((key) => [key, cell(data[key] ?? null)]);
  return columns(['Key', 'Value'], rows);
}

/** A heading between equal signs as wide as what stands below it. */
export function heading(title: string, below: string): string {
  const room = Math.max(...below.split('\n').map(width)) - title.length - 2;
  const signs = '='.repeat(Math.max(2, Math.ceil(room / 2)));
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
    .sort()
    .map((key) => `${key}:${cell(value[key] ?? null)}`)
    .join(' ')}]`;
}

/** A value raw for -field: text as it is, anything else as JSON. */
export function raw(value: JsonValue): string {
  return typeof value === 'string' ? value : visibleJson(stringifyJson(value));
}

/** Columns that a terminal gives to a text, near enough: one for each code point. */
function width(text: string): number {
  return [...text].length;
}

function pad(text: string, columnWidth: number): string {
  return text + ' '.repeat(Math.max(0, columnWidth - width(text)));
}
