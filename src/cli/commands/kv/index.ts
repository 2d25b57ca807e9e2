import type { CommandSpec } from '../../command.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { oftenKvCommands } from './often.ts';

export const kvCommands: readonly CommandSpec[] = [...oftenKvCommands, exportCommand, importCommand];
