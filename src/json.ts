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
  return parse(text) as JsonValue;
}

export function stringifyJson(value: JsonValue, indent?: number): string {
  const text = stringify(value, undefined, indent);
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
