import { resolve } from 'node:path';
import { timeoutFromEnvironment } from '../../../config/index.ts';
import { moduleOptions } from '../../../core/index.ts';
import type { ModuleOptions } from '../../../core/index.ts';
import { ConfigError } from '../../../errors.ts';
import type { Flag, Invocation } from '../../command.ts';

export const LIB: Flag = { name: 'lib', kind: 'text', value: 'PATH', help: 'PKCS#11 module to ask instead of the configured one' };

/**
 * The module of -lib, else the configured one, else that of COFFER_HSM_LIB where there is no configuration: whoever looks
 * for slots may not have one yet.
 */
export async function chosenModule(invocation: Invocation): Promise<ModuleOptions> {
  const lib = invocation.flags.text('lib');
  if (lib !== null) return { lib: resolve(lib), parameters: null, timeout: timeoutFromEnvironment(process.env) };
  try {
    return moduleOptions((await invocation.context()).config.seal);
  } catch (error) {
    const fromEnvironment = process.env['COFFER_HSM_LIB'] || process.env['VAULT_HSM_LIB'];
    if (!(error instanceof ConfigError) || !NOT_THERE_YET.includes(error.code) || !fromEnvironment) throw error;
    return { lib: resolve(fromEnvironment), parameters: null, timeout: timeoutFromEnvironment(process.env) };
  }
}

const NOT_THERE_YET: readonly string[] = ['config_not_found', 'config_missing'];
