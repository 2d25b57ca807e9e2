export type { Context } from './context.ts';
export { initStore } from './lifecycle/init.ts';
export type { Initialized } from './lifecycle/init.ts';
export { sealStore } from './lifecycle/seal.ts';
export { isInitialized, sealStatus } from './lifecycle/status.ts';
export type { SealStatus } from './lifecycle/status.ts';
export { unsealStore } from './lifecycle/unseal.ts';
export type { UnsealResult } from './lifecycle/unseal.ts';
export { isModuleFault, mayPass } from './may-pass.ts';
export { thisMachine } from './machine.ts';
export type { Machine } from './machine.ts';
export type { Mount, NewMount } from './mounts/table.ts';
export { rewrap } from './wrapped/rewrap.ts';
export type { Adoption } from './wrapped/adopt.ts';
export type { Rewrapped } from './wrapped/rewrap.ts';
export { keyStatus, rotate } from './lifecycle/rotate.ts';
export type { KeyStatus } from './lifecycle/rotate.ts';
export { sealWrapStatus } from './wrapped/survey.ts';
export type { KeyUse, SealWrapReport, SealWrapStatus, UnreadableValue } from './wrapped/survey.ts';
export {
  disableMount,
  enableMount,
  enableVersioning,
  findMount,
  listMounts,
  moveMountTo,
  pathHelp,
  tuneMount,
} from './mounts/operations.ts';
export { withMounts } from './mounts/mounts.ts';
export type { Operation, EngineRequest, EngineResponse } from '../engines/index.ts';
export type { Mounts } from './mounts/mounts.ts';
export { checkTokenLabel, initialiseToken, slotForToken } from './hsm-tools/init-token.ts';
export { generateMissingKeys, generateOneKey, RSA_BITS } from './hsm-tools/keygen.ts';
export type { MadeKey, NewKey, NewKeyType } from './hsm-tools/keygen.ts';
export { tokenKeys } from './hsm-tools/keys.ts';
export type { TokenKey } from './hsm-tools/keys.ts';
export { tokenMechanisms } from './hsm-tools/mechanisms.ts';
export type { TokenMechanism } from './hsm-tools/mechanisms.ts';
export { surveySlots, tokenState } from './hsm-tools/slots.ts';
export type { Survey, TokenState } from './hsm-tools/slots.ts';
export { testSeal } from './hsm-tools/test.ts';
export { moduleOptions } from './context.ts';
export { EXPOSURE_TEXT, exposuresOf } from '../pkcs11/index.ts';
export type { Exposure, ModuleOptions, SlotDescription, TokenDescription } from '../pkcs11/index.ts';
export type { ExposedKey } from '../seal/index.ts';
export type { Chosen, SealTrial, Trial } from '../seal/trial.ts';
export { configurationText } from './setup/configuration.ts';
export type { Answers } from './setup/configuration.ts';
export { findModules, trySurvey } from './setup/find.ts';
export type { SurveyedModule } from './setup/find.ts';
export { tryConfiguration } from './setup/try.ts';
export type { Tried } from './setup/try.ts';
export { draftConfiguration } from './setup/write.ts';
export type { FaultReport } from '../pkcs11/index.ts';
export { DEFAULT_TIMEOUT_MS, describeSituation, endModules, postponeEndings, reportFaults } from '../pkcs11/index.ts';
export { diagnose } from './diagnose/index.ts';
export type { Check } from './diagnose/index.ts';
