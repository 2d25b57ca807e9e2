import { CofferError, ConfigError } from '../../errors.ts';
import { type Context, withSeal } from '../context.ts';
import { type Check, Checklist } from './check.ts';
import { checkFiles } from './files.ts';
import { AFTER_LOGIN, checkKeys, checkToken } from './hsm.ts';
import { AFTER_RECORD, checkDatabase, checkStore } from './store.ts';

import type { Progress } from '../verify/verify.ts';

export type { Check } from './check.ts';

/**
 * Looks at everything that coffer relies on and goes on after a failure with whatever can still be looked at. Writes
 * nothing, and spends a PIN try only where any command would.
 * @param load reads the configuration
 * @param deep opens every value, a seal-wrapped one with a trip to the HSM, and tells how far it is; null for not
 */
export async function diagnose(load: () => Promise<Context>, deep: Progress | null): Promise<readonly Check[]> {
  const list = new Checklist();
  const context = await list.attempt('configuration', load, ({ config: { files } }) =>
    files.length === 0 ? 'the environment' : files.join(', '),
  );
  if (context === null) return list.checks;
  checkFiles(context, list);
  const state = await checkDatabase(context, list);
  if (list.hasFailed('module file')) {
    list.skip(['module', 'token', 'login', ...AFTER_LOGIN, ...AFTER_RECORD], 'the module is not loaded');
    return list.checks;
  }
  if (!(await checkToken(context, list))) {
    list.skip(AFTER_RECORD, 'there is no HSM to open the store with');
    return list.checks;
  }
  try {
    await withSeal(context, false, async (seal, session) => {
      list.ok('login', `as the user of "${session.token.label}"`);
      const failed = ['store file', 'store folder', 'database'].some((name) => list.hasFailed(name));
      const isUnread = failed && !list.isSkipped('store file'); // skipped where there is none
      await checkKeys(context, seal, session, state === null && !isUnread, list);
      if (state === null) {
        list.skip(AFTER_RECORD, isUnread ? 'the database does not open' : 'there is no initialised store');
        return;
      }
      await checkStore(context, seal, state, deep, list);
    });
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    const loggedIn = list.has('login');
    // The PIN's own source is part of the configuration, and is asked only now.
    const name = loggedIn ? 'session' : error instanceof ConfigError ? 'PIN source' : 'login';
    if (!list.hasFailed(name)) list.fail(name, error);
    if (!loggedIn) list.skip([...AFTER_LOGIN, ...AFTER_RECORD], 'there is no login');
  }
  return list.checks;
}
