import { createRequire } from 'node:module';
import { HsmError } from '../errors.ts';
import { checkModuleFile } from './module-file.ts';
import { initializeArguments } from './module.ts';
import type { ModuleOptions } from './types.ts';

/** Errors that the module reports are left to the process that will really use it: here only its death counts. */
const SOURCE = `
  const { lib, pkcs11js, args } = JSON.parse(process.env.COFFER_PROBE);
  const api = new (require(pkcs11js).PKCS11)();
  try {
    api.load(lib);
    api.C_Initialize(args);
    for (const slot of api.C_GetSlotList(true)) api.C_GetTokenInfo(slot);
    api.C_Finalize();
  } catch {}
`;

/**
 * Loads the module, initialises it, looks at its tokens and finalises it in a child process, so that a module which
 * crashes takes only that with it.
 * @throws HsmError `module_crashed`, and what `checkModuleFile` throws
 */
export async function probeModule({ lib, parameters }: ModuleOptions): Promise<void> {
  checkModuleFile(lib);
  const { spawnSync } = await import('node:child_process');
  const pkcs11js = createRequire(import.meta.url).resolve('pkcs11js');
  const { signal, error } = spawnSync(process.execPath, ['-e', SOURCE], {
    env: { ...withoutPins(process.env), COFFER_PROBE: JSON.stringify({ lib, pkcs11js, args: initializeArguments(parameters) }) },
    stdio: 'ignore',
  });
  if (error !== undefined) {
    throw new HsmError('module_not_probed', `cannot start a process to try the PKCS#11 module ${lib} in: ${error.message}`, { cause: error });
  }
  if (signal !== null) {
    throw new HsmError('module_crashed', `the PKCS#11 module ${lib} crashed (${signal}) when it was loaded and initialised (C_Initialize)`, {
      hint: "check the module's own configuration and version; it was tried in a process of its own, and coffer did nothing with it",
    });
  }
}

/** The module may need any variable but these: it is not logged in to. */
function withoutPins(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/PIN|^(COFFER|VAULT)_HSM_URI$/.test(name)));
}
