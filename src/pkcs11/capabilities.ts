import type { Hint } from '../errors.ts';

/** What the authentication key of a YubiHSM 2 needs for a C_ function, as Yubico calls it. */
const YUBIHSM: Readonly<Record<string, string>> = {
  C_CreateObject: 'put-opaque',
  C_Decrypt: 'decrypt-cbc, for RSA decrypt-oaep or decrypt-pkcs',
  C_DestroyObject: 'delete-symmetric-key, delete-hmac-key, delete-asymmetric-key or delete-wrap-key, and delete-opaque',
  C_Encrypt: 'encrypt-cbc',
  C_GenerateKey: 'generate-symmetric-key or generate-hmac-key, and put-opaque for an id of more than 2 bytes',
  C_GenerateKeyPair: 'generate-asymmetric-key, and put-opaque for an id of more than 2 bytes',
  C_GenerateRandom: 'get-pseudo-random',
  C_SetAttributeValue: 'put-opaque and delete-opaque',
  C_Sign: 'sign-hmac, for a managed key sign-pkcs, sign-pss or sign-ecdsa',
  C_Verify: 'verify-hmac',
};

/** For CKR_FUNCTION_REJECTED of a function other than a login. */
export function rejected(operation: string): Hint {
  const needed = YUBIHSM[operation.replace(/Init$/, '')];
  const example = needed === undefined ? 'a capability of its authentication key' : needed;
  return `the HSM rejects this: the account that the PIN names, or the key, lacks the capability for it (YubiHSM: ${example}), or somebody has to approve it at the HSM`;
}
