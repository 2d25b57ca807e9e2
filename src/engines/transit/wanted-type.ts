import { UsageError } from '../../errors.ts';
import type { EngineContext } from '../engine.ts';
import { keyPath } from './hints.ts';
import { DEFAULT_TYPE, type KeyType, MANAGED_TYPE, parseType } from './types.ts';

/**
 * The type of a key whose secret is made here or imported.
 * @param text null and undefined for the default
 * @throws UsageError `unsupported_key_type`, `unknown_key_type`
 */
export function wantedType(context: EngineContext, name: string, text: string | null | undefined): KeyType {
  if (text !== MANAGED_TYPE) return parseType(text ?? DEFAULT_TYPE);
  const problem = 'a managed key is neither imported nor created on first use: its key object is in the HSM';
  throw new UsageError('unsupported_key_type', problem, {
    hint: `make it with: coffer write ${keyPath(context, name)} type=${MANAGED_TYPE} managed_key_name=..., the label of the key object`,
  });
}
