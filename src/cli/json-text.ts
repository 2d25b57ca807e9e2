import { byBytes } from '../bytes.ts';
import { isJsonObject, isLosslessNumber, type JsonValue } from '../json.ts';
import { visibleJson } from '../visible.ts';

/**
 * JSON for an answer: hidden characters escaped, two blanks a level, the keys of objects in the order of their bytes.
 * @param order "answer" leaves the outermost keys in their order, which is that of Vault's answers
 */
export function jsonText(value: JsonValue, order: Order = 'sorted'): string {
  return visibleJson(text(value, '\n', order === 'sorted'));
}

/** The same on one line. */
export function jsonLine(value: JsonValue, order: Order = 'sorted'): string {
  return visibleJson(text(value, '', order === 'sorted'));
}

type Order = 'answer' | 'sorted';

/** @param lineBreak with the blanks that begin the line, or "" for no lines */
function text(value: JsonValue, lineBreak: string, sorted: boolean): string {
  if (isLosslessNumber(value)) return value.value;
  const deeper = lineBreak === '' ? '' : `${lineBreak}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => deeper + text(item, deeper, true));
    return items.length === 0 ? '[]' : `[${items.join(',')}${lineBreak}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value);
  const names = Object.keys(value);
  if (sorted) names.sort(byBytes);
  const colon = lineBreak === '' ? ':' : ': ';
  const members = names.map(
    (name) => `${deeper}${JSON.stringify(name)}${colon}${text(value[name] ?? null, deeper, true)}`,
  );
  return members.length === 0 ? '{}' : `{${members.join(',')}${lineBreak}}`;
}
