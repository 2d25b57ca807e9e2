import { CKR } from './constants.ts';
import { isReturnValue } from './errors.ts';
import type { OpenSession } from './open.ts';
import { keySubject } from './template.ts';
import type { Key } from './types.ts';

/** C_DestroyObject. */
export function destroyKey({ module, handle }: OpenSession, key: Pick<Key, 'handle' | 'label'>): void {
  module.call('C_DestroyObject', (api) => api.C_DestroyObject(handle, key.handle), keySubject(key));
}

/** The same of an object that may have gone with another. */
export function destroyIfThere(session: OpenSession, key: Pick<Key, 'handle' | 'label'>): void {
  try {
    destroyKey(session, key);
  } catch (error) {
    if (!isReturnValue(error, CKR.OBJECT_HANDLE_INVALID)) throw error;
  }
}
