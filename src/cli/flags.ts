import { UsageError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { CommandSpec, Flag, FlagValues } from './command.ts';
import { parseDuration } from '../duration.ts';

export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: 'config', kind: 'text', value: 'PATH', help: 'configuration file (COFFER_CONFIG)' },
  { name: 'format', kind: 'text', value: 'FORMAT', help: 'table, json or yaml (COFFER_FORMAT)' },
  { name: 'field', kind: 'text', value: 'NAME', help: 'print one field, raw and without a newline' },
  { name: 'no-color', kind: 'boolean', help: 'no colour (NO_COLOR)' },
  { name: 'non-interactive', kind: 'boolean', help: 'never ask anything' },
  { name: 'help', kind: 'boolean', aliases: ['h'], help: 'show this help' },
];

/**
 * Rewrites Go-style flags (-name, -name=value, -name value) as GNU ones (--name, --name=value) and sets words and flags
 * apart. What follows "--" is no flag, and neither is a lone "-".
 * @throws UsageError `unknown_flag`, `bad_flag`
 */
export function separate(argv: readonly string[], flags: readonly Flag[], where: string): { words: string[]; options: string[] } {
  const words: string[] = [];
  const options: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at] ?? '';
    if (token === '--') {
      words.push(...argv.slice(at + 1));
      break;
    }
    const parsed = /^--?([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(token);
    if (parsed === null) {
      if (token.startsWith('-') && token !== '-') throw unknownFlag(token, flags, where);
      words.push(token);
      continue;
    }
    const flag = flags.find(({ name, aliases }) => name === parsed[1] || aliases?.includes(parsed[1] ?? '') === true);
    if (flag === undefined) throw unknownFlag(token.split('=')[0] ?? token, flags, where);
    let value = parsed[2];
    if (flag.kind === 'boolean') {
      const on = value === undefined || boolean(flag, value);
      const before = options.indexOf(`--${flag.name}`);
      if (before !== -1) options.splice(before, 1);
      if (on) options.push(`--${flag.name}`);
      continue;
    }
    if (flag.kind === 'toggle') value = String(value === undefined || boolean(flag, value));
    if (value === undefined) {
      at++;
      value = argv[at];
      if (value === undefined) throw new UsageError('bad_flag', `-${flag.name} needs a value`, { hint: `-${flag.name}=${flag.value ?? 'VALUE'}` });
    }
    options.push(`--${flag.name}=${value}`);
  }
  return { words, options };
}

/** The checked values behind commander's. */
export function flagValues(spec: CommandSpec, given: { readonly [name: string]: unknown }): FlagValues {
  const raw = (name: string, kind: Flag['kind']): string[] => {
    if (!spec.flags.some((flag) => flag.name === name && flag.kind === kind)) throw new TypeError(`no flag ${name}`);
    const value = given[camelCase(name)];
    if (Array.isArray(value)) return value.map(String);
    return value === undefined ? [] : [typeof value === 'string' ? value : 'true'];
  };
  const values: FlagValues = {
    boolean: (name) => raw(name, 'boolean').length > 0,
    toggle: (name) => toggle(raw(name, 'toggle').at(-1)),
    text: (name) => raw(name, 'text').at(-1) ?? null,
    integer: (name) => integer(name, raw(name, 'integer').at(-1)),
    duration: (name) => duration(name, raw(name, 'duration').at(-1)),
    list: (name) => raw(name, 'list'),
    pairs: (name) => Object.fromEntries(raw(name, 'pairs').map((pair) => splitPair(name, pair))),
  };
  for (const { name, kind } of spec.flags) values[kind](name); // complain before anything is done
  return values;
}

export function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

// As Go's strconv.ParseBool.
function boolean(flag: Flag, value: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw new UsageError('bad_flag', `-${flag.name} is true or false, not ${JSON.stringify(value)}`);
}

function toggle(value: string | undefined): boolean | null {
  return value === undefined ? null : value === 'true';
}

function integer(name: string, value: string | undefined): number | null {
  if (value === undefined) return null;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new UsageError('bad_flag', `-${name} is a whole number, not ${JSON.stringify(value)}`);
  return number;
}

function duration(name: string, value: string | undefined): number | null {
  if (value === undefined) return null;
  const milliseconds = parseDuration(value);
  if (milliseconds === null || milliseconds <= 0) {
    throw new UsageError('bad_flag', `-${name} is a duration above zero, not ${JSON.stringify(value)}`, { hint: `for example -${name}=8h, 90m or 1h30m` });
  }
  return milliseconds;
}

function splitPair(name: string, pair: string): [string, string] {
  const equals = pair.indexOf('=');
  if (equals <= 0) throw new UsageError('bad_flag', `-${name} is NAME=VALUE, not ${JSON.stringify(pair)}`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

function unknownFlag(token: string, flags: readonly Flag[], where: string): UsageError {
  const known = nearest(token.replace(/^-+/, ''), flags.map(({ name }) => name));
  const see = `see: coffer ${where}${where === '' ? '' : ' '}-h`;
  return new UsageError('unknown_flag', `unknown flag ${token}`, { hint: known === null ? see : `did you mean -${known}? ${see}` });
}
