import { parseSignedDuration } from '../duration.ts';
import { UsageError } from '../errors.ts';
import { isLosslessNumber, type JsonObject, type JsonValue } from '../json.ts';

/**
 * An integer among the data of a request, as a number or as decimal text; null when it is not given.
 * @throws UsageError `bad_parameter`
 */
export function optionalInteger(
  data: JsonObject,
  name: string,
  { min = null }: { min?: number | null } = {},
): number | null {
  const given = givenValue(data, name);
  if (given === null) return null;
  const text = scalarText(given);
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || (min !== null && value < min)) {
    const least = min === null ? '' : ` of at least ${min}`;
    throw new UsageError('bad_parameter', `${name} must be a whole number${least}`);
  }
  return value;
}

/**
 * Milliseconds from "30m" or plain seconds, with a minus sign for a negative one; null when it is not given. Parts of a second count
 * for nothing, as in Vault.
 * @throws UsageError `bad_parameter`
 */
export function optionalDuration(data: JsonObject, name: string): number | null {
  const given = givenValue(data, name);
  if (given === null) return null;
  const milliseconds = parseSignedDuration(scalarText(given));
  if (milliseconds === null) throw new UsageError('bad_parameter', `${name} must be a duration, e.g. 30m or 720h`);
  return wholeSeconds(milliseconds);
}

/** Milliseconds without the parts of a second. */
function wholeSeconds(milliseconds: number): number {
  return Math.trunc(milliseconds / 1000) * 1000;
}

/** Integers from a list of them, or from text such as "1,2"; none when it is not given, or empty. @throws UsageError `bad_parameter` */
export function integerList(data: JsonObject, name: string, { min }: { min: number }): number[] {
  const given = data[name];
  if (given === undefined || given === null || given === '') return [];
  const items = Array.isArray(given)
    ? given
    : typeof given === 'string'
      ? given.split(',').map((item) => item.trim())
      : [given];
  return items.map((item) => {
    const value = item === '' ? null : optionalInteger({ [name]: item }, name, { min });
    if (value === null) throw new UsageError('bad_parameter', `${name} must be whole numbers, e.g. 1,2`);
    return value;
  });
}

/** true or false, as a literal or as text; null when it is not given. @throws UsageError `bad_parameter` */
export function optionalBoolean(data: JsonObject, name: string): boolean | null {
  const given = givenValue(data, name);
  if (given === null) return null;
  const text = scalarText(given);
  if (/^(true|t|1)$/i.test(text)) return true;
  if (/^(false|f|0)$/i.test(text)) return false;
  throw new UsageError('bad_parameter', `${name} must be true or false`);
}

/** Text, or a number as it was written; null when it is not given. @throws UsageError `bad_parameter` */
export function optionalText(data: JsonObject, name: string): string | null {
  const given = givenValue(data, name);
  if (given === null) return null;
  if (typeof given === 'string') return given;
  if (isLosslessNumber(given)) return given.value;
  if (typeof given === 'number') return String(given);
  throw new UsageError('bad_parameter', `${name} must be text`);
}

/**
 * A parameter among the data of a request; null when it is not given. One that is there and empty was meant to say
 * something, as in `type=$TYPE` without that variable, so it does not stand for the default.
 * @throws UsageError `bad_parameter`
 */
function givenValue(data: JsonObject, name: string): JsonValue | null {
  const given = data[name] ?? null;
  if (given !== '') return given;
  throw new UsageError('bad_parameter', `${name} is empty`, { hint: `give ${name} a value, or leave it out` });
}

/** A number, a boolean or text as text; nothing for a list or an object. */
function scalarText(value: JsonValue): string {
  if (isLosslessNumber(value)) return value.value;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
