import type { CommandSpec } from '../command.ts';
import { genericCommands } from './generic.ts';
import { initCommand } from './init.ts';
import { kvCommands } from './kv/index.ts';
import { sealCommand, statusCommand, unsealCommand } from './seal.ts';
import { secretsCommands } from './secrets.ts';
import { versionCommand } from './version.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  initCommand,
  unsealCommand,
  sealCommand,
  statusCommand,
  ...secretsCommands,
  ...kvCommands,
  ...genericCommands,
  versionCommand,
];
