export { checkStoreFiles, folderFault, storeFiles } from './claim.ts';
export { checkSqlite } from './integrity.ts';
export { openSqlite } from './sqlite.ts';
export { ReadOnlyTransaction } from './storage.ts';
export type { Child, Rows, Storage } from './storage.ts';
