import type { PKCS11 } from 'pkcs11js';
import { HsmError } from '../errors.ts';
import { type Guard, loadGuard } from '../native/guard.ts';
import { isResultOut } from '../native/outcome.ts';
import { CryptokiError, returnValueOf } from './errors.ts';
import { installGuard } from './faults.ts';
import { DEFAULT_TIMEOUT_MS, guarded } from './guarded.ts';
import { checkModuleFile } from './module-file.ts';
import type { ModuleOptions } from './types.ts';

/**
 * Loads the shared library at `lib` and takes its function list (C_GetFunctionList). Whatever it does from then on is under
 * guard, and descriptor 1 is stderr's, so that nothing that it prints is taken for a result. Throws HsmError
 * `module_not_found`, `module_unreadable`, `module_exposed` or `module_invalid`; the last keeps the dynamic loader's own words.
 * Throws ConfigError `addon_missing`.
 */
export async function loadModule({ lib, timeout: wanted }: ModuleOptions): Promise<PKCS11> {
  const timeout = wanted ?? DEFAULT_TIMEOUT_MS;
  checkModuleFile(lib);
  const guard = standGuard(lib);
  const { default: pkcs11js } = await import('pkcs11js');
  const api = new pkcs11js.PKCS11();
  try {
    guard.load(lib, timeout);
    guard.enter('C_GetFunctionList', timeout);
    try {
      api.load(lib);
    } finally {
      guard.leave();
    }
  } catch (thrown) {
    const rv = returnValueOf(thrown);
    throw rv === null ? invalid(lib, thrown) : new CryptokiError('C_GetFunctionList', rv, lib, thrown);
  }
  return guarded(api, guard, timeout);
}

function standGuard(lib: string): Guard {
  const guard = loadGuard();
  guard.harden();
  installGuard(guard, lib);
  guard.redirectOutput();
  if (!process.listeners('exit').includes(quit)) process.on('exit', quit);
  return guard;
}

/**
 * The module's exit handlers and destructors can change neither the status nor when the process ends. Where the
 * command is not over, a question was left open (Ctrl-D), and who asked it still has something to say.
 */
function quit(status: number): void {
  const guard = loadGuard();
  if (status !== 0 || isResultOut()) guard.quit(status);
  guard.leaving();
}

function invalid(lib: string, cause: unknown): HsmError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HsmError('module_invalid', `${lib} cannot be loaded as a PKCS#11 module: ${reason}`, {
    hint: HINTS.find(([pattern]) => pattern.test(reason))?.[1] ?? 'check that lib is the PKCS#11 module of the HSM',
    cause,
  });
}

/** By what glibc, musl and macOS say. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /C_GetFunctionList/,
    'it is a shared library, but not a PKCS#11 module: lib must name the one that came with the HSM for PKCS#11',
  ],
  [
    /ELF ?CLASS|wrong architecture|exec format/i,
    `it is built for another processor than coffer (${process.arch}); install the module for it`,
  ],
  [
    /invalid ELF header|file too short|not a mach-o|exec format/i,
    'it is not a shared library; lib must name the PKCS#11 module itself',
  ],
  [
    /cannot open shared object|Error loading shared library|image not found/i,
    "a library that the module needs is missing; install the HSM's client software completely",
  ],
];
