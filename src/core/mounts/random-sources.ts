import type { EngineContext } from '../../engines/index.ts';
import { systemEntropy } from '../../entropy/index.ts';
import type { Seal } from '../../seal/index.ts';
import type { Context } from '../context.ts';
import { hsmEntropy, storeEntropy } from '../unsealed/keys.ts';

/** What callers may ask random bytes of. */
export function randomSources(context: Context, seal: Seal): EngineContext['random'] {
  if (!context.config.entropyAugmentation) return { platform: systemEntropy, seal: null, all: null };
  return { platform: systemEntropy, seal: hsmEntropy(seal), all: storeEntropy(context, seal) };
}
