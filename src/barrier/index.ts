export { Barrier, termOf } from './barrier.ts';
export {
  activeTerm,
  addHsmKeys,
  addTerm,
  createKeyring,
  decodeKeyring,
  encodeKeyring,
  type Keyring,
  zeroKeyring,
} from './keyring.ts';
export { Names } from './names.ts';
export { type Entry, openView, type ValueWrapper, type View } from './view.ts';
