import { Command, Option } from 'commander';
import type { CommandSpec, Flag } from './command.ts';
import { GLOBAL_FLAGS } from './flags.ts';
import { type HelpLine, startsWith } from './parse.ts';

/**
 * The only file with commander, which lays out help texts and does nothing else: it knows no flags in the style of Go, and
 * loading it would be a part of every command's start-up time. So this file is loaded where help is wanted, and parse.ts reads the command line.
 */
export function helpText(line: HelpLine): string {
  return line.kind === 'help' ? commandHelp(line.spec) : groupHelp(line.words, line.members);
}

function commandHelp({ words, alias, summary, arguments: usage, flags, examples }: CommandSpec): string {
  const page = bare(['coffer', ...words].join(' '))
    .usage(`[options] ${usage}`.trimEnd())
    .description(summary);
  for (const [name, flag] of Object.entries({ ...flags, ...GLOBAL_FLAGS })) page.addOption(option(name, flag));
  const also = alias === null ? '' : `\nAlso: coffer ${alias.join(' ')}\n`;
  const shown = examples.length === 0 ? '' : `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n`;
  return `${page.helpInformation()}${also}${shown}`.trimEnd();
}

/** @param words the group's name, none for the program */
function groupHelp(words: readonly string[], members: readonly CommandSpec[]): string {
  const page = bare(['coffer', ...words].join(' ')).usage('COMMAND [options] [arguments]');
  page.description(words.length === 0 ? 'A secret store sealed by a hardware security module.' : '');
  for (const spec of members) {
    const name = startsWith(spec.words, words) ? spec.words : (spec.alias ?? spec.words);
    page.addCommand(bare(name.slice(words.length).join(' ')).summary(spec.summary).description(spec.summary));
  }
  return page.helpInformation().trimEnd();
}

/** Help shows flags as Vault spells them, with one dash. */
function bare(name: string): Command {
  return new Command(name)
    .helpOption(false)
    .helpCommand(false)
    .configureHelp({
      optionTerm: ({ flags }) => flags.replace(/^--/, '-').replace(' ', '='),
      subcommandTerm: (subcommand) => subcommand.name(),
    });
}

function option(name: string, { kind, value, help }: Flag): Option {
  const wanted = value ?? (kind === 'toggle' ? 'true|false' : 'VALUE');
  return new Option(kind === 'boolean' ? `--${name}` : `--${name} <${wanted}>`, help);
}
