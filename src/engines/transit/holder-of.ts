import type { EngineContext } from '../engine.ts';
import { HsmKey } from './hsm-key.ts';
import type { KeyHolder } from './holder.ts';
import type { Key } from './key.ts';
import { SoftwareKey } from './software-key.ts';

/** The one place that asks which of the two it is. */
export function holderOf(context: EngineContext, key: Key): KeyHolder {
  return key.managed === null ? new SoftwareKey(context, key) : new HsmKey(context, key, key.managed);
}
