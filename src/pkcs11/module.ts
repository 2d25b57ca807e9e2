import type { PKCS11 } from 'pkcs11js';
import { CKF, CKR } from './constants.ts';
import { CryptokiError, isReturnValue, returnValueOf } from './errors.ts';
import { loadModule } from './load.ts';
import { onProcessEnd } from './process-end.ts';

export type CFunction = Extract<keyof PKCS11, `C_${string}`>;

/** A PKCS#11 module between C_Initialize and C_Finalize. */
export interface Module {
  /**
   * Runs one C_ function. Throws CryptokiError naming `operation` and, where given, what `subject` says about it
   * (asked only then).
   */
  call<T>(operation: CFunction, run: (api: PKCS11) => T, subject?: () => string): T;
}

/**
 * Loads and initialises the module at the absolute path `lib` for the length of `use`. C_Finalize ends it on
 * every way out, and with it all sessions and logins; its own failure is not reported, since by then the work is
 * done or has failed with an error that matters more. CKR_CRYPTOKI_ALREADY_INITIALIZED is accepted: some modules
 * start by themselves when loaded. Throws HsmError `module_not_found`, `module_unreadable`, `module_invalid`.
 */
export async function withModule<T>(lib: string, use: (module: Module) => Promise<T>): Promise<T> {
  const api = await loadModule(lib);
  let open = false;
  const call: Module['call'] = (operation, run, subject) => {
    if (!open) {
      throw new CryptokiError(operation, CKR.CRYPTOKI_NOT_INITIALIZED);
    }
    return translated(operation, () => run(api), subject);
  };
  const finalise = (): void => {
    if (!open) {
      return;
    }
    open = false;
    try {
      api.C_Finalize();
    } catch {
      // See above.
    }
  };
  const stopWatching = onProcessEnd(finalise);
  try {
    initialise(api);
    open = true;
    return await use({ call });
  } finally {
    finalise();
    stopWatching();
  }
}

function initialise(api: PKCS11): void {
  try {
    translated('C_Initialize', () => api.C_Initialize({ flags: CKF.OS_LOCKING_OK }));
  } catch (error) {
    if (!isReturnValue(error, CKR.CRYPTOKI_ALREADY_INITIALIZED)) {
      throw error;
    }
  }
}

function translated<T>(operation: CFunction, run: () => T, subject?: () => string): T {
  try {
    return run();
  } catch (thrown) {
    const rv = returnValueOf(thrown);
    throw rv === null ? thrown : new CryptokiError(operation, rv, subject?.() ?? null, thrown);
  }
}
