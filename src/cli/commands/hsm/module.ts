import { resolve } from 'node:path';
import { moduleOptions } from '../../../core/index.ts';
import type { ModuleOptions } from '../../../core/index.ts';
import { ConfigError } from '../../../errors.ts';
import type { Flag, Invocation } from '../../command.ts';

export const LIB: Flag = { name: 'lib', kind: 'text', value: 'PATH', help: 'PKCS#11 module to ask instead of the configured one' };

/**
 * The module of -lib, else the configured one, else that of COFFER_HSM_LIB where there is no configuration: whoever looks
 * for slots may not have one yet. NSS's library parameters, which no flag gives, are those of COFFER_HSM_LIBRARY_PARAMETERS then.
 */
export async function chosenModule(invocation: Invocation): Promise<ModuleOptions> {
  const lib = invocation.flags.text('lib');
  if (lib !== null) return { lib: resolve(lib), parameters: fromEnvironment('LIBRARY_PARAMETERS') };
  try {
    return moduleOptions((await invocation.context()).config.seal);
  } catch (error) {
    const named = fromEnvironment('LIB');
    if (!(error instanceof ConfigError) || !NOT_THERE_YET.includes(error.code) || named === null) throw error;
    return { lib: resolve(named), parameters: fromEnvironment('LIBRARY_PARAMETERS') };
  }
}

/** Vault's name where coffer's is not set, as for the seal stanza. */
function fromEnvironment(suffix: 'LIB' | 'LIBRARY_PARAMETERS'): string | null {
  return process.env[`COFFER_HSM_${suffix}`] || process.env[`VAULT_HSM_${suffix}`] || null;
}

const NOT_THERE_YET: readonly string[] = ['config_not_found', 'config_missing'];
