import { type SealTrial, tryKeys } from '../../seal/trial.ts';
import { type Context, withSeal } from '../context.ts';
import type { TokenDescription } from '../../pkcs11/index.ts';

/** A round trip with every mechanism that the stanza's keys could use. */
export async function testSeal(context: Context): Promise<SealTrial & { readonly token: TokenDescription }> {
  return withSeal(context, false, async (seal, session) => ({
    token: session.token,
    ...(await tryKeys(context.config.seal, seal, session)),
  }));
}
