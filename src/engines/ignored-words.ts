import { type Hint, StoreError, UsageError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { shellWord } from '../shell.ts';
import type { KnownParameters, Takes } from './declare.ts';
import { answer, type EngineRequest, type EngineResponse } from './engine.ts';
import type { IgnoredNames } from './ignored.ts';

interface Ignoring {
  readonly ignored: IgnoredNames;
  readonly takes: Takes;
  readonly request: EngineRequest;
  readonly mountPath: string;
}

/** Runs a handler and says of which names it took no notice: in the warnings of its answer, or in the hint of what it throws. */
export async function warningOf(
  ignoring: Ignoring,
  run: () => Promise<EngineResponse | null>,
): Promise<EngineResponse | null> {
  const warnings = words(ignoring);
  let response;
  try {
    response = await run();
  } catch (error) {
    throw withHint(error, warnings);
  }
  if (response !== null) return { ...response, warnings: [...response.warnings, ...warnings], ignored: true };
  const { operation } = ignoring.request;
  return operation === 'write' || operation === 'delete' ? answer(null, { warnings, ignored: true }) : null; // else "nothing there" is an error
}

/** Beginning as a server words them, since scripts look for that. */
function words({ ignored, takes, request, mountPath }: Ignoring): string[] {
  const { unknown, replaced, shadowed } = ignored;
  const known = takes === 'anything' ? {} : takes;
  const meant = [...new Set(unknown.flatMap((name) => near(name, known) ?? []))];
  const guess = meant.length === 0 ? '' : `; did you mean ${meant.join(', ')}?`;
  const see = `see: coffer path-help ${shellWord(mountPath + request.path)}`;
  return [
    ...(unknown.length === 0
      ? []
      : [`Endpoint ignored these unrecognized parameters: ${list(unknown)}${guess}; ${see}`]),
    ...replacedWarnings(replaced),
    ...(shadowed.length === 0
      ? []
      : [`beside batch_input these parameters are ignored, since each item has its own: ${list(shadowed)}`]),
  ];
}

/** None for no names. */
export function replacedWarnings(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const what = "Endpoint replaced the value of these parameters with the values captured from the endpoint's path";
  return [`${what}: ${list(names)}`];
}

/** As Go prints a list. */
function list(names: readonly string[]): string {
  return `[${[...names].sort().join(' ')}]`;
}

/** The known name that may be meant: a slip of the hand away, or with more or fewer words. */
function near(name: string, known: KnownParameters): string | null {
  const [first = '', ...rest] = name.split('.');
  const members = known[first]?.members ?? null;
  if (rest.length > 0 && members !== null) {
    const member = near(rest.join('.'), members);
    return member === null ? null : `${first}.${member}`;
  }
  const names = Object.keys(known);
  const longer = (candidate: string): boolean =>
    name.endsWith(`_${candidate}`) || candidate.endsWith(`_${name}`) || candidate.startsWith(`${name}_`);
  return nearest(name, names) ?? names.find(longer) ?? null;
}

function withHint(error: unknown, warnings: readonly string[]): unknown {
  if (!(error instanceof UsageError || error instanceof StoreError)) return error;
  const lines = warnings.join('\n');
  const hint: Hint = error.hint === null ? lines : [error.hint, `\n${lines}`];
  const { message, cause } = error;
  return error instanceof UsageError
    ? new UsageError(error.code, message, { hint, cause })
    : new StoreError(error.code, message, { hint, cause });
}
