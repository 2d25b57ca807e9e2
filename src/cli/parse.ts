import { UsageError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { CommandSpec, FlagValues } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { flagValues, GLOBAL_FLAGS, separate } from './flags.ts';
import { commandHelp, groupHelp, readOptions } from './help.ts';

/** The flags that every command has. */
export interface GlobalValues {
  readonly config: string | null;
  readonly format: string | null;
  readonly field: string | null;
  readonly noColor: boolean;
  readonly nonInteractive: boolean;
}

/** What people type for `coffer version`. */
const VERSION_FLAGS: readonly string[] = ['-v', '-version', '--version'];

export type Parsed =
  | { readonly kind: 'run'; readonly global: GlobalValues; readonly spec: CommandSpec; readonly args: readonly string[]; readonly flags: FlagValues }
  | { readonly kind: 'help'; readonly global: GlobalValues; readonly text: string; readonly asked: boolean };

/**
 * Understands a command line: which command, its flags, its arguments.
 * @throws UsageError that names what is wrong and what is near
 */
export async function parseCommandLine(argv: readonly string[]): Promise<Parsed> {
  const leading = leadingWords(argv);
  if (leading.length === 0 && argv.some((arg) => VERSION_FLAGS.includes(arg))) return parseCommandLine(['version']);
  const spec = findCommand(leading);
  if (spec === null) return groupOrError(argv, leading);
  const name = spec.words.join(' ');
  const { words, options } = separate(argv, [...spec.flags, ...GLOBAL_FLAGS], name);
  const typed = [spec.words, ...(spec.alias === undefined ? [] : [spec.alias])].find((candidate) => startsWith(words, candidate));
  const { given, args } = await readOptions(spec, options, words.slice(typed?.length ?? 0));
  const global = globalValues(given);
  if (given['help'] === true) return { kind: 'help', global, text: await commandHelp(spec), asked: true };
  if (args.length < spec.least || args.length > spec.most) throw wrongCount(spec, args.length);
  return { kind: 'run', global, spec, args, flags: flagValues(spec, given) };
}

/** The words before any that a flag could take as its value are enough to find the command. */
function leadingWords(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at] ?? '';
    if (token === '--') break;
    if (!/^--?[A-Za-z]/.test(token)) words.push(token);
    else if (!token.includes('=') && GLOBAL_FLAGS.some(({ name, kind }) => kind === 'text' && name === token.replace(/^--?/, ''))) at++;
  }
  return words;
}

function findCommand(words: readonly string[]): CommandSpec | null {
  return COMMANDS.find((spec) => startsWith(words, spec.words) || (spec.alias !== undefined && startsWith(words, spec.alias))) ?? null;
}

function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return start.every((word, at) => words[at] === word);
}

/** No command: the help of a group ("coffer kv"), `help COMMAND`, or what was probably meant. */
async function groupOrError(argv: readonly string[], leading: readonly string[]): Promise<Parsed> {
  const { words, options } = separate(argv, GLOBAL_FLAGS, '');
  const { given } = await readOptions(null, options, []);
  const global = globalValues(given);
  const help = words[0] === 'help';
  const wanted = help ? words.slice(1) : words;
  const asked = help || given['help'] === true;
  const spec = help ? findCommand(wanted) : null;
  if (spec !== null) return { kind: 'help', global, text: await commandHelp(spec), asked: true };
  const members = COMMANDS.filter(({ words: name, alias }) => startsWith(name, wanted) || (alias !== undefined && startsWith(alias, wanted)));
  if (members.length > 0) return { kind: 'help', global, text: await groupHelp(wanted, members), asked };
  throw unknownCommand(leading.slice(help ? 1 : 0));
}

function unknownCommand(words: readonly string[]): UsageError {
  const names = COMMANDS.flatMap(({ words: name, alias }) => [name.join(' '), ...(alias === undefined ? [] : [alias.join(' ')])]);
  const depth = names.some((name) => name.split(' ')[0] === words[0]) ? 2 : 1;
  const typed = words.slice(0, depth).join(' ');
  const known = nearest(words.slice(0, 2).join(' '), names) ?? nearest(typed, names);
  return new UsageError('unknown_command', `there is no command "coffer ${typed}"`, {
    hint: known === null ? 'see: coffer -h' : `did you mean: coffer ${known}`,
  });
}

function wrongCount(spec: CommandSpec, count: number): UsageError {
  const problem = count < spec.least ? 'not enough' : 'too many';
  const expected = spec.least === spec.most ? String(spec.least) : `at least ${spec.least}`;
  const name = spec.words.join(' ');
  return new UsageError('arguments', `${problem} arguments (expected ${expected}, got ${count})`, {
    hint: `usage: ${`coffer ${name} ${spec.arguments}`.trimEnd()}; see: coffer ${name} -h`,
  });
}

function globalValues(given: { readonly [name: string]: unknown }): GlobalValues {
  const text = (name: string): string | null => (typeof given[name] === 'string' ? given[name] : null);
  return {
    config: text('config'),
    format: text('format'),
    field: text('field'),
    noColor: given['color'] === false || given['noColor'] === true,
    nonInteractive: given['nonInteractive'] === true,
  };
}
