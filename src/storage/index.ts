export { storeExposed, storeExposure } from './claim.ts';
export { checkSqlite, openSqlite } from './sqlite.ts';
export { ReadOnlyTransaction } from './storage.ts';
export type { Child, Rows, Storage } from './storage.ts';
