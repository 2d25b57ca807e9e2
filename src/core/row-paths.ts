import { isOfTree } from '../tree/index.ts';

/** Where coffer's own rows are. These names are not secret; everything below DATA has encrypted names. */
export const RECORD = 'core/record';
export const MOUNTS = 'core/mounts';
export const DATA = 'data';
/** Of a store without a tree, whose root has the count otherwise. */
export const USAGE = 'core/usage';

const LEASE = 'core/lease';
const SEALED_BY_OPERATOR = 'core/sealed';
/** From this layout on a store has a tree, and every machine has rows of its own. */
export const LAYOUT_WITH_TREE = 2;

/** The rows that a machine writes for itself. */
export interface MachineRows {
  readonly lease: string;
  /** Present while the store is sealed on this machine because an operator said so. */
  readonly sealedByOperator: string;
}

/** @param machineId 32 hexadecimal digits */
export function machineRows(layout: number, machineId: string): MachineRows {
  if (layout < LAYOUT_WITH_TREE) return { lease: LEASE, sealedByOperator: SEALED_BY_OPERATOR };
  return { lease: `${LEASE}/${machineId}`, sealedByOperator: `${SEALED_BY_OPERATOR}/${machineId}` };
}

/** Whether a row that is not below DATA is one of coffer's own. */
export function isOwnRow(layout: number, path: string): boolean {
  if (path === RECORD || path === MOUNTS) return true;
  if (layout < LAYOUT_WITH_TREE) return path === USAGE || path === LEASE || path === SEALED_BY_OPERATOR;
  return isOfTree(path) || OF_A_MACHINE.test(path);
}

const OF_A_MACHINE = new RegExp(`^(${LEASE}|${SEALED_BY_OPERATOR})/[0-9a-f]{32}$`);
