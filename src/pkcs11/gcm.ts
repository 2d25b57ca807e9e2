import { CKR } from './constants.ts';
import { CryptokiError, isReturnValue } from './errors.ts';
import type { Module } from './module.ts';
import type { Mechanism } from './types.ts';

/**
 * Runs an Init function by CKM_AES_GCM. A module that refuses CK_GCM_PARAMS gets the other layout. To encrypt, some take no
 * IV but zeros, in whose place they write their own (AWS CloudHSM, which so makes sure that nobody thinks theirs is used).
 * What a module took is remembered and comes first from then on.
 *
 * pkcs11js gives the module the address of the IV's own bytes, not of a copy, so that what is written there is seen.
 * @param iv overwritten for such a module
 */
export function startGcm(module: Module, operation: string, iv: Uint8Array, run: () => void): void {
  const known = { gcmLayout: module.gcmLayout, makesGcmIv: module.makesGcmIv };
  const other = known.gcmLayout === 'with-iv-bits' ? 'without-iv-bits' : 'with-iv-bits';
  const encrypts = operation === 'C_EncryptInit';
  const tries = [known, { ...known, gcmLayout: other } as const];
  if (encrypts && !known.makesGcmIv) tries.push(...tries.map((each) => ({ ...each, makesGcmIv: true })));
  let refusal: unknown = null;
  for (const each of tries) {
    Object.assign(module, each);
    if (encrypts && each.makesGcmIv) iv.fill(0);
    try {
      run();
      return;
    } catch (error) {
      Object.assign(module, known);
      if (!isReturnValue(error, CKR.MECHANISM_PARAM_INVALID, CKR.ARGUMENTS_BAD)) throw refusal ?? error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/**
 * After an encryption: a module that wanted zeros and left them there encrypted with them. That must happen once at most for
 * a key, so its output is of no use.
 * @throws CryptokiError CKR_MECHANISM_PARAM_INVALID
 */
export function requireGcmIv(module: Module, mechanism: Mechanism): void {
  if ('aad' in mechanism && module.makesGcmIv && mechanism.iv.every((byte) => byte === 0)) {
    throw new CryptokiError(
      'C_Encrypt',
      CKR.MECHANISM_PARAM_INVALID,
      'CKM_AES_GCM: the module takes no IV but zeros, and made none of its own',
    );
  }
}
