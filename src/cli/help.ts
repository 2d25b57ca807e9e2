import { Help } from 'commander';
import type { CommandSpec, Flag, Flags } from './command.ts';
import type { CommandGroup } from './commands/index.ts';
import { GLOBAL_FLAGS } from './flags.ts';
import { type HelpLine, startsWith } from './parse.ts';
import type { Topic } from './topics.ts';

/**
 * The only file with commander, which lays out help texts and does nothing else: it knows no flags in the style of Go, and
 * loading it would be a part of every command's start-up time. So this file is loaded where help is wanted, and parse.ts reads the command line.
 * The bundle wraps what this file imports, so it imports little, and is given what there is to show.
 */
export function helpText(line: HelpLine, shown: Shown): string {
  switch (line.kind) {
    case 'help':
      return commandHelp(line.spec);
    case 'topic':
      return topicHelp(line.topic, line.members, shown.topics);
    default:
      return groupHelp(line.words, line.members, shown);
  }
}

interface Shown {
  readonly groups: readonly CommandGroup[];
  readonly topics: ReadonlyMap<string, () => Topic>;
}

/** Terms and what they mean, under a title. */
interface Section {
  readonly title: string;
  readonly rows: readonly (readonly [term: string, meaning: string])[];
}

function commandHelp({ words, alias, summary, arguments: usage, flags, examples, runs }: CommandSpec): string {
  const own = Object.keys(flags).length === 0 ? [] : [{ title: 'Options', rows: flagRows(flags) }];
  return [
    `Usage: ${['coffer', ...words, '[options]', ...(runs ? ['--'] : []), usage].join(' ').trimEnd()}`,
    wrapped(summary),
    ...sections([...own, EVERY_COMMANDS]),
    ...(alias === null ? [] : [`Also: coffer ${alias.join(' ')}`]),
    ...(examples.length === 0 ? [] : [`Examples:\n${examples.map((line) => `  ${line}`).join('\n')}`]),
  ].join('\n\n');
}

/** @param words the group's name, none for the program */
function groupHelp(words: readonly string[], members: readonly CommandSpec[], { groups, topics }: Shown): string {
  const isProgram = words.length === 0;
  const group = ['coffer', ...words].join(' ');
  const listed = isProgram
    ? programSections(members, groups)
    : [{ title: 'Commands', rows: commandRows(words, members) }];
  return [
    `Usage: ${group} COMMAND [options] [arguments]`,
    ...(isProgram ? ['A secret store sealed by a hardware security module.'] : []),
    ...sections([...listed, EVERY_COMMANDS]),
    layOut([
      [`${group} COMMAND -h`, 'the flags of a command, with examples'],
      ...(isProgram ? [['coffer help TOPIC', `about: ${[...topics.keys()].join(', ')}`] as const] : []),
    ]),
  ].join('\n\n');
}

/** In the order of the groups, which is that in which an operator needs them. */
function programSections(members: readonly CommandSpec[], groups: Shown['groups']): Section[] {
  return groups.map(({ title, commands }) => ({
    title,
    rows: commandRows(
      [],
      commands.filter((spec) => members.includes(spec)),
    ),
  }));
}

/** @param members the commands of the group that has the topic's name, perhaps none */
function topicHelp(topic: string, members: readonly CommandSpec[], topics: Shown['topics']): string {
  const { about, rows, more } = topics.get(topic)?.() ?? { about: '', rows: [], more: '' };
  const listed = members.length === 0 ? [] : [{ title: 'Commands', rows: commandRows([topic], members) }];
  return [wrapped(about), layOut(rows), ...sections(listed), more].filter((text) => text !== '').join('\n\n');
}

const EVERY_COMMANDS: Section = { title: 'Options of every command', rows: flagRows(GLOBAL_FLAGS) };

/** Help shows flags as Vault spells them, with one dash. */
function flagRows(flags: Flags): Section['rows'] {
  return Object.entries<Flag>(flags).map(([name, { kind, value, aliases = [], help }]) => {
    const wanted = value ?? (kind === 'toggle' ? 'true|false' : 'VALUE');
    const names = [name, ...aliases].map((one) => `-${one}`).join(', ');
    return [kind === 'boolean' ? names : `${names}=<${wanted}>`, help];
  });
}

function commandRows(words: readonly string[], members: readonly CommandSpec[]): Section['rows'] {
  return members.map(({ words: own, alias, summary }) => {
    const name = startsWith(own, words) ? own : (alias ?? own);
    return [name.slice(words.length).join(' '), summary];
  });
}

/** Terms of one page are padded to the same width. */
function sections(all: readonly Section[]): string[] {
  const width = widest(all.flatMap(({ rows }) => rows));
  return all.map(({ title, rows }) => `${title}:\n${layOut(rows, width)}`);
}

function layOut(rows: Section['rows'], width = widest(rows)): string {
  const help = layout();
  return rows.map(([term, meaning]) => help.formatItem(term, width, meaning, help)).join('\n');
}

function widest(rows: Section['rows']): number {
  return Math.max(0, ...rows.map(([term]) => term.length));
}

function wrapped(text: string): string {
  return layout().boxWrap(text, WIDTH);
}

/** Columns, on a wider terminal, too: longer lines are hard to read. */
const WIDTH = 80;

function layout(): Help {
  const help = new Help();
  help.minWidthToWrap = 24; // beside the longest variable, too
  help.prepareContext({ helpWidth: WIDTH });
  return help;
}
