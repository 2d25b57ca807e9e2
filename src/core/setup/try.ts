import { HsmEntropy } from '../../entropy/index.ts';
import { HsmError } from '../../errors.ts';
import type { Session } from '../../pkcs11/index.ts';
import { missingKeys } from '../../seal/index.ts';
import { type SealTrial, tryKeys } from '../../seal/trial.ts';
import { type Context, withSeal } from '../context.ts';

/** What a new configuration finds on its token. */
export interface Tried {
  /** The labels of keys that are named and not there. */
  readonly missing: readonly string[];
  /** Null where one is missing: there is nothing to try. */
  readonly trial: SealTrial | null;
  /** What is wrong with the generator, where its bytes are to be mixed in. */
  readonly generator: HsmError | null;
}

/** Logs in and tries the generator and the keys. Changes nothing on the token. */
export async function tryConfiguration(context: Context): Promise<Tried> {
  const { seal: stanza, entropyAugmentation } = context.config;
  return withSeal(context, false, async (seal, session) => {
    const generator = entropyAugmentation ? await problemOfGenerator(session) : null;
    const missing = missingKeys(stanza, session).map(({ label }) => label ?? '');
    return { missing, trial: missing.length > 0 ? null : await tryKeys(stanza, seal, session), generator };
  });
}

async function problemOfGenerator(session: Session): Promise<HsmError | null> {
  try {
    await new HsmEntropy(async (length) => session.random(length)).bytes(1024);
    return null;
  } catch (error) {
    if (error instanceof HsmError) return error;
    throw error;
  }
}
