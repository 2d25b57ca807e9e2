/** Where coffer's own rows are. These names are not secret; everything below DATA has encrypted names. */
export const RECORD = 'core/record';
export const LEASE = 'core/lease';
/** Present while the store is sealed because an operator said so. */
export const SEALED_BY_OPERATOR = 'core/sealed';
export const USAGE = 'core/usage';
export const MOUNTS = 'core/mounts';
export const DATA = 'data';
/** Every row that is not below DATA. */
export const OWN_ROWS: readonly string[] = [RECORD, LEASE, SEALED_BY_OPERATOR, USAGE, MOUNTS];
