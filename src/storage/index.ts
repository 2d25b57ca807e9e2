export { checkStoreFiles, folderFault, storeFiles } from './claim.ts';
export { driverOf } from './drivers.ts';
export { ReadOnlyTransaction } from './storage.ts';
export type { Child, OpenOptions, Page, Rows, Storage } from './storage.ts';
