import { randomUUID } from 'node:crypto';
import type { Response } from '../core/index.ts';
import { UsageError } from '../errors.ts';
import { isJsonObject, isLosslessNumber, setOwn, stringifyJson } from '../json.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { Invocation } from './command.ts';
import { keyValues, raw } from './table.ts';

/** Prints an object as JSON or YAML, or with `table` as a table. -field picks one of `fields`. */
export async function printObject(
  { terminal, format, field }: Pick<Invocation, 'terminal' | 'format' | 'field'>,
  object: JsonValue,
  table: () => string,
  fields: JsonObject = isJsonObject(object) ? object : {},
): Promise<void> {
  if (field !== null) terminal.printRaw(raw(pick(fields, field)));
  else if (format === 'json') terminal.print(stringifyJson(object, 2));
  else if (format === 'yaml') terminal.printRaw(await yaml(object));
  else terminal.print(table());
}

/** Prints an engine's answer with Vault's envelope, or its data as a table. */
export async function printResponse(
  invocation: Pick<Invocation, 'terminal' | 'format' | 'field'>,
  response: Response,
  table: (data: JsonObject) => string = keyValues,
  fields: JsonObject = response.data ?? {},
): Promise<void> {
  for (const warning of response.warnings) invocation.terminal.warn(warning);
  await printObject(invocation, envelope(response), () => table(response.data ?? {}), fields);
}

function envelope({ data, warnings, leaseDuration }: Response): JsonObject {
  return {
    request_id: randomUUID(),
    lease_id: '',
    lease_duration: leaseDuration,
    renewable: false,
    data,
    warnings: warnings.length === 0 ? null : [...warnings],
  };
}

/** @throws UsageError `no_field` */
function pick(fields: JsonObject, name: string): JsonValue {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value !== undefined) return value;
  throw new UsageError('no_field', `field ${JSON.stringify(name)} is not present`, {
    hint: `there are: ${Object.keys(fields).sort().join(', ')}`,
  });
}

async function yaml(value: JsonValue): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(plain(value), { sortMapEntries: true });
}

/** Integers of any size as BigInt, which YAML writes digit by digit. */
function plain(value: JsonValue): unknown {
  if (isLosslessNumber(value)) return /^-?\d+$/.test(value.value) ? BigInt(value.value) : Number(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (!isJsonObject(value)) return value;
  const object: JsonObject = {};
  for (const [key, member] of Object.entries(value)) setOwn(object, key, plain(member) as JsonValue);
  return object;
}
