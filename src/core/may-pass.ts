import { type CofferError, type ErrorCode, hasCode, HsmError } from '../errors.ts';
import { CKR, CryptokiError } from '../pkcs11/index.ts';

/**
 * Whether an HSM that is still coming up may be the reason for an error, so that waiting can help. What a login said never
 * passes: another try of the PIN could be the one that locks the token.
 * @param stage how far C_Login had come: not called yet, called without an answer, or done
 */
export function mayPass(error: CofferError, stage: 'before' | 'begins' | 'done'): boolean {
  if (stage === 'begins' || !(error instanceof HsmError)) return false;
  const ofModule = error instanceof CryptokiError ? error : error.cause; // a message may be about several of them
  if (ofModule instanceof CryptokiError && error.code === ofModule.code)
    return stage === 'before' ? !LASTING.has(ofModule.rv) : DEVICE.has(ofModule.rv);
  if (isModuleFault(error)) return true;
  const isOfModule = error.code.startsWith('module_') && !LASTING_OF_MODULE.has(error.code);
  return stage === 'before' && (isOfModule || NO_TOKEN.has(error.code));
}

/** Whether the module crashed, ended the process or did not answer. */
export function isModuleFault(error: CofferError): boolean {
  return hasCode(error, HsmError, 'module_crashed', 'module_exited', 'module_hung');
}

const NO_TOKEN: ReadonlySet<ErrorCode<3>> = new Set(['token_not_found', 'token_not_present']);

/** All else that is said of a module can pass: it may lie on a disk that is mounted later. */
const LASTING_OF_MODULE: ReadonlySet<ErrorCode<3>> = new Set(['module_invalid', 'module_unreadable']);

/** What a module says of the way it is called, before a login. Anything else may be its way to say that no HSM answers. */
const LASTING: ReadonlySet<number> = new Set([
  CKR.ARGUMENTS_BAD,
  CKR.CANT_LOCK,
  CKR.FUNCTION_NOT_SUPPORTED,
  CKR.NEED_TO_CREATE_THREADS,
  CKR.SESSION_READ_WRITE_SO_EXISTS,
  CKR.TOKEN_WRITE_PROTECTED,
]);

/** After a login only the loss of the device is worth another one. */
const DEVICE: ReadonlySet<number> = new Set([
  CKR.CRYPTOKI_NOT_INITIALIZED,
  CKR.DEVICE_ERROR,
  CKR.DEVICE_MEMORY,
  CKR.DEVICE_REMOVED,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID,
  CKR.TOKEN_NOT_PRESENT,
  CKR.USER_NOT_LOGGED_IN,
]);
