import type { InitializationOptions, PKCS11 } from 'pkcs11js';
import { CKF, CKR } from './constants.ts';
import { endAfterUse, endModules } from './ending.ts';
import { CryptokiError, isReturnValue, returnValueOf } from './errors.ts';
import { knownModule } from './known-modules.ts';
import { loadModule } from './load.ts';
import type { GcmLayout } from './mechanism.ts';
import { onProcessEnd } from './process-end.ts';
import { slotHandle } from './ulong.ts';
import type { ModuleOptions, TokenDescription } from './types.ts';

export type CFunction = Extract<keyof PKCS11, `C_${string}`>;

/** A PKCS#11 module between C_Initialize and C_Finalize. */
export interface Module {
  /**
   * Runs one C_ function. Throws CryptokiError naming `operation` and, where given, what `subject` says about it
   * (asked only then).
   */
  call<T>(operation: CFunction, run: (api: PKCS11) => T, subject?: () => string): T;
  /** The same for a function of pkcs11js that runs in a thread of its own. */
  callInBackground<T>(operation: CFunction, run: (api: PKCS11) => Promise<T>, subject?: () => string): Promise<T>;
  /** C_OpenSession. The session ends with the module, at the latest. */
  openSession(token: Pick<TokenDescription, 'slot' | 'manufacturer'>, readWrite: boolean): Buffer;
  /** C_Finalize and C_Initialize: all sessions end. */
  restart(): void;
  /** Whether several threads may call it at the same time. */
  readonly threads: boolean;
  /** Found out at the first refusal and remembered. */
  gcmLayout: GcmLayout;
  /** Whether the module takes only an IV of zeros for CKM_AES_GCM and writes its own there: found out in the same way. */
  makesGcmIv: boolean;
}

/**
 * Loads and initialises the module for the length of `use`. C_CloseAllSessions and C_Finalize end it on
 * every way out (when, `ending.ts` says), and with it all sessions and logins; their own failure is not reported, since by then the work is
 * done or has failed with an error that matters more. A module that crashed, hangs or called exit() is not called again: what it left
 * open ends when the HSM ends it. CKR_CRYPTOKI_ALREADY_INITIALIZED is accepted: some modules
 * start by themselves when loaded. Throws HsmError `module_not_found`, `module_unreadable`, `module_invalid`.
 */
export async function withModule<T>(options: ModuleOptions, use: (module: Module) => Promise<T>): Promise<T> {
  endModules();
  const api = await loadModule(options);
  let open = false;
  let isOver = false;
  const requireOpen = (operation: CFunction): void => {
    if (!open || isOver) throw new CryptokiError(operation, CKR.CRYPTOKI_NOT_INITIALIZED);
  };
  const call: Module['call'] = (operation, run, subject) => {
    requireOpen(operation);
    return translated(operation, () => run(api), subject);
  };
  let running = 0;
  const callInBackground: Module['callInBackground'] = async (operation, run, subject) => {
    requireOpen(operation);
    running++;
    try {
      return await run(api);
    } catch (thrown) {
      throw asCryptokiError(operation, thrown, subject);
    } finally {
      running--;
    }
  };
  const slots = new Set<bigint>();
  const openSession: Module['openSession'] = ({ slot, manufacturer }, readWrite) => {
    const flags = CKF.SERIAL_SESSION | (readWrite ? CKF.RW_SESSION : 0);
    const subject = (): string => `${readWrite ? 'read-write' : 'read-only'}, slot ${slot}`;
    const session = call('C_OpenSession', (opener) => opener.C_OpenSession(slotHandle(slot), flags), subject);
    if (!ENDED_BY_FINALIZE.includes(manufacturer)) slots.add(slot);
    return session;
  };
  const finalise = (): void => {
    // While another thread is in the module, C_Finalize is not allowed (section 5.4); the process ends then, by a signal.
    if (!open || running > 0) return;
    open = false;
    closeSessions(api, slots);
    try {
      api.C_Finalize();
    } catch {
      // See above.
    }
  };
  const stopWatching = onProcessEnd(finalise);
  try {
    const threads = initialise(api, options);
    open = true;
    const restart = (): void => {
      finalise();
      initialise(api, options);
      open = true;
    };
    return await use({
      call,
      callInBackground,
      openSession,
      restart,
      threads,
      gcmLayout: 'with-iv-bits',
      makesGcmIv: false,
    });
  } finally {
    isOver = true;
    endAfterUse(() => {
      stopWatching();
      finalise();
    });
  }
}

/**
 * By the manufacturer that the token names: where C_Finalize is known to end the sessions, so that a call can be spared. PKCS#11 v2.40
 * section 5.4 does not say that it does, and Yubico's module leaves them open in a device that has 16 of them for all programs.
 */
const ENDED_BY_FINALIZE: readonly string[] = ['SoftHSM project'];

/** Those of this application, and the login with the last one (PKCS#11 v2.40 section 5.6). */
function closeSessions(api: PKCS11, slots: Set<bigint>): void {
  for (const slot of slots) {
    try {
      api.C_CloseAllSessions(slotHandle(slot));
    } catch {
      // As of C_Finalize.
    }
  }
  slots.clear();
}

/**
 * A module that has no locks of its own and cannot use the operating system's (CKR_CANT_LOCK) is asked for one thread only.
 * @returns whether it may be called from several threads at the same time (PKCS#11 v2.40 section 5.4)
 */
function initialise(api: PKCS11, { lib, parameters }: ModuleOptions): boolean {
  try {
    translated('C_Initialize', () => api.C_Initialize(initializeArguments(parameters, CKF.OS_LOCKING_OK)));
    return true;
  } catch (error) {
    if (isReturnValue(error, CKR.CRYPTOKI_ALREADY_INITIALIZED)) return true;
    const known = isReturnValue(error, CKR.ARGUMENTS_BAD) ? knownModule(lib) : null;
    if (known !== null) throw new CryptokiError('C_Initialize', CKR.ARGUMENTS_BAD, null, error, known.configuration);
    if (!isReturnValue(error, CKR.CANT_LOCK)) throw error;
  }
  translated('C_Initialize', () => api.C_Initialize(initializeArguments(parameters, 0)));
  return false;
}

/** pkcs11js copies the library parameters without their last character, so they get one more. */
function initializeArguments(parameters: string | null, flags: number): InitializationOptions {
  return parameters === null ? { flags } : { flags, libraryParameters: `${parameters} ` };
}

function translated<T>(operation: CFunction, run: () => T, subject?: () => string): T {
  try {
    return run();
  } catch (thrown) {
    throw asCryptokiError(operation, thrown, subject);
  }
}

/** What is no error of PKCS#11 stays as it is. */
function asCryptokiError(operation: CFunction, thrown: unknown, subject?: () => string): unknown {
  const rv = returnValueOf(thrown);
  return rv === null ? thrown : new CryptokiError(operation, rv, subject?.() ?? null, thrown);
}
