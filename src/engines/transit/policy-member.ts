import type { JsonObject } from '../../json.ts';
import { optionalBoolean, optionalInteger } from '../parameters.ts';

// Members of a backup's JSON. Unlike the parameters of a request they are Go's zero values where nothing was set.

/** @throws TypeError when it is there and is no text */
export function memberText(object: JsonObject, name: string): string {
  const value = object[name] ?? '';
  if (typeof value !== 'string') throw new TypeError(`${name} is not text`);
  return value;
}

/** @throws UsageError `bad_parameter` when it is there and is no whole number of at least 0 */
export function memberWhole(object: JsonObject, name: string): number {
  return optionalInteger(object, name, { min: 0 }) ?? 0;
}

/** @throws UsageError `bad_parameter` when it is there and is no boolean */
export function memberFlag(object: JsonObject, name: string): boolean {
  return optionalBoolean(object, name) ?? false;
}
