import { UsageError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { CommandSpec, Flag, Flags, FlagValues } from './command.ts';
import { GLOBAL_FLAGS, readValues, switchValue } from './flags.ts';

/** What a command line asks for. */
type Asked =
  | {
      readonly kind: 'run';
      readonly spec: CommandSpec;
      readonly args: readonly string[];
      readonly flags: FlagValues<Flags>;
    }
  | { readonly kind: 'help'; readonly spec: CommandSpec }
  /** The commands that begin with `words`; `asked` where that is no mistake. */
  | {
      readonly kind: 'group';
      readonly words: readonly string[];
      readonly members: readonly CommandSpec[];
      readonly asked: boolean;
    }
  | { readonly kind: 'error'; readonly error: UsageError };

/** With the flags that every command has, as far as the line gives them: an error has its format, too. */
export type CommandLine = Asked & { readonly global: FlagValues<typeof GLOBAL_FLAGS> };
export type HelpLine = Extract<CommandLine, { kind: 'help' | 'group' }>;

/**
 * Reads a command line: which command, its flags in the style of Go (-name, -name=value, -name value, and the same with two
 * dashes), its arguments. What is wrong comes back as an error that says what is near.
 */
export function readCommandLine(argv: readonly string[], commands: readonly CommandSpec[]): CommandLine {
  const reading = new Reading(argv, commands);
  const global = readValues(GLOBAL_FLAGS, reading.given);
  try {
    return { global, ...understood(reading, commands, global.help) };
  } catch (error) {
    if (error instanceof UsageError) return { global, kind: 'error', error };
    throw error;
  }
}

interface GivenFlag {
  /** With its dashes and its value. */
  readonly token: string;
  /** Null where it is none that there could be. */
  readonly name: string | null;
  /** What follows "=". */
  readonly value: string | undefined;
}

/** What people type for `coffer version`. */
const VERSION_FLAGS: readonly string[] = ['-v', '-version', '--version'];

/** One pass over a command line. The first thing that is wrong is kept, and the rest read for the format of its error. */
class Reading {
  readonly given = new Map<string, string[]>();
  /** Those that name the command, or were to. */
  readonly words: string[] = [];
  readonly args: string[] = [];
  spec: CommandSpec | null = null;
  problem: UsageError | null = null;
  /** Flags before the command that only the command can know. */
  unknown: GivenFlag[] = [];
  readonly #commands: readonly CommandSpec[];

  constructor(argv: readonly string[], commands: readonly CommandSpec[]) {
    this.#commands = commands;
    const tokens = argv.values();
    for (const token of tokens) {
      if (token === '--') this.args.push(...tokens);
      else if (token.startsWith('-') && token !== '-') this.#flag(asFlag(token), tokens);
      else if (this.spec === null) this.#word(token);
      else this.args.push(token);
    }
    const asksVersion = this.words.length === 0 && this.unknown.some(({ token }) => VERSION_FLAGS.includes(token));
    if (!asksVersion) return;
    this.unknown = this.unknown.filter(({ token }) => !VERSION_FLAGS.includes(token));
    this.#word('version');
  }

  #word(word: string): void {
    this.words.push(word);
    const { words } = this;
    const isNamed = (name: readonly string[] | null): boolean =>
      name?.length === words.length && startsWith(words, name);
    this.spec = this.#commands.find((spec) => isNamed(spec.words) || isNamed(spec.alias)) ?? null;
    if (this.spec === null) return;
    for (const flag of this.unknown) this.#flag(flag, [].values());
    this.unknown = [];
  }

  #flag(flag: GivenFlag, following: Iterator<string, undefined>): void {
    const flags: Flags = { ...this.spec?.flags, ...GLOBAL_FLAGS };
    const { name, value } = flag;
    const found = Object.entries(flags).find(
      ([known, { aliases }]) => known === name || (name !== null && aliases?.includes(name) === true),
    );
    if (found !== undefined) this.#give(found[0], found[1], value, following);
    else if (this.spec === null) this.unknown.push(flag);
    else this.problem ??= unknownFlag(flag, flags, this.spec.words.join(' '));
  }

  #give(
    name: string,
    { kind, value: wanted = 'VALUE' }: Flag,
    value: string | undefined,
    following: Iterator<string, undefined>,
  ): void {
    const isSwitch = kind === 'boolean' || kind === 'toggle';
    const text = value ?? (isSwitch ? 'true' : following.next().value);
    if (text === undefined) {
      this.problem ??= new UsageError('bad_flag', `-${name} needs a value`, { hint: `-${name}=${wanted}` });
      return;
    }
    const on = isSwitch ? switchValue(text) : null;
    if (isSwitch && on === null)
      this.problem ??= new UsageError('bad_flag', `-${name} is true or false, not ${JSON.stringify(text)}`);
    this.given.set(name, [...(this.given.get(name) ?? []), on === null ? text : String(on)]);
  }
}

function asFlag(token: string): GivenFlag {
  const [, name = null, value] = /^--?([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(token) ?? [];
  return { token, name, value };
}

/** @throws UsageError */
function understood(
  { spec, words, args, problem, unknown, given }: Reading,
  commands: readonly CommandSpec[],
  help: boolean,
): Asked {
  const [first] = unknown;
  if (first !== undefined) throw unknownFlag(first, GLOBAL_FLAGS, '');
  if (problem !== null) throw problem;
  if (spec === null) return group(words, args, commands, help);
  if (help) return { kind: 'help', spec };
  if (args.length < spec.least || args.length > spec.most) throw wrongCount(spec, args.length);
  return { kind: 'run', spec, args, flags: readValues(spec.flags, given) };
}

/** No command: `help COMMAND`, the help of a group ("coffer kv"), or what was probably meant. */
function group(
  words: readonly string[],
  args: readonly string[],
  commands: readonly CommandSpec[],
  help: boolean,
): Asked {
  const isHelp = words[0] === 'help';
  const typed = isHelp ? words.slice(1) : words;
  const wanted = [...typed, ...args];
  const named = (start: (name: readonly string[]) => boolean): CommandSpec[] =>
    commands.filter(({ words: name, alias }) => start(name) || (alias !== null && start(alias)));
  const [spec] = isHelp ? named((name) => startsWith(wanted, name)) : [];
  if (spec !== undefined) return { kind: 'help', spec };
  const members = named((name) => startsWith(name, wanted));
  if (members.length > 0) return { kind: 'group', words: wanted, members, asked: isHelp || help };
  throw unknownCommand(typed, commands);
}

export function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return start.every((word, at) => words[at] === word);
}

function unknownFlag({ token, name }: GivenFlag, flags: Flags, where: string): UsageError {
  const typed = name === null ? token : (token.split('=')[0] ?? token);
  const known = nearest(typed.replace(/^-+/, ''), Object.keys(flags));
  const see = `see: coffer ${where}${where === '' ? '' : ' '}-h`;
  return new UsageError('unknown_flag', `unknown flag ${typed}`, {
    hint: known === null ? see : `did you mean -${known}? ${see}`,
  });
}

function unknownCommand(words: readonly string[], commands: readonly CommandSpec[]): UsageError {
  const names = commands.flatMap(({ words: name, alias }) =>
    [name, ...(alias === null ? [] : [alias])].map((parts) => parts.join(' ')),
  );
  const depth = names.some((name) => name.split(' ')[0] === words[0]) ? 2 : 1;
  const typed = words.slice(0, depth).join(' ');
  const known = nearest(words.slice(0, 2).join(' '), names) ?? nearest(typed, names);
  return new UsageError('unknown_command', `there is no command "coffer ${typed}"`, {
    hint: known === null ? 'see: coffer -h' : `did you mean: coffer ${known}`,
  });
}

function wrongCount({ words, arguments: usage, least, most }: CommandSpec, count: number): UsageError {
  const problem = count < least ? 'not enough' : 'too many';
  const expected = least === most ? String(least) : `at least ${least}`;
  const name = words.join(' ');
  return new UsageError('arguments', `${problem} arguments (expected ${expected}, got ${count})`, {
    hint: `usage: ${`coffer ${name} ${usage}`.trimEnd()}; see: coffer ${name} -h`,
  });
}
