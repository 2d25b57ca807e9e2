import { accessSync, constants, statSync } from 'node:fs';
import { HsmError, systemErrorCode } from '../errors.ts';
import { describeExposure, exposures } from '../exposure.ts';

/**
 * Whoever can replace the module runs code as the operator, and has the PIN. Looks at the file, its folders and the links that
 * lead to it; nothing is loaded.
 * @throws HsmError `module_not_found`, `module_unreadable`, `module_exposed`, `module_invalid`
 */
export function checkModuleFile(lib: string): void {
  try {
    if (!statSync(lib).isFile()) {
      throw new HsmError('module_invalid', `${lib} is not a file`, {
        hint: 'set lib in the seal stanza (or COFFER_HSM_LIB) to the library itself',
      });
    }
    accessSync(lib, constants.R_OK);
    refuseExposed(lib);
  } catch (cause) {
    if (cause instanceof HsmError) {
      throw cause;
    }
    throw systemErrorCode(cause) === 'EACCES' ? unreadable(lib, cause) : notFound(lib, cause);
  }
}

function refuseExposed(lib: string): void {
  const [exposure] = exposures(lib);
  if (exposure === undefined) return;
  const { problem, remedy } = describeExposure(exposure);
  const what = `other users can replace the PKCS#11 module ${lib}, for ${problem}; it was not loaded`;
  throw new HsmError('module_exposed', what, { hint: remedy });
}

function notFound(lib: string, cause: unknown): HsmError {
  return new HsmError('module_not_found', `there is no PKCS#11 module at ${lib}`, {
    hint: 'set lib in the seal stanza (or COFFER_HSM_LIB) to the absolute path of the library that came with the HSM; it often ends in .so',
    cause,
  });
}

function unreadable(lib: string, cause: unknown): HsmError {
  return new HsmError('module_unreadable', `the PKCS#11 module ${lib} cannot be read by this user`, {
    hint: 'give this user read permission on the file and its folders, or run coffer as a user who has it',
    cause,
  });
}
