/**
 * JSON whose numbers keep their digits: a 20-digit integer comes back as it went in. Numbers are LosslessNumber from
 * the parser; code that makes JSON may use plain numbers.
 */
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json';

export type JsonValue = null | boolean | string | number | LosslessNumber | JsonValue[] | JsonObject;
export type JsonObject = { [key: string]: JsonValue };

export { LosslessNumber, isLosslessNumber };

/** Throws SyntaxError. A key given twice with different values is an error. */
export function parseJson(text: string): JsonValue {
  const plain = parsePlain(text);
  return plain === undefined ? (parse(text) as JsonValue) : plain;
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

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
}

/** Sets a key even where it is called __proto__. */
export function setOwn(object: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
