export { openSqlite } from './sqlite.ts';
export type { Child, Rows, Storage } from './storage.ts';
