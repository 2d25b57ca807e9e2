import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue } from '../../json.ts';
import { optionalBoolean, optionalInteger } from '../parameters.ts';
import type { Moment } from './key.ts';

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

/** Null where no time is set. @throws TypeError when it is there and is no time with a version */
export function memberMoment(object: JsonObject, name: string): Moment | null {
  const moment = object[name] ?? {};
  if (!isJsonObject(moment)) throw new TypeError(`${name} is no object`);
  const text = memberText(moment, 'time');
  if (text === '') return null;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new TypeError(`${name} has no time`);
  return { time, version: memberWhole(moment, 'version') };
}

/** Whether a member is not there, null, or Go's zero value. */
export function isUnset(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  if (isLosslessNumber(value)) return Number(value.value) === 0;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.values(value).every(isUnset);
}
