import type { EngineContext } from './engine.ts';
import { type EngineOptions, engineOf } from './index.ts';
import { planVersion1, takeVersion1 } from './kv1-transfer.ts';
import { kv2 } from './kv2/index.ts';
import { planSecret, takeSecret } from './kv2/transfer.ts';
import type { Transfer } from './transfer.ts';

/** @param mount of type kv */
export function transferOf(
  mount: { readonly type: string; readonly options: EngineOptions },
  context: EngineContext,
): Transfer {
  if (engineOf(mount) === kv2) return { take: takeSecret(context), plan: planSecret(context) };
  return { take: takeVersion1(context), plan: planVersion1(context) };
}
