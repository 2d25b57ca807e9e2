import type { EngineContext } from '../engine.ts';
import { aeadCipher } from './aead-cipher.ts';
import { HsmKey } from './hsm-key.ts';
import type { KeyHolder } from './holder.ts';
import type { Key } from './key.ts';
import { SoftwareKey } from './software-key.ts';
import { typeOf } from './types.ts';

/** The one place that asks which of the two it is. */
export async function holderOf(context: EngineContext, key: Key): Promise<KeyHolder> {
  if (key.managed !== null) return new HsmKey(context, key, key.managed);
  const type = typeOf(key.type);
  return new SoftwareKey(context, key, type.family === 'aead' ? await aeadCipher(type) : null);
}
