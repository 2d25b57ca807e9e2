import { parseDuration } from '../duration.ts';
import { UsageError } from '../errors.ts';
import type { Flag, Flags, FlagValues, KindValues } from './command.ts';

/** The flags that every command has. */
export const GLOBAL_FLAGS = {
  config: { kind: 'list', value: 'PATH', help: 'file or folder; several are merged (COFFER_CONFIG)' },
  format: {
    kind: 'text',
    value: 'FORMAT',
    help: 'table, json or yaml, raw for read (COFFER_FORMAT, BAO_FORMAT, VAULT_FORMAT)',
  },
  field: { kind: 'text', value: 'NAME', help: 'print one field, raw or as -format writes it, and without a newline' },
  'no-color': { kind: 'boolean', help: 'no colour (NO_COLOR)' },
  'non-interactive': { kind: 'boolean', help: 'never ask anything' },
  help: { kind: 'boolean', aliases: ['h'], help: 'show this help' },
} as const satisfies Flags;

/** What a command line gives flags, by name, in its order; "true" or "false" for those that are on or off. */
export type Given = ReadonlyMap<string, readonly string[]>;

/**
 * The values of all these flags, given or not.
 * @throws UsageError `bad_flag`
 */
export function readValues<F extends Flags>(flags: F, given: Given): FlagValues<F>;
export function readValues(flags: Flags, given: Given): FlagValues<Flags> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, READERS[flag.kind](valuesOf(flag, given.get(name)), name)]),
  );
}

function valuesOf({ notGiven = [] }: Flag, given: readonly string[] = []): readonly string[] {
  return notGiven.includes(given.at(-1) ?? '') ? [] : given;
}

const READERS: { readonly [Kind in keyof KindValues]: (given: readonly string[], name: string) => KindValues[Kind] } = {
  boolean: (given) => given.at(-1) === 'true',
  toggle: (given) => (given.length === 0 ? null : given.at(-1) === 'true'),
  text: (given) => given.at(-1) ?? null,
  integer: (given, name) => last(given, (value) => integer(name, value)),
  duration: (given, name) => last(given, (value) => duration(name, value)),
  list: (given) => given,
  pairs: (given, name) => Object.fromEntries(given.map((pair) => splitPair(name, pair))),
};

function last(given: readonly string[], read: (value: string) => number): number | null {
  const value = given.at(-1);
  return value === undefined ? null : read(value);
}

/** As Go's strconv.ParseBool; null for what is neither. */
export function switchValue(text: string): boolean | null {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : null;
}

function integer(name: string, value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new UsageError('bad_flag', `-${name} is a whole number, not ${JSON.stringify(value)}`);
}

function duration(name: string, value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds !== null && milliseconds > 0) return milliseconds;
  throw new UsageError('bad_flag', `-${name} is a duration above zero, not ${JSON.stringify(value)}`, {
    hint: `for example -${name}=8h, 90m or 1h30m`,
  });
}

function splitPair(name: string, pair: string): [string, string] {
  const equals = pair.indexOf('=');
  if (equals <= 0) throw new UsageError('bad_flag', `-${name} is NAME=VALUE, not ${JSON.stringify(pair)}`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** A flag as it stands on the line. */
export interface GivenFlag {
  /** With its dashes and its value. */
  readonly token: string;
  /** With its dashes. */
  readonly typed: string;
  /** Null where it is none that there could be. */
  readonly name: string | null;
  /** What follows "=". */
  readonly value: string | undefined;
}

/** @param token begins with a dash */
export function asFlag(token: string): GivenFlag {
  const [, name = null, value] = /^--?([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(token) ?? [];
  return { token, typed: token.slice(0, token.length - (value === undefined ? 0 : value.length + 1)), name, value };
}
