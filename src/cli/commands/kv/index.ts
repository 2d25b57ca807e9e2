import type { CommandSpec } from '../../command.ts';
import { getCommand, listCommand, patchCommand, putCommand } from './data.ts';
import { metadataCommands } from './metadata.ts';
import {
  deleteCommand,
  destroyCommand,
  enableVersioningCommand,
  rollbackCommand,
  undeleteCommand,
} from './versions.ts';

export const kvCommands: readonly CommandSpec[] = [
  putCommand,
  getCommand,
  patchCommand,
  listCommand,
  deleteCommand,
  undeleteCommand,
  destroyCommand,
  rollbackCommand,
  ...metadataCommands,
  enableVersioningCommand,
];
