import type { CommandSpec } from '../command.ts';
import { diagnoseCommand } from './diagnose.ts';
import { genericCommands } from './generic.ts';
import { hsmCommands } from './hsm/index.ts';
import { initCommand } from './init.ts';
import { kvCommands } from './kv/index.ts';
import { keyStatusCommand, rotateCommand } from './rotate.ts';
import { sealCommand, statusCommand, unsealCommand } from './seal.ts';
import { sealwrapCommands } from './sealwrap.ts';
import { secretsCommands } from './secrets.ts';
import { setupCommand } from './setup/index.ts';
import { versionCommand } from './version.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  initCommand,
  unsealCommand,
  sealCommand,
  statusCommand,
  rotateCommand,
  keyStatusCommand,
  ...sealwrapCommands,
  ...secretsCommands,
  ...kvCommands,
  ...genericCommands,
  setupCommand,
  diagnoseCommand,
  ...hsmCommands,
  versionCommand,
];
