import { missingKeys } from '../../seal/index.ts';
import { type SealTrial, tryKeys } from '../../seal/trial.ts';
import { type Context, withSeal } from '../context.ts';

/** What a new configuration finds on its token. */
export type Tried =
  | { readonly missing: readonly string[]; readonly trial: null }
  | { readonly missing: readonly []; readonly trial: SealTrial };

/** Logs in and tries the keys; where one is missing there is nothing to try. Changes nothing on the token. */
export async function tryConfiguration(context: Context): Promise<Tried> {
  const { seal: stanza } = context.config;
  return withSeal(context, false, async (seal, session) => {
    const missing = missingKeys(stanza, session).map(({ label }) => label ?? '');
    if (missing.length > 0) return { missing, trial: null };
    return { missing: [], trial: await tryKeys(stanza, seal, session) };
  });
}
