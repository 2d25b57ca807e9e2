export { openRecord, readRecord, sealRecord } from './envelope.ts';
export type { ManagedKeys } from './managed.ts';
export { pkcs11Seal } from './pkcs11.ts';
export type { ExposedKey, Pkcs11Seal, SealOptions } from './pkcs11.ts';
export { checkShareCounts, combineRecoveryShares, recoveryVerifier, splitRecoveryKey } from './recovery.ts';
export type { ShareCounts } from './recovery.ts';
export type { MacStanza, Seal, Wrap } from './seal.ts';
export { methodName, methodOf } from './wrapping.ts';
export type { WrapMethod } from './wrapping.ts';
