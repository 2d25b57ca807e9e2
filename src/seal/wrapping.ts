import { constants, publicEncrypt, randomFillSync, timingSafeEqual } from 'node:crypto';
import type { Pkcs11SealConfig } from '../config/types.ts';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../aead.ts';
import { asBuffer, zero } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { CKK, CKM, CKR, isCiphertextInvalid, isReturnValue, keyTypeName, mechanismName } from '../pkcs11/index.ts';
import type { Cipher, CryptokiError, Key, Mechanism, PaddingHash, Session } from '../pkcs11/index.ts';
import { requirePublicKey, rsaPublicKey } from './public-key.ts';
import type { Wrap } from './seal.ts';

/** A mechanism that can wrap a 32-byte key, and for RSA-OAEP its hash. */
export interface WrapMethod {
  readonly mechanism: number;
  readonly hash: PaddingHash | null;
}

const AES_IV_BYTES = 16;
/** A modulus of 8192 bits; nothing that RSA wraps is longer. */
const MOST_RSA_BYTES = 1024;
/** What a module that makes its own GCM IV appends. */
const OWN_IV_BYTES: readonly number[] = [12, 16];

/** In order of preference. Numbers: PKCS#11 v2.40 mechanisms, section 2.1.8; they stand in the record. */
const OAEP_HASHES: ReadonlyMap<PaddingHash, number> = new Map([
  ['sha256', 0x250],
  ['sha384', 0x260],
  ['sha512', 0x270],
  ['sha224', 0x255],
  ['sha1', 0x220],
]);

export function isRsaMechanism(mechanism: number): boolean {
  return mechanism === CKM.RSA_PKCS_OAEP || mechanism === CKM.RSA_PKCS;
}

/** Whether a mechanism lets ciphertext be altered in ways that its decryption does not notice. */
export function isMalleable(mechanism: number): boolean {
  return mechanism === CKM.AES_CBC_PAD || mechanism === CKM.AES_CBC;
}

export function methodName({ mechanism, hash }: WrapMethod): string {
  return hash === null ? mechanismName(mechanism) : `${mechanismName(mechanism)} with ${hash.replace('sha', 'SHA-')}`;
}

/**
 * What the configuration lets a key wrap with, best first: with an HMAC key CKM_AES_CBC_PAD before CKM_AES_CBC and
 * CKM_AES_GCM, without one only CKM_AES_GCM; for an RSA key CKM_RSA_PKCS_OAEP, with each hash.
 * @throws HsmError `key_type`
 */
export function wrapMethods(config: Pkcs11SealConfig, key: Key): WrapMethod[] {
  if (key.class === 'secret' && key.type === CKK.AES && (config.mechanism === null || !isRsaMechanism(config.mechanism))) {
    const best = config.hmacKey === null ? [CKM.AES_GCM] : [CKM.AES_CBC_PAD, CKM.AES_CBC, CKM.AES_GCM];
    return (config.mechanism === null ? best : [config.mechanism]).map((mechanism) => ({ mechanism, hash: null }));
  }
  if (key.class === 'private' && key.type === CKK.RSA && (config.mechanism === null || isRsaMechanism(config.mechanism))) {
    if (config.mechanism === CKM.RSA_PKCS) return [{ mechanism: CKM.RSA_PKCS, hash: null }];
    const hashes = config.rsaOaepHash === null ? [...OAEP_HASHES.keys()] : [config.rsaOaepHash];
    return hashes.map((hash) => ({ mechanism: CKM.RSA_PKCS_OAEP, hash }));
  }
  const wanted = config.mechanism === null ? 'an AES or RSA key' : `the key that ${mechanismName(config.mechanism)} needs`;
  throw new HsmError('key_type', `the HSM key "${key.label}" is not ${wanted}: it is a ${key.class} key of type ${keyTypeName(key.type)}`, {
    hint: 'name a key that fits in key_label, or take mechanism out of the seal stanza; `coffer hsm keys` shows what is there',
  });
}

/** The method that a wrap was made by; null for parameters that no method has. */
export function methodOf({ mechanism, parameters }: Pick<Wrap, 'mechanism' | 'parameters'>): WrapMethod | null {
  switch (mechanism) {
    case CKM.AES_CBC_PAD:
    case CKM.AES_CBC:
      return parameters.length === AES_IV_BYTES ? { mechanism, hash: null } : null;
    case CKM.AES_GCM:
      return OWN_IV_BYTES.includes(parameters.length) ? { mechanism, hash: null } : null;
    case CKM.RSA_PKCS:
      return parameters.length === 0 ? { mechanism, hash: null } : null;
    case CKM.RSA_PKCS_OAEP: {
      const number = parameters.length === 4 ? asBuffer(parameters).readUInt32BE() : 0;
      const [hash] = [...OAEP_HASHES].find(([, each]) => each === number) ?? [];
      return hash === undefined ? null : { mechanism, hash };
    }
    default:
      return null;
  }
}

export type Wrapped = Pick<Wrap, 'mechanism' | 'parameters' | 'ciphertext'>;

export interface WrapOptions {
  /** Whether RSA is done here, with the public key. */
  readonly local: boolean;
  /** The session that encrypts. */
  readonly cipher: Cipher;
}

/** Encrypts `secret`. @throws HsmError */
export async function wrapWith(session: Session, key: Key, method: WrapMethod, secret: Uint8Array, { local, cipher }: WrapOptions): Promise<Wrapped> {
  const { mechanism, hash } = method;
  if (isRsaMechanism(mechanism)) {
    const ciphertext = local ? encryptLocally(session, key, method, secret) : await encryptRsa(session, key, method, secret, cipher);
    return { mechanism, parameters: hash === null ? new Uint8Array(0) : hashNumber(hash), ciphertext };
  }
  const iv = randomFillSync(new Uint8Array(mechanism === CKM.AES_GCM ? GCM_IV_BYTES : AES_IV_BYTES));
  const output = await cipher.encrypt(key, mechanismOf(method, iv), secret);
  const own = mechanism === CKM.AES_GCM ? output.length - secret.length - GCM_TAG_BYTES : 0;
  if (!OWN_IV_BYTES.includes(own)) return { mechanism, parameters: iv, ciphertext: output };
  return { mechanism, parameters: output.slice(-own), ciphertext: output.slice(0, -own) };
}

/** What `wrapWith` encrypted, or null when the HSM says that it is no ciphertext of this key. @throws HsmError */
export async function unwrapWith(cipher: Cipher, key: Key, method: WrapMethod, { parameters, ciphertext }: Wrapped): Promise<Uint8Array | null> {
  try {
    return await cipher.decrypt(key, mechanismOf(method, parameters), ciphertext);
  } catch (error) {
    if (isCiphertextInvalid(error)) return null;
    throw error;
  }
}

/** Whether the HSM opens what was wrapped, and to the same. */
export async function opensAgain(cipher: Cipher, key: Key, method: WrapMethod, wrapped: Wrapped, secret: Uint8Array): Promise<boolean> {
  const opened = await unwrapWith(cipher, key, method, wrapped);
  if (opened === null) return false;
  try {
    return opened.length === secret.length && timingSafeEqual(opened, secret);
  } finally {
    zero(opened);
  }
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

function mechanismOf({ mechanism, hash }: WrapMethod, iv: Uint8Array): Mechanism {
  if (hash !== null) return { type: mechanism, oaepHash: hash };
  if (mechanism === CKM.RSA_PKCS) return { type: mechanism };
  return mechanism === CKM.AES_GCM ? { type: mechanism, iv, aad: new Uint8Array(0) } : { type: mechanism, iv };
}

/** Some modules (tpm2-pkcs11 1.9) do not say how long the output is: the length is then that of the room they were given. */
async function encryptRsa(session: Session, key: Key, method: WrapMethod, secret: Uint8Array, cipher: Cipher): Promise<Uint8Array> {
  const publicKey = requirePublicKey(session, key);
  const output = await cipher.encrypt(publicKey, mechanismOf(method, new Uint8Array(0)), secret);
  if (output.length <= MOST_RSA_BYTES) return output;
  const shape = session.shapeOf(publicKey);
  return shape?.kind === 'rsa' ? output.slice(0, withoutLeadingZeros(shape.modulus).length) : output;
}

function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}

function encryptLocally(session: Session, key: Key, { hash }: WrapMethod, secret: Uint8Array): Uint8Array {
  const publicKey = rsaPublicKey(session, key);
  const padding = hash === null ? { padding: constants.RSA_PKCS1_PADDING } : { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash };
  return new Uint8Array(publicEncrypt({ key: publicKey, ...padding }, secret));
}

function hashNumber(hash: PaddingHash): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(OAEP_HASHES.get(hash) ?? 0);
  return new Uint8Array(bytes);
}
