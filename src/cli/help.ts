import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../errors.ts';
import type { CommandSpec, Flag } from './command.ts';
import { GLOBAL_FLAGS } from './flags.ts';

/** Lets commander read options that are already in GNU style. @param spec null for the program itself */
export async function readOptions(
  spec: CommandSpec | null,
  options: readonly string[],
  words: readonly string[],
): Promise<{ given: { readonly [name: string]: unknown }; args: readonly string[] }> {
  const command = build(spec);
  try {
    command.parse([...options, '--', ...words], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw new UsageError('usage', error.message.replace(/^error: /, ''));
    throw error;
  }
  return { given: command.opts(), args: command.args };
}

export async function commandHelp(spec: CommandSpec): Promise<string> {
  const alias = spec.alias === undefined ? '' : `\nAlso: coffer ${spec.alias.join(' ')}\n`;
  const examples = spec.examples.length === 0 ? '' : `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join('\n')}\n`;
  return `${build(spec).helpInformation()}${alias}${examples}`.trimEnd();
}

/** @param words the group's name, none for the program */
export async function groupHelp(words: readonly string[], members: readonly CommandSpec[]): Promise<string> {
  const group = bare(['coffer', ...words].join(' ')).usage('COMMAND [options] [arguments]');
  group.description(words.length === 0 ? 'A secret store sealed by a hardware security module.' : '');
  for (const spec of members) {
    const name = (startsWith(spec.words, words) ? spec.words : (spec.alias ?? spec.words)).slice(words.length).join(' ');
    group.addCommand(bare(name).summary(spec.summary).description(spec.summary));
  }
  return group.helpInformation().trimEnd();
}

function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return start.every((word, at) => words[at] === word);
}

function build(spec: CommandSpec | null): Command {
  const command = bare(['coffer', ...(spec?.words ?? [])].join(' ')).argument('[arguments...]');
  command.usage(`[options] ${spec?.arguments ?? ''}`.trimEnd()).description(spec?.summary ?? '');
  for (const flag of [...(spec?.flags ?? []), ...GLOBAL_FLAGS]) command.addOption(option(flag));
  return command;
}

function bare(name: string): Command {
  const command = new Command(name).helpOption(false).helpCommand(false).exitOverride();
  command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  // Help shows flags as Vault spells them, with one dash.
  return command.configureHelp({
    optionTerm: ({ flags }) => flags.replace(/^--/, '-').replace(' ', '='),
    visibleArguments: () => [],
    subcommandTerm: (subcommand) => subcommand.name(),
  });
}

function option({ name, kind, value, help }: Flag): Option {
  const made = new Option(kind === 'boolean' ? `--${name}` : `--${name} <${value ?? (kind === 'toggle' ? 'true|false' : 'VALUE')}>`, help);
  if (kind === 'pairs' || kind === 'list') made.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
  return made;
}
