export type * from './types.ts';
export { CKK, CKM, CKR, mechanismName } from './constants.ts';
export { CryptokiError, isCiphertextInvalid, isReturnValue } from './errors.ts';
export { listKeys, requireKey } from './require-key.ts';
export { withSession } from './session.ts';
