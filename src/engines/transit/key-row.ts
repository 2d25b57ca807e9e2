import { fromUtf8, utf8 } from '../../bytes.ts';
import { StoreError } from '../../errors.ts';
import type { EngineContext } from '../engine.ts';
import { keyPath } from './hints.ts';
import type { Key } from './key.ts';

const FOLDER = 'policy';
export const KEYS_FOLDER = [FOLDER];

// The stored JSON comes out of the barrier, so it is what was put in.

export async function loadKey({ view }: EngineContext, name: string): Promise<Key | null> {
  const bytes = await view.get([FOLDER, name]);
  if (bytes === null) return null;
  const stored = JSON.parse(fromUtf8(bytes)) as Omit<Key, 'managed' | 'kdf'> & Partial<Pick<Key, 'managed' | 'kdf'>>;
  return { ...stored, managed: stored.managed ?? null, kdf: stored.kdf ?? 'hkdf' }; // older rows do not say
}

export async function storeKey({ view }: EngineContext, key: Key): Promise<void> {
  await view.put([FOLDER, key.name], utf8(JSON.stringify(key)));
}

export async function deleteKey({ view }: EngineContext, name: string): Promise<void> {
  await view.delete([FOLDER, name]);
}

/** @throws StoreError `no_key` */
export async function requireKey(context: EngineContext, name: string): Promise<Key> {
  const key = await loadKey(context, name);
  if (key !== null) return key;
  throw new StoreError('no_key', `there is no key "${name}" in ${context.mountPath}`, {
    hint: `create it with: coffer write -f ${keyPath(context, name)}`,
  });
}

/** @throws StoreError `key_exists` */
export function keyExists({ mountPath }: EngineContext, name: string, hint: string): StoreError {
  return new StoreError('key_exists', `there is already a key "${name}" in ${mountPath}`, { hint });
}
