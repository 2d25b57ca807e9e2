import { UsageError } from '../../errors.ts';
import { nearest, slip } from '../../nearest.ts';
import type { CommandSpec, Flags } from '../command.ts';
import { startsWith } from '../parse.ts';
import { elsewhere, foreignCommands } from './elsewhere.ts';

/**
 * The commands that change neither the store nor the token nor a file, so that a hint may name them: whoever pastes it does no
 * harm. A new command is named by no hint until it is listed here.
 */
export const HARMLESS: readonly string[] = [
  'diagnose',
  'hsm keys',
  'hsm mechanisms',
  'hsm slots',
  'hsm test',
  'key-status',
  'kv get',
  'kv list',
  'kv metadata get',
  'kv scan',
  'list',
  'operator diagnose',
  'operator key-status',
  'operator verify',
  'path-help',
  'read',
  'scan',
  'seal-status',
  'sealwrap status',
  'secrets list',
  'status',
  'version',
];

/** @param typed the flag with its dashes, without its value  @param where the command, "" for none */
export function unknownFlag(typed: string, flags: Flags, where: string): UsageError {
  const known = nearest(typed.replace(/^-+/, ''), Object.keys(flags));
  const see = `see: ${['coffer', where, '-h'].filter((word) => word !== '').join(' ')}`;
  return new UsageError('unknown_flag', `unknown flag ${typed}`, {
    hint: known === null ? see : `did you mean -${known}? ${see}`,
  });
}

/** @param words what stands where a command should be, at least one word */
export function unknownCommand(words: readonly string[], commands: readonly CommandSpec[]): UsageError {
  const names = namesOf(commands);
  const group = groupOf(words, names);
  const typed = words.slice(0, group.length + 1).join(' '); // what follows may be a secret
  return new UsageError('unknown_command', `there is no command "coffer ${typed}"`, {
    hint: elsewhere(words) ?? nearCommand(words, names) ?? `see: ${['coffer', ...group, '-h'].join(' ')}`,
  });
}

/**
 * Whether the last of these words is, or was meant to be, one of a command's. What follows a flag that nobody knows and is not may be
 * the flag's value, and so a secret.
 */
export function isCommandWord(words: readonly string[], commands: readonly CommandSpec[]): boolean {
  if (words.at(-1) === 'help' || foreignCommands().has(words.join(' '))) return true;
  const at = words.length - 1;
  const before = words.slice(0, at);
  return namesOf(commands).some(
    (name) => name.length > at && startsWith(name, before) && slip(words[at] ?? '', name[at] ?? '') !== null,
  );
}

function namesOf(commands: readonly CommandSpec[]): readonly (readonly string[])[] {
  return commands.flatMap(({ words, alias }) => (alias === null ? [words] : [words, alias]));
}

/** The words with which commands begin, e.g. ["kv", "metadata"] of "kv metadata gte secret/app". */
function groupOf(words: readonly string[], names: readonly (readonly string[])[]): readonly string[] {
  const begins = (length: number): boolean =>
    names.some((name) => name.length > length && startsWith(name, words.slice(0, length)));
  let length = 0;
  while (length < words.length && begins(length + 1)) length++;
  return words.slice(0, length);
}

/** What was meant, if each of its words was. Of what would change something, the help of its group at most. */
function nearCommand(words: readonly string[], names: readonly (readonly string[])[]): string | null {
  const near = names.flatMap((name) => {
    const edits = slips(words, name);
    return edits === null ? [] : [{ name: name.join(' '), edits }];
  });
  // One that was not meant is no better for doing no harm.
  const fewest = Math.min(...near.map(({ edits }) => edits));
  const meant = near.find(({ name, edits }) => edits === fewest && HARMLESS.includes(name));
  if (meant !== undefined) return `did you mean: coffer ${meant.name}`;
  const groups = names.flatMap((name) => (name.length > 1 ? [name[0] ?? ''] : []));
  const [first = ''] = words;
  const group = groups.includes(first) ? null : nearest(first, groups);
  return group === null ? null : `see: coffer ${group} -h`;
}

/** The edits from the first words to this name, null where one of them is another word. */
function slips(words: readonly string[], name: readonly string[]): number | null {
  let sum = 0;
  for (const [at, meant] of name.entries()) {
    const edits = slip(words[at] ?? '', meant);
    if (edits === null) return null;
    sum += edits;
  }
  return sum;
}
