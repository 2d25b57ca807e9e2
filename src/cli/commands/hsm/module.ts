import { resolve } from 'node:path';
import { moduleFromEnvironment } from '../../../config/index.ts';
import { moduleOptions, type ModuleOptions, triedParameters } from '../../../core/index.ts';
import { ConfigError, hasCode } from '../../../errors.ts';
import type { Invocation } from '../../command.ts';

export const LIB = {
  lib: { kind: 'text', value: 'PATH', help: 'PKCS#11 module to ask instead of the configured one' },
} as const;

/**
 * The module of -lib, else the configured one, else that of COFFER_HSM_LIB where there is no configuration: whoever looks
 * for slots may not have one yet. COFFER_HSM_LIBRARY_PARAMETERS goes with the first and the last, too; without them those that lead to
 * the token on most machines.
 */
export async function chosenModule(invocation: Invocation<typeof LIB>): Promise<ModuleOptions> {
  const { lib } = invocation.flags;
  const { lib: fromEnvironment, parameters, timeout } = moduleFromEnvironment(process.env);
  const named = (path: string): ModuleOptions => ({
    lib: resolve(path),
    parameters: parameters ?? triedParameters(path, process.env),
    timeout,
  });
  if (lib !== null) return named(lib);
  try {
    return moduleOptions((await invocation.context()).config.seal);
  } catch (error) {
    if (!hasCode(error, ConfigError, 'config_not_found', 'config_missing') || fromEnvironment === null) throw error;
    return named(fromEnvironment);
  }
}
