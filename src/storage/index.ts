export { checkStoreFiles, folderFault, storageFault, storeFiles } from './claim.ts';
export { driverOf } from './drivers.ts';
export { type Child, type Page, ReadOnlyTransaction, type Row, type Rows, type Storage } from './storage.ts';
