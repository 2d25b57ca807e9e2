import type { AesGCM, Mechanism as NativeMechanism, RsaOAEP, RsaPSS } from 'pkcs11js';
import { asBuffer } from '../bytes.ts';
import { CKG, CKM, CKZ, mechanismName } from './constants.ts';
import type { Mechanism, PaddingHash } from './types.ts';

const CBC_IV_BYTES = 16;
const GCM_IV_BYTES = 12;
const GCM_TAG_BITS = 128;
/** pkcs11js: CK_GCM_PARAMS with ulIvBits, as in PKCS#11 v3.0 and most v2.40 modules. Type 3 is the layout without. */
const CK_PARAMS_AES_GCM_V240 = 7;
/** pkcs11js: CK_RSA_PKCS_OAEP_PARAMS and CK_RSA_PKCS_PSS_PARAMS. */
const CK_PARAMS_RSA_OAEP = 4;
const CK_PARAMS_RSA_PSS = 5;

const HASHES: { readonly [name in PaddingHash]: { readonly hashAlg: number; readonly mgf: number } } = {
  sha1: { hashAlg: CKM.SHA_1, mgf: CKG.MGF1_SHA1 },
  sha256: { hashAlg: CKM.SHA256, mgf: CKG.MGF1_SHA256 },
  sha384: { hashAlg: CKM.SHA384, mgf: CKG.MGF1_SHA384 },
  sha512: { hashAlg: CKM.SHA512, mgf: CKG.MGF1_SHA512 },
};

/**
 * A CK_MECHANISM for pkcs11js. Everything is checked here, since pkcs11js frees memory it never set when a
 * parameter has the wrong type. Throws RangeError for an IV of the wrong length.
 */
export function nativeMechanism(mechanism: Mechanism): NativeMechanism {
  if ('oaepHash' in mechanism) {
    const parameter: RsaOAEP = { type: CK_PARAMS_RSA_OAEP, ...HASHES[mechanism.oaepHash], source: CKZ.DATA_SPECIFIED };
    return { mechanism: mechanism.type, parameter };
  }
  if ('pssHash' in mechanism) {
    const parameter: RsaPSS = { type: CK_PARAMS_RSA_PSS, ...HASHES[mechanism.pssHash], saltLen: mechanism.saltBytes };
    return { mechanism: mechanism.type, parameter };
  }
  if (!('iv' in mechanism)) {
    return { mechanism: mechanism.type };
  }
  const iv = asBuffer(mechanism.iv);
  if (!('aad' in mechanism)) {
    requireLength(mechanism.type, iv, CBC_IV_BYTES);
    return { mechanism: mechanism.type, parameter: iv };
  }
  requireLength(mechanism.type, iv, GCM_IV_BYTES);
  const parameter: AesGCM = {
    type: CK_PARAMS_AES_GCM_V240,
    iv,
    ivBits: iv.length * 8,
    aad: asBuffer(mechanism.aad),
    tagBits: GCM_TAG_BITS,
  };
  return { mechanism: mechanism.type, parameter };
}

function requireLength(type: number, iv: Uint8Array, length: number): void {
  if (iv.length !== length) {
    throw new RangeError(`${mechanismName(type)} takes an IV of ${length} bytes, not ${iv.length}`);
  }
}
