/** JSON whose numbers keep their digits: a 20-digit integer comes back as it went in. */
import { stringify } from 'lossless-json';
import { parseExactly } from './json-parser.ts';
import { isLosslessNumber, type JsonObject, type JsonValue } from './json-value.ts';

export {
  isJsonObject,
  isLosslessNumber,
  type JsonObject,
  type JsonValue,
  LosslessNumber,
  setOwn,
} from './json-value.ts';

/** Whether a text begins as an object or a list of JSON does. */
export function beginsAsJson(text: string): boolean {
  return /^\s*[{[]/.test(text);
}

/** Throws SyntaxError. A key given twice with different values is an error. */
export function parseJson(text: string): JsonValue {
  const plain = parsePlain(text);
  return plain === undefined ? parseExactly(text) : plain;
}

/**
 * The runtime's own parser is many times as fast, and loses the digits of numbers and all but one of the values of a key. Neither has
 * happened where there is no number and the same text comes of it again, as it does of the JSON that coffer writes.
 * @returns undefined where this cannot be said
 */
function parsePlain(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return hasNumber(value) || JSON.stringify(value) !== text ? undefined : value;
  } catch {
    return undefined;
  }
}

function hasNumber(value: JsonValue): boolean {
  if (typeof value === 'number') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (isLosslessNumber(value)) return true;
  for (const key of Object.keys(value)) if (hasNumber((value as JsonObject)[key] ?? null)) return true;
  return false;
}

export function stringifyJson(value: JsonValue, indent?: number): string {
  const text = hasNumber(value) ? stringify(value, undefined, indent) : JSON.stringify(value, undefined, indent);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}
