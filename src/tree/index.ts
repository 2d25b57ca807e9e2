export { writeTree } from './build.ts';
export { CheckedRows } from './checked-rows.ts';
export { RowFault } from './faults.ts';
export { TreeKeys } from './keys.ts';
export { isCovered, isOfTree, ROOT } from './paths.ts';
export { type TreeReport, verifyTree } from './verify.ts';
export { counterOf, decodeRoot, type Root } from './root.ts';
