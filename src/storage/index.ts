export { checkStoreFiles, folderFault, storeFiles } from './claim.ts';
export { driverOf } from './drivers.ts';
export { type Child, ReadOnlyTransaction, type Rows, type Storage } from './storage.ts';
