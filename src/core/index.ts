export { type Initialized, initStore } from './lifecycle/init.ts';
export { sealStore } from './lifecycle/seal.ts';
export { isInitialized, sealStatus, type SealStatus } from './lifecycle/status.ts';
export { unsealStore } from './lifecycle/unseal.ts';
export { isModuleFault, mayPass } from './may-pass.ts';
export { type Machine, thisMachine } from './machine.ts';
export { type Mount, mountAt } from './mounts/table.ts';
export { rewrap, type Rewrapped } from './wrapped/rewrap.ts';
export type { Adoption } from './wrapped/adopt.ts';
export { upgradeStore, type Upgraded } from './lifecycle/upgrade.ts';
export { keyStatus, type KeyStatus, rotate } from './lifecycle/rotate.ts';
export { sealWrapStatus } from './wrapped/survey.ts';
export type * from './wrapped/survey.ts';
export * from './mounts/operations.ts';
export { type Mounts, type MountsTransaction, withMounts, withMountsSession } from './mounts/mounts.ts';
export { listLeaves } from './mounts/leaves.ts';
export * from './transfer/export.ts';
export * from './transfer/import.ts';
export { isKv, kvPlace, secretPlace } from './transfer/place.ts';
export { badPath, joinedNames, newPathProblem } from './mounts/path.ts';
export { pathHelp, requestAt } from './request.ts';
export * from './sys/describe.ts';
export { type ImportedKey, importTransitKey } from './transit-import.ts';
export { kvVersion, type Operation, type EngineRequest, type EngineResponse } from '../engines/index.ts';
export type * from '../engines/declare.ts';
export type * from '../engines/path-help.ts';
export { checkTokenLabel, initialiseToken, newPinProblem, slotForToken } from './hsm-tools/init-token.ts';
export * from './hsm-tools/keygen.ts';
export { type TokenKey, tokenKeys } from './hsm-tools/keys.ts';
export { type TokenMechanism, tokenMechanisms } from './hsm-tools/mechanisms.ts';
export { type Survey, surveySlots, tokenState } from './hsm-tools/slots.ts';
export { testSeal } from './hsm-tools/test.ts';
export { type Context, moduleOptions } from './context.ts';
export {
  type Exposure,
  EXPOSURE_TEXT,
  exposuresOf,
  type FaultReport,
  type ModuleOptions,
  type SlotDescription,
  type TokenDescription,
} from '../pkcs11/index.ts';
export type { ExposedKey } from '../seal/index.ts';
export type { Chosen, SealTrial, Trial } from '../seal/trial.ts';
export { type Answers, configurationText } from './setup/configuration.ts';
export { findModules, type SurveyedModule, type SurveyedToken, trySurvey } from './setup/find.ts';
export { triedParameters, usualParameters } from './setup/parameters.ts';
export { tryConfiguration } from './setup/try.ts';
export { tryConfigurationPlace, writeConfiguration } from './setup/write.ts';
export { DEFAULT_TIMEOUT_MS, describeSituation, endModules, postponeEndings, reportFaults } from '../pkcs11/index.ts';
export { acceptStore, type Accepted } from './verify/accept.ts';
export { type Verified, verifyStore } from './verify/verify.ts';
export { type Check, diagnose } from './diagnose/index.ts';
