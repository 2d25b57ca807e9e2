export type * from './types.ts';
export { CKK, CKM, mechanismName } from './constants.ts';
export { CryptokiError, isCiphertextInvalid } from './errors.ts';
export { requireKey } from './require-key.ts';
export { withSession } from './session.ts';
