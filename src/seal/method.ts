import type { Pkcs11SealConfig } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import {
  CBC_IV_BYTES,
  CKK,
  CKM,
  CKR,
  type CryptokiError,
  GCM_IV_LENGTHS,
  HASHES,
  isReturnValue,
  type Key,
  keyTypeName,
  mechanismName,
  type PaddingHash,
} from '../pkcs11/index.ts';
import type { Wrap } from './seal.ts';

/** A mechanism that can wrap a 32-byte key, and for RSA-OAEP its hash. */
export interface WrapMethod {
  readonly mechanism: number;
  readonly hash: PaddingHash | null;
}

/** Each list in order of preference. */
const AES_MECHANISMS = [CKM.AES_CBC_PAD, CKM.AES_CBC, CKM.AES_GCM];
const AES_METHODS: readonly WrapMethod[] = AES_MECHANISMS.map((mechanism) => ({ mechanism, hash: null }));
const OAEP_HASHES: readonly PaddingHash[] = ['sha256', 'sha384', 'sha512', 'sha224', 'sha1'];
const RSA_METHODS: readonly WrapMethod[] = [
  ...OAEP_HASHES.map((hash) => ({ mechanism: CKM.RSA_PKCS_OAEP, hash })),
  { mechanism: CKM.RSA_PKCS, hash: null },
];

export function isRsaMechanism(mechanism: number): boolean {
  return mechanism === CKM.RSA_PKCS_OAEP || mechanism === CKM.RSA_PKCS;
}

/** Whether a mechanism lets ciphertext be altered in ways that its decryption does not notice. */
export function isMalleable(mechanism: number): boolean {
  return mechanism === CKM.AES_CBC_PAD || mechanism === CKM.AES_CBC;
}

/** "CKM_RSA_PKCS_OAEP with SHA-256". */
export function methodName({ mechanism, hash }: WrapMethod): string {
  return hash === null ? mechanismName(mechanism) : `${mechanismName(mechanism)} with ${hash.replace('sha', 'SHA-')}`;
}

/** What a key of this kind could wrap with, best first; nothing for a key of another kind. One whose type is unknown is tried as what wraps. */
export function methodsFor({ class: keyClass, type }: Pick<Key, 'class' | 'type'>): readonly WrapMethod[] {
  if (keyClass === 'secret' && (type === CKK.AES || type === null)) return AES_METHODS;
  return keyClass === 'private' && (type === CKK.RSA || type === null) ? RSA_METHODS : [];
}

/**
 * Those of them that the configuration allows: its mechanism and hash, where it names them; else with an HMAC key every AES
 * mechanism, without one only CKM_AES_GCM, and for an RSA key CKM_RSA_PKCS_OAEP, with each hash.
 * @returns at least one
 * @throws HsmError `key_type`
 */
export function wrapMethods(config: Pkcs11SealConfig, key: Key): WrapMethod[] {
  const allowed = methodsFor(key).filter((method) => isAllowed(config, method));
  if (allowed.length > 0) return allowed;
  const wanted =
    config.mechanism === null ? 'an AES or RSA key' : `the key that ${mechanismName(config.mechanism)} needs`;
  const problem = `the HSM key "${key.label}" is not ${wanted}: it is a ${key.class} key of type ${keyTypeName(key.type)}`;
  throw new HsmError('key_type', problem, {
    hint: 'name a key that fits in key_label, or take mechanism out of the seal stanza; `coffer hsm keys` shows what is there',
  });
}

/** What a key that was just made is tried with: what the configuration allows comes first. */
export function methodsToTry(config: Pkcs11SealConfig, key: Pick<Key, 'class' | 'type'>): WrapMethod[] {
  return methodsFor(key).toSorted((a, b) => Number(isAllowed(config, b)) - Number(isAllowed(config, a)));
}

function isAllowed(config: Pkcs11SealConfig, { mechanism, hash }: WrapMethod): boolean {
  if (hash !== null && config.rsaOaepHash !== null && hash !== config.rsaOaepHash) return false;
  if (config.mechanism !== null) return mechanism === config.mechanism;
  return mechanism !== CKM.RSA_PKCS && (config.hmacKey !== null || !isMalleable(mechanism));
}

/** For RSA. */
export const NO_IV = new Uint8Array(0);

/** What stands in a wrap beside the mechanism: the IV, or the CKM_ number of the hash of RSA-OAEP in 4 bytes. */
export function parametersOf({ hash }: WrapMethod, iv: Uint8Array): Uint8Array {
  if (hash === null) return iv;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(HASHES[hash].hashAlg);
  return new Uint8Array(bytes);
}

/** The method that a wrap was made by; null for parameters that no method has. */
export function methodOf({ mechanism, parameters }: Pick<Wrap, 'mechanism' | 'parameters'>): WrapMethod | null {
  const methods = [...AES_METHODS, ...RSA_METHODS].filter((method) => method.mechanism === mechanism);
  return methods.find((method) => areParameters(method, parameters)) ?? null;
}

function areParameters(method: WrapMethod, parameters: Uint8Array): boolean {
  if (isRsaMechanism(method.mechanism)) return Buffer.compare(parametersOf(method, NO_IV), parameters) === 0;
  return method.mechanism === CKM.AES_GCM
    ? GCM_IV_LENGTHS.includes(parameters.length)
    : parameters.length === CBC_IV_BYTES;
}

/** Whether an error says that the token or the key does not do this method, so that another may be tried. */
export function isMethodRefused(error: unknown): error is CryptokiError {
  return isReturnValue(
    error,
    CKR.ARGUMENTS_BAD,
    CKR.DATA_LEN_RANGE,
    CKR.FUNCTION_NOT_SUPPORTED,
    CKR.KEY_SIZE_RANGE,
    CKR.KEY_TYPE_INCONSISTENT,
    CKR.MECHANISM_INVALID,
    CKR.MECHANISM_PARAM_INVALID,
  );
}
