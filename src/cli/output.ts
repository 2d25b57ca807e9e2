import { randomUUID } from 'node:crypto';
import type { EngineResponse } from '../core/index.ts';
import { hasCode, UsageError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { hasCommitted } from '../native/outcome.ts';
import type { Invocation } from './command.ts';
import { jsonLine, jsonText } from './json-text.ts';
import { layOut } from './layout.ts';
import { absenceHint, keyValues, raw } from './table.ts';

type Shown = Pick<Invocation, 'terminal' | 'format' | 'field'>;

/** Prints an object as JSON or YAML, or with `table` as a table; in JSON together with the notes beside it. -field picks one of its fields. */
export async function printObject(shown: Shown, object: JsonObject, table: () => string): Promise<void> {
  const { field } = shown;
  if (field === null) await printAnswer(shown, object, table);
  else await unlessDone(shown, () => printField(shown, field, [object]));
}

/** The same for a list, or an object whose keys are names of the operator's: nothing is added to it, so that notes stay for stderr. */
export async function printEntries(shown: Shown, entries: JsonValue, table: () => string): Promise<void> {
  const { terminal, format, field } = shown;
  if (field !== null) await printField(shown, field, [isJsonObject(entries) ? entries : {}]);
  else if (format === 'json') terminal.print(jsonText(entries));
  else await printText(shown, entries, table);
}

/** Prints an engine's answer with Vault's envelope, or its data as a table; -field picks one of `fields`, or else of the envelope. */
export async function printResponse(
  shown: Shown,
  response: EngineResponse,
  table: (data: JsonObject) => string = keyValues,
  fields: readonly JsonObject[] = fieldsOf(response),
): Promise<void> {
  warnOf(shown, response);
  if (shown.field === null) await printAnswer(shown, envelope(response), () => table(response.data ?? {}));
  else await printField(shown, shown.field, fields);
}

/** Prints what a write answered, or, where it answered nothing, that it is done. */
export async function printWritten(
  shown: Shown,
  response: EngineResponse | null,
  done: string,
  table?: (data: JsonObject) => string,
): Promise<void> {
  if (response !== null && isAnswer(shown, response))
    return unlessDone(shown, () => printResponse(shown, response, table));
  warnOf(shown, response);
  printDone(shown, done);
}

/** What was ignored is an answer for a program, as from a server; a reader has the warning. */
function isAnswer({ format, field }: Shown, { data, ignored }: EngineResponse): boolean {
  return data !== null || (ignored && field === null && format !== 'table');
}

/** For a command that has no answer: a line for a reader, and nothing for a program. */
export function printDone({ terminal, format, field }: Shown, line: string): void {
  if (field !== null) terminal.warn(`${absent(field)}, for there is no answer`);
  else if (format === 'table') terminal.print(line);
}

async function printAnswer(shown: Shown, object: JsonObject, table: () => string): Promise<void> {
  const { terminal, format } = shown;
  if (format !== 'json') return printText(shown, object, table);
  terminal.print(jsonText(withNotes(object, terminal.keptNotes()), 'answer'));
  terminal.forgetNotes();
}

async function printText({ terminal, format }: Shown, value: JsonValue, table: () => string): Promise<void> {
  const text = format === 'yaml' ? await yaml(value) : await layOut(table(), terminal.width());
  if (text !== '') terminal.print(text.replace(/\n$/, ''));
}

async function yaml(value: JsonValue): Promise<string> {
  return (await import('./yaml.ts')).yamlText(value);
}

/** In `warnings`, each once; in `notes` where an answer has that name for something else, as diagnose counts its warnings. */
function withNotes(object: JsonObject, notes: readonly string[]): JsonObject {
  if (notes.length === 0) return object;
  const before = object['warnings'] ?? [];
  if (!Array.isArray(before)) return { ...object, notes: [...notes] };
  return { ...object, warnings: [...before, ...notes.filter((note) => !before.includes(note))] };
}

/** Says what an engine warns of. */
export function warnOf({ terminal }: Pick<Invocation, 'terminal'>, response: EngineResponse | null): void {
  for (const warning of response?.warnings ?? []) terminal.warn(warning);
}

/** Prints an engine's answer as a server sends it: JSON in one line. */
export function printRaw({ terminal }: Shown, response: EngineResponse): void {
  const body = { ...envelope(response), wrap_info: null, auth: null };
  terminal.print(jsonLine(body, 'answer'));
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

/** A key of the data goes before one of the envelope that has its name: what the operator stored is never hidden. */
function fieldsOf(response: EngineResponse): readonly JsonObject[] {
  return [response.data ?? {}, { ...envelope(response), refresh_interval: response.leaseDuration }];
}

/** Prints a field of the first that has it: as the format writes it, and raw where that is a table. @throws UsageError `no_field` */
async function printField({ terminal, format }: Shown, name: string, sources: readonly JsonObject[]): Promise<void> {
  const value = sources
    .map((fields) => (Object.hasOwn(fields, name) ? (fields[name] ?? null) : null))
    .find((found) => found !== null);
  if (value === undefined)
    throw new UsageError('no_field', absent(name), { hint: absenceHint(name, sources[0] ?? {}) });
  if (format === 'json') terminal.printValue(jsonText(value));
  else terminal.printValue(format === 'yaml' ? await yaml(value) : raw(value));
}

/** Vault's words. */
function absent(field: string): string {
  return `Field ${JSON.stringify(field)} not present in secret`;
}

/** Once the store is written to, a field that the answer lacks is a warning: the command has done what it was to do. */
async function unlessDone({ terminal }: Shown, print: () => Promise<void>): Promise<void> {
  try {
    await print();
  } catch (error) {
    if (!hasCommitted() || !hasCode(error, UsageError, 'no_field')) throw error;
    terminal.warn(`${error.message}; the command has written to the store`);
  }
}
