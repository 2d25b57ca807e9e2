import type { EngineResponse } from '../core/index.ts';
import { variable } from '../config/index.ts';
import type { StoreError } from '../errors.ts';
import { isJsonObject, type JsonValue } from '../json.ts';
import type { Invocation } from './command.ts';
import { switchValue } from './flags.ts';
import { printEntries, printResponse } from './output.ts';
import { cell, columns } from './table.ts';

export const DETAILED = {
  detailed: {
    kind: 'toggle',
    help: 'with all that the engine tells of each name; in JSON and YAML the whole answer (VAULT_DETAILED)',
  },
} as const;

export const RECURSIVE = {
  recursive: { kind: 'boolean', help: 'the names in folders below, too, with the folders that lead to them' },
} as const;

/**
 * The names that a list request answered with. Of none JSON and YAML print {}, as Vault does, before it is an error.
 * @param missing thrown where there are none
 */
export async function printList(
  invocation: Invocation<typeof DETAILED>,
  response: EngineResponse | null,
  missing: StoreError,
): Promise<void> {
  const keys = response?.data?.['keys'];
  if (response === null || !Array.isArray(keys) || keys.length === 0) {
    if (invocation.format !== 'table' && invocation.field === null) invocation.terminal.print('{}');
    throw missing;
  }
  const isWhole = isDetailed(invocation.flags.detailed) || invocation.field !== null;
  if (!isWhole) await printEntries(invocation, keys, () => namesTable(keys));
  else await printResponse(invocation, response, () => infoTable(keys, response.data?.['key_info']));
}

function isDetailed(flag: boolean | null): boolean {
  return flag ?? switchValue(variable(process.env, 'detailed') ?? '') ?? false;
}

function namesTable(keys: readonly JsonValue[]): string {
  return columns(
    ['Keys'],
    keys.map((key) => [cell(key)]),
  );
}

/** A column for each thing that is known of any of the names. */
function infoTable(keys: readonly JsonValue[], info: JsonValue | undefined): string {
  const known = (key: JsonValue): JsonValue | undefined => (isJsonObject(info) ? info[cell(key)] : undefined);
  const of = (key: JsonValue): { readonly [name: string]: JsonValue } => {
    const found = known(key);
    return isJsonObject(found) ? found : {};
  };
  const headings = [...new Set(keys.flatMap((key) => Object.keys(of(key))))].sort();
  const rows = keys.map((key) => [cell(key), ...headings.map((name) => cell(of(key)[name] ?? ''))]);
  return columns(['Keys', ...headings], rows);
}
