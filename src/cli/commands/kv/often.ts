import type { CommandSpec } from '../../command.ts';
import { getCommand, listCommand, patchCommand, putCommand, scanCommand } from './data.ts';
import { metadataCommands } from './metadata.ts';
import {
  deleteCommand,
  destroyCommand,
  enableVersioningCommand,
  rollbackCommand,
  undeleteCommand,
} from './versions.ts';

/** Those that are called often; import and export bring much with them that these do not need. */
export const oftenKvCommands: readonly CommandSpec[] = [
  putCommand,
  getCommand,
  patchCommand,
  listCommand,
  scanCommand,
  deleteCommand,
  undeleteCommand,
  destroyCommand,
  rollbackCommand,
  ...metadataCommands,
  enableVersioningCommand,
];
