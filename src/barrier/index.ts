export { Barrier, termOf } from './barrier.ts';
export {
  activeTerm,
  addHsmKeys,
  addTerm,
  createKeyring,
  decodeKeyring,
  encodeKeyring,
  zeroKeyring,
} from './keyring.ts';
export type { HsmKeyName, Keyring, Recovery, Term } from './keyring.ts';
export { Names } from './names.ts';
export { openView } from './view.ts';
export type { Entry, ValueWrapper, View } from './view.ts';
