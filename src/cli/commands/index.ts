import type { CommandSpec } from '../command.ts';
import { diagnoseCommand } from './diagnose.ts';
import { genericCommands } from './generic.ts';
import { hsmCommands } from './hsm/index.ts';
import { initCommand } from './init.ts';
import { injectCommand } from './inject.ts';
import { kvCommands } from './kv/index.ts';
import { runCommand } from './run.ts';
import { keyStatusCommand, rotateCommand } from './rotate.ts';
import { sealCommand, statusCommand, unsealCommand } from './seal.ts';
import { sealwrapCommands } from './sealwrap.ts';
import { secretsCommands } from './secrets.ts';
import { setupCommand } from './setup/index.ts';
import { transitCommands } from './transit.ts';
import { upgradeCommand, verifyCommand } from './verify.ts';
import { versionCommand } from './version.ts';

export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandSpec[];
}

/** The commands in the order in which an operator comes to need them. */
export const GROUPS: readonly CommandGroup[] = [
  { title: 'To begin', commands: [setupCommand, initCommand] },
  { title: 'The store', commands: [unsealCommand, sealCommand, statusCommand] },
  { title: 'Key/value secrets', commands: kvCommands },
  { title: 'Secrets for other commands', commands: [runCommand, injectCommand] },
  { title: 'Every engine', commands: [...genericCommands, ...transitCommands] },
  { title: 'Secrets engines', commands: secretsCommands },
  {
    title: 'Upkeep',
    commands: [diagnoseCommand, verifyCommand, rotateCommand, keyStatusCommand, ...sealwrapCommands, upgradeCommand],
  },
  { title: 'The HSM', commands: hsmCommands },
  { title: 'Other', commands: [versionCommand] },
];

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = GROUPS.flatMap(({ commands }) => commands);
