import type { AesGCM, GostR3410KeyWrapParams, Mechanism as NativeMechanism, RsaOAEP, RsaPSS } from 'pkcs11js';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../aead.ts';
import { asBuffer } from '../bytes.ts';
import { CKG, CKM, CKZ, mechanismName } from './constants.ts';
import type { Mechanism, PaddingHash } from './types.ts';
import { numberToUlong } from './ulong.ts';

/** AES-CBC: one block. */
export const CBC_IV_BYTES = 16;
/** AES-GCM: as coffer gives them; a module that makes its own may take 16 bytes. */
export const GCM_IV_LENGTHS: readonly number[] = [GCM_IV_BYTES, 16];
/** A modulus of 8192 bits. No mechanism makes a longer signature, or its output so much longer than the input. */
export const MOST_RSA_BYTES = 1024;
/** pkcs11js: CK_GCM_PARAMS with ulIvBits. */
const CK_PARAMS_AES_GCM_V240 = 7;
/**
 * pkcs11js has no CK_GCM_PARAMS without ulIvBits: its CK_PARAMS_AES_GCM sends the longer structure too, with ulIvBits left
 * unset. The parameters of CKM_GOSTR3410_KEY_WRAP have the same shape as the shorter one: bytes and their length twice,
 * then a CK_ULONG.
 */
const CK_PARAM_GOSTR3410_KEY_WRAP = 28;
/** pkcs11js: CK_RSA_PKCS_OAEP_PARAMS and CK_RSA_PKCS_PSS_PARAMS. */
const CK_PARAMS_RSA_OAEP = 4;
const CK_PARAMS_RSA_PSS = 5;

/** The hashes of OAEP and PSS, and the mask generation with each. */
export const HASHES: { readonly [name in PaddingHash]: { readonly hashAlg: number; readonly mgf: number } } = {
  sha1: { hashAlg: CKM.SHA_1, mgf: CKG.MGF1_SHA1 },
  sha224: { hashAlg: CKM.SHA224, mgf: CKG.MGF1_SHA224 },
  sha256: { hashAlg: CKM.SHA256, mgf: CKG.MGF1_SHA256 },
  sha384: { hashAlg: CKM.SHA384, mgf: CKG.MGF1_SHA384 },
  sha512: { hashAlg: CKM.SHA512, mgf: CKG.MGF1_SHA512 },
};

/**
 * Whether CK_GCM_PARAMS has ulIvBits: the header files of PKCS#11 v2.40 errata 01 and v3.0 have it, the text of v2.40 and
 * NSS do not. A module refuses the other layout by its size.
 */
export type GcmLayout = 'with-iv-bits' | 'without-iv-bits';

/**
 * A CK_MECHANISM for pkcs11js. Everything is checked here, since pkcs11js frees memory it never set when a
 * parameter has the wrong type. Throws RangeError for an IV of the wrong length.
 */
export function nativeMechanism(mechanism: Mechanism, layout: GcmLayout): NativeMechanism {
  if ('oaepHash' in mechanism) {
    const parameter: RsaOAEP = { type: CK_PARAMS_RSA_OAEP, ...HASHES[mechanism.oaepHash], source: CKZ.DATA_SPECIFIED };
    return { mechanism: mechanism.type, parameter };
  }
  if ('pssHash' in mechanism) {
    const parameter: RsaPSS = { type: CK_PARAMS_RSA_PSS, ...HASHES[mechanism.pssHash], saltLen: mechanism.saltBytes };
    return { mechanism: mechanism.type, parameter };
  }
  if (!('iv' in mechanism)) return { mechanism: mechanism.type };
  const iv = asBuffer(mechanism.iv);
  if (!('aad' in mechanism)) {
    requireLength(mechanism.type, iv, CBC_IV_BYTES);
    return { mechanism: mechanism.type, parameter: iv };
  }
  requireLength(mechanism.type, iv, ...GCM_IV_LENGTHS);
  const aad = asBuffer(mechanism.aad);
  if (layout === 'without-iv-bits') {
    const parameter: GostR3410KeyWrapParams = {
      type: CK_PARAM_GOSTR3410_KEY_WRAP,
      wrapOID: iv,
      ukm: aad,
      key: numberToUlong(8 * GCM_TAG_BYTES),
    };
    return { mechanism: mechanism.type, parameter };
  }
  const parameter: AesGCM = {
    type: CK_PARAMS_AES_GCM_V240,
    iv,
    ivBits: iv.length * 8,
    aad,
    tagBits: 8 * GCM_TAG_BYTES,
  };
  return { mechanism: mechanism.type, parameter };
}

function requireLength(type: number, iv: Uint8Array, ...lengths: readonly number[]): void {
  if (!lengths.includes(iv.length)) {
    throw new RangeError(`${mechanismName(type)} takes an IV of ${lengths.join(' or ')} bytes, not ${iv.length}`);
  }
}
