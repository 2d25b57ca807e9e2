import { utf8 } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue } from '../../json.ts';

/** Remarks that are kept with a secret, by name. */
export type CustomMetadata = { readonly [name: string]: string };

/** Limits as in Vault, those of lengths in bytes of UTF-8. */
const MOST_NAMES = 64;
const LONGEST_NAME = 128;
const LONGEST_VALUE = 512;

/** `custom_metadata` of a write: all remarks anew, null for none. @throws UsageError `bad_parameter` */
export function replacedRemarks(given: JsonValue): CustomMetadata | null {
  return limited(new Map(members(given).map(([name, value]) => checked(name, value))));
}

/** The same of a patch: merged over `before`, and null takes a remark away, or all of them. @throws UsageError `bad_parameter` */
export function mergedRemarks(given: JsonValue, before: CustomMetadata | null): CustomMetadata | null {
  if (given === null) return null;
  const merged = new Map(Object.entries(before ?? {}));
  for (const [name, value] of members(given)) {
    if (value === null) merged.delete(name);
    else merged.set(...checked(name, value));
  }
  return limited(merged);
}

/** As answers have them: null where there are none. Earlier versions of coffer stored an empty object for that. */
export function describeRemarks(remarks: CustomMetadata | null): JsonObject | null {
  return remarks === null || Object.keys(remarks).length === 0 ? null : { ...remarks };
}

function members(given: JsonValue): [string, JsonValue][] {
  if (given === null) return [];
  if (!isJsonObject(given)) throw refused('it must be an object');
  return Object.entries(given);
}

function limited(remarks: ReadonlyMap<string, string>): CustomMetadata | null {
  if (remarks.size > MOST_NAMES) throw refused(`it has at most ${MOST_NAMES} keys`);
  return remarks.size === 0 ? null : Object.fromEntries(remarks);
}

function checked(name: string, given: JsonValue): [string, string] {
  const value = asText(given);
  const nameLength = utf8(name).length;
  if (nameLength === 0 || nameLength > LONGEST_NAME) throw refused(`a key has 1 to ${LONGEST_NAME} bytes`);
  if (!isPrintable(name)) throw refused(`the key ${JSON.stringify(name)} has unprintable characters`);
  if (value === null) throw refused(`the value of ${JSON.stringify(name)} is not text`);
  const length = utf8(value).length;
  if (length === 0 || length > LONGEST_VALUE)
    throw refused(`the value of ${JSON.stringify(name)} must have 1 to ${LONGEST_VALUE} bytes`);
  if (!isPrintable(value)) throw refused(`the value of ${JSON.stringify(name)} has unprintable characters`);
  return [name, value];
}

/** A number keeps its digits, and a boolean is 1 or 0, as Vault's decoder of loosely typed values has it. Null for anything else. */
function asText(value: JsonValue): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (isLosslessNumber(value)) return value.value;
  return typeof value === 'number' ? String(value) : null;
}

/** Letters, marks, numbers, punctuation, symbols and the space, as Go's unicode.IsPrint. */
function isPrintable(text: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text);
}

function refused(why: string): UsageError {
  return new UsageError('bad_parameter', `custom_metadata: ${why}`);
}
