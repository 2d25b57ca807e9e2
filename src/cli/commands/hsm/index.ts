import type { CommandSpec } from '../../command.ts';
import { initTokenCommand } from './init-token.ts';
import { keygenCommand } from './keygen.ts';
import { keysCommand } from './keys.ts';
import { mechanismsCommand } from './mechanisms.ts';
import { slotsCommand } from './slots.ts';
import { testCommand } from './test.ts';

export const hsmCommands: readonly CommandSpec[] = [
  slotsCommand,
  mechanismsCommand,
  keysCommand,
  keygenCommand,
  initTokenCommand,
  testCommand,
];
