import { UsageError } from '../errors.ts';
import type { CommandSpec, Flag, Flags, FlagValues } from './command.ts';
import { asFlag, type GivenFlag, GLOBAL_FLAGS, readValues, switchValue } from './flags.ts';

/** What a command line asks for. */
type Asked =
  | {
      readonly kind: 'run';
      readonly spec: CommandSpec;
      readonly args: readonly string[];
      readonly flags: FlagValues<Flags>;
      /** What is to be said about flags of Vault's that have no effect. */
      readonly notes: readonly string[];
    }
  | { readonly kind: 'help'; readonly spec: CommandSpec }
  /** `members` begin with the topic's name, perhaps none. */
  | { readonly kind: 'topic'; readonly topic: string; readonly members: readonly CommandSpec[] }
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
export type HelpLine = Extract<CommandLine, { kind: 'help' | 'topic' | 'group' }>;

/**
 * What is known of words that are no command and no flag of coffer's. mistakes/ has it, and only a line that cannot be run as it stands
 * needs it.
 */
export interface Lore {
  /** @param command its words, null where they were not read yet  @returns null for a flag that is not known from Vault either */
  readonly vaultFlag: (name: string, command: string | null) => VaultFlag | null;
  /** @param where the words of the command, "" for none */
  readonly unknownFlag: (typed: string, flags: Flags, where: string) => UsageError;
  /** What `help` has a text about, beside commands, by its name or the beginning of it. */
  readonly topicOf: (begun: string) => string | null;
  readonly unknownCommand: (words: readonly string[], commands: readonly CommandSpec[]) => UsageError;
  /** Whether the last of the words is one of a command's, also of another tool's, or mistyped. */
  readonly isCommandWord: (words: readonly string[], commands: readonly CommandSpec[]) => boolean;
}

export interface VaultFlag {
  readonly isSwitch: boolean;
  /** A note, why it is refused, or nothing where the value means that it is not given. */
  readonly answer: (value: string) => string | UsageError | null;
}

/**
 * Reads a command line: which command, its flags in the style of Go (-name, -name=value, -name value, and the same with two
 * dashes), its arguments. What is wrong comes back as an error that says what is near.
 */
export function readCommandLine(argv: readonly string[], commands: readonly CommandSpec[], lore: Lore): CommandLine {
  const reading = new Reading(argv, commands, lore);
  const global = readValues(GLOBAL_FLAGS, reading.given);
  try {
    return { global, ...understood(reading, commands, lore) };
  } catch (error) {
    if (error instanceof UsageError) return { global, kind: 'error', error };
    throw error;
  }
}

/** The same for a line that can be run as it stands; null for any other, which is to be read with what mistakes/ knows. */
export function readPlainLine(argv: readonly string[], commands: readonly CommandSpec[]): CommandLine | null {
  const reading = new Reading(argv, commands, null);
  const { spec, args, problem, unknown, given } = reading;
  const global = readValues(GLOBAL_FLAGS, given);
  if (spec === null || problem !== null || unknown.length > 0 || global.help || !takes(spec, args)) return null;
  try {
    return { global, kind: 'run', spec, args, flags: readValues(spec.flags, given), notes: [] };
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
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
  problem: ((lore: Lore) => UsageError) | null = null;
  /** Flags before the command that only the command can know. */
  unknown: GivenFlag[] = [];
  readonly notes = new Set<string>();
  /** The last of them, while the next word could be its value: that may be a secret, and is then in no message. */
  #waiting: GivenFlag | null = null;
  readonly #commands: readonly CommandSpec[];
  readonly #lore: Lore | null;

  constructor(argv: readonly string[], commands: readonly CommandSpec[], lore: Lore | null) {
    this.#commands = commands;
    this.#lore = lore;
    const tokens = argv.values();
    for (const token of tokens) {
      const waiting = this.#waiting;
      this.#waiting = null;
      if (token === '--') for (const rest of tokens) this.#word(rest);
      else if (token.startsWith('-') && token !== '-') this.#flag(asFlag(token), tokens);
      else if (this.spec !== null) this.args.push(token, ...(this.spec.runs ? tokens : []));
      else if (waiting === null || lore?.isCommandWord([...this.words, token], commands) !== false) this.#word(token);
      else this.unknown.splice(-1, 1, { ...waiting, value: token });
    }
    const asksVersion = this.words.length === 0 && this.unknown.some(({ token }) => VERSION_FLAGS.includes(token));
    if (!asksVersion) return;
    this.unknown = this.unknown.filter(({ token }) => !VERSION_FLAGS.includes(token));
    this.#word('version');
  }

  /** Of the command, or an argument once that is known. */
  #word(word: string): void {
    if (this.spec !== null) return void this.args.push(word);
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
    const { name, typed } = flag;
    const found = Object.entries(flags).find(
      ([known, { aliases }]) => known === name || (name !== null && aliases?.includes(name) === true),
    );
    const where = this.spec?.words.join(' ') ?? null;
    const ofVault = found === undefined && name !== null ? (this.#lore?.vaultFlag(name, where) ?? null) : null;
    if (found !== undefined) this.#give(found[0], found[1], flag, following);
    else if (name !== null && ofVault !== null) this.#heed(name, ofVault, flag, following);
    else if (where === null) {
      this.unknown.push(flag);
      this.#waiting = flag.value === undefined ? flag : null;
    } else this.problem ??= (lore) => lore.unknownFlag(typed, flags, where);
  }

  #give(name: string, { kind, value: wanted }: Flag, flag: GivenFlag, following: Iterator<string, undefined>): void {
    const isSwitch = kind === 'boolean' || kind === 'toggle';
    const text = this.#text({ name, isSwitch, wanted }, flag, following);
    if (text !== null) this.given.set(name, [...(this.given.get(name) ?? []), text]);
  }

  #heed(name: string, { isSwitch, answer }: VaultFlag, flag: GivenFlag, following: Iterator<string, undefined>): void {
    const text = this.#text({ name, isSwitch }, flag, following);
    const said = text === null ? null : answer(text);
    if (said instanceof UsageError) this.problem ??= () => said;
    else if (said !== null) this.notes.add(said);
  }

  /** What it is given: "true" or "false" for what is on or off; null where that is wrong. */
  #text(
    { name, isSwitch, wanted = 'VALUE' }: { name: string; isSwitch: boolean; wanted?: string | undefined },
    { value }: GivenFlag,
    following: Iterator<string, undefined>,
  ): string | null {
    const text = value ?? (isSwitch ? 'true' : following.next().value);
    if (text === undefined) {
      this.problem ??= () => new UsageError('bad_flag', `-${name} needs a value`, { hint: `-${name}=${wanted}` });
      return null;
    }
    if (!isSwitch) return text;
    const on = switchValue(text);
    if (on === null)
      this.problem ??= () => new UsageError('bad_flag', `-${name} is true or false, not ${JSON.stringify(text)}`);
    return on === null ? null : String(on);
  }
}

/** @throws UsageError */
function understood(reading: Reading, commands: readonly CommandSpec[], lore: Lore): Asked {
  const { spec, words, args, problem, given, notes } = reading;
  const help = given.get('help')?.at(-1) === 'true';
  // A command that is not there is named before its flags are, which it alone could know.
  if (spec === null && words.length > 0) return group([...words, ...args], commands, help, lore);
  const [first] = reading.unknown;
  if (first !== undefined) throw lore.unknownFlag(first.typed, GLOBAL_FLAGS, '');
  if (problem !== null) throw problem(lore);
  if (spec === null) return group(args, commands, help, lore);
  if (help) return { kind: 'help', spec };
  if (!takes(spec, args)) throw wrongCount(spec, args.length);
  return { kind: 'run', spec, args, flags: readValues(spec.flags, given), notes: [...notes] };
}

function takes({ least, most }: CommandSpec, args: readonly string[]): boolean {
  return args.length >= least && args.length <= most;
}

/** No command: `help COMMAND`, `GROUP help`, the help of a group ("coffer kv"), or what was probably meant. */
function group(typed: readonly string[], commands: readonly CommandSpec[], help: boolean, lore: Lore): Asked {
  const at = typed.indexOf('help');
  const isHelp = at === 0 || (at > 0 && namesGroup(typed.slice(0, at), commands));
  const wanted = isHelp ? typed.filter((word) => word !== 'help') : typed;
  const named = (start: (name: readonly string[]) => boolean): CommandSpec[] =>
    commands.filter(({ words: name, alias }) => start(name) || (alias !== null && start(alias)));
  const [spec] = isHelp ? named((name) => startsWith(wanted, name)) : [];
  if (spec !== undefined) return { kind: 'help', spec };
  const members = named((name) => startsWith(name, wanted));
  const [begun = '', ...more] = wanted;
  const topic = at === 0 && more.length === 0 ? lore.topicOf(begun) : null;
  if (topic !== null) return { kind: 'topic', topic, members: named((name) => startsWith(name, [topic])) };
  if (members.length > 0) return { kind: 'group', words: wanted, members, asked: isHelp || help };
  throw lore.unknownCommand(wanted, commands);
}

function namesGroup(words: readonly string[], commands: readonly CommandSpec[]): boolean {
  return commands.some(
    ({ words: name, alias }) => startsWith(name, words) || (alias !== null && startsWith(alias, words)),
  );
}

export function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return start.every((word, at) => words[at] === word);
}

export function wrongCount(
  { words, arguments: usage, least, most }: Pick<CommandSpec, 'words' | 'arguments' | 'least' | 'most'>,
  count: number,
): UsageError {
  const problem = count < least ? 'Not enough' : 'Too many'; // Vault's words, capital and all
  const bound = count < least ? `at least ${least}` : `at most ${most}`;
  const expected = least === most ? String(least) : bound;
  const name = words.join(' ');
  return new UsageError('arguments', `${problem} arguments (expected ${expected}, got ${count})`, {
    hint: `usage: ${`coffer ${name} ${usage}`.trimEnd()}; see: coffer ${name} -h`,
  });
}
