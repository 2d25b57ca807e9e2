export { Barrier, termOf } from './barrier.ts';
export {
  activeTerm,
  addHsmKeys,
  addTerm,
  addTreeKey,
  createKeyring,
  decodeKeyring,
  encodeKeyring,
  type Keyring,
  zeroKeyring,
} from './keyring.ts';
export { Names } from './names.ts';
export { type Entry, explained, openView, type ValueWrapper, type View } from './view.ts';
