import { randomUUID } from 'node:crypto';
import type { ScalarTag } from 'yaml';
import type { EngineResponse } from '../core/index.ts';
import { UsageError } from '../errors.ts';
import { isJsonObject, isLosslessNumber, type JsonObject, type JsonValue, stringifyJson } from '../json.ts';
import type { Invocation } from './command.ts';
import { hasHidden, visible, visibleJson } from '../visible.ts';
import { keyValues, raw } from './table.ts';

type Shown = Pick<Invocation, 'terminal' | 'format' | 'field'>;

/** Prints an object as JSON or YAML, or with `table` as a table; in JSON together with the notes beside it. -field picks one of `fields`. */
export async function printObject(
  shown: Shown,
  object: JsonObject,
  table: () => string,
  fields: JsonObject = object,
): Promise<void> {
  const takesNotes = shown.format === 'json' && shown.field === null;
  await printEntries(shown, takesNotes ? withNotes(object, shown.terminal.keptNotes()) : object, table, fields);
  if (takesNotes) shown.terminal.forgetNotes();
}

/** The same for a list, or an object whose keys are names of the operator's: nothing is added to it, so that notes stay for stderr. */
export async function printEntries(
  { terminal, format, field }: Shown,
  entries: JsonValue,
  table: () => string,
  fields: JsonObject = isJsonObject(entries) ? entries : {},
): Promise<void> {
  if (field !== null) terminal.printValue(raw(pick(fields, field)));
  else if (format === 'json') terminal.print(visibleJson(stringifyJson(entries, 2)));
  else if (format === 'yaml') terminal.print(await yaml(entries));
  else terminal.print(table());
}

/** In `warnings`, each once; in `notes` where an answer has that name for something else, as diagnose counts its warnings. */
function withNotes(object: JsonObject, notes: readonly string[]): JsonObject {
  if (notes.length === 0) return object;
  const before = object['warnings'] ?? [];
  if (!Array.isArray(before)) return { ...object, notes: [...notes] };
  return { ...object, warnings: [...before, ...notes.filter((note) => !before.includes(note))] };
}

/** Prints an engine's answer with Vault's envelope, or its data as a table. */
export async function printResponse(
  invocation: Shown,
  response: EngineResponse,
  table: (data: JsonObject) => string = keyValues,
  fields: JsonObject = response.data ?? {},
): Promise<void> {
  for (const warning of response.warnings) invocation.terminal.warn(warning);
  await printObject(invocation, envelope(response), () => table(response.data ?? {}), fields);
}

function envelope({ data, warnings, leaseDuration }: EngineResponse): JsonObject {
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
    hint: `there are: ${visible(Object.keys(fields).sort().join(', '))}`,
  });
}

/** Without the last newline. */
async function yaml(value: JsonValue): Promise<string> {
  const { Document, Scalar, visit } = await import('yaml');
  const document = new Document(value, { sortMapEntries: true, customTags: [LOSSLESS_NUMBER] });
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && needsQuotes(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString().replace(/\n$/, '');
}

/**
 * In double quotes an escape means the character, so that the terminal can show what it will not send. Blank lines alone
 * are quoted, too: as a block, yaml 2.9 writes them so that they do not come back.
 */
function needsQuotes(text: string): boolean {
  return hasHidden(text.replaceAll('\n', '')) || text.trim() === '';
}

/** A number with the digits that it came with; JSON's numbers are YAML's (YAML 1.2.2 section 10.2). */
const LOSSLESS_NUMBER: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: isLosslessNumber,
  resolve: (text) => text,
  stringify: ({ value }) => (isLosslessNumber(value) ? value.value : String(value)),
};
