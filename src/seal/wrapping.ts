import { constants, publicEncrypt, randomFillSync, timingSafeEqual } from 'node:crypto';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../aead.ts';
import { zero } from '../bytes.ts';
import {
  CBC_IV_BYTES,
  type Cipher,
  CKM,
  GCM_IV_LENGTHS,
  isCiphertextInvalid,
  type Key,
  type Mechanism,
  MOST_RSA_BYTES,
  type Session,
} from '../pkcs11/index.ts';
import { isRsaMechanism, NO_IV, parametersOf, type WrapMethod } from './method.ts';
import { requirePublicKey, rsaPublicKey, withoutLeadingZeros } from './public-key.ts';
import type { Wrap } from './seal.ts';

export type Wrapped = Pick<Wrap, 'mechanism' | 'parameters' | 'ciphertext'>;

/** Where a secret is encrypted. */
export interface WrapPlace {
  readonly session: Session;
  /** Whether RSA is done here, with the public key. */
  readonly local: boolean;
  /** The session that encrypts. */
  readonly cipher: Cipher;
}

/** Encrypts `secret`. @throws HsmError */
export async function wrapWith(
  { session, local, cipher }: WrapPlace,
  key: Key,
  method: WrapMethod,
  secret: Uint8Array,
): Promise<Wrapped> {
  const { mechanism } = method;
  if (isRsaMechanism(mechanism)) {
    const ciphertext = local
      ? encryptLocally(session, key, method, secret)
      : await encryptRsa({ session, cipher }, key, method, secret);
    return { mechanism, parameters: parametersOf(method, NO_IV), ciphertext };
  }
  const iv = newIv(method);
  return madeBy(method, iv, secret, await cipher.encrypt(key, mechanismOf(method, iv), secret));
}

/** The same with a session that works without a break, and RSA in this process. @throws HsmError */
export function wrapHere(session: Session, key: Key, method: WrapMethod, secret: Uint8Array): Wrapped {
  const { mechanism } = method;
  if (isRsaMechanism(mechanism)) {
    return {
      mechanism,
      parameters: parametersOf(method, NO_IV),
      ciphertext: encryptLocally(session, key, method, secret),
    };
  }
  const iv = newIv(method);
  return madeBy(method, iv, secret, session.encrypt(key, mechanismOf(method, iv), secret));
}

/** Whether a session that works without a break opens it, to the same. @throws HsmError */
export function opensHere(
  session: Session,
  key: Key,
  method: WrapMethod,
  wrapped: Wrapped,
  secret: Uint8Array,
): boolean {
  return isSameOnce(session.decrypt(key, mechanismOf(method, wrapped.parameters), wrapped.ciphertext), secret);
}

function newIv({ mechanism }: WrapMethod): Uint8Array {
  return randomFillSync(new Uint8Array(mechanism === CKM.AES_GCM ? GCM_IV_BYTES : CBC_IV_BYTES));
}

/** A module that makes its own IV appends it. */
function madeBy({ mechanism }: WrapMethod, iv: Uint8Array, secret: Uint8Array, output: Uint8Array): Wrapped {
  const own = mechanism === CKM.AES_GCM ? output.length - secret.length - GCM_TAG_BYTES : 0;
  if (!GCM_IV_LENGTHS.includes(own)) return { mechanism, parameters: iv, ciphertext: output };
  return { mechanism, parameters: output.slice(-own), ciphertext: output.slice(0, -own) };
}

/** What `wrapWith` encrypted. @throws HsmError */
export async function unwrapWith(
  cipher: Cipher,
  key: Key,
  method: WrapMethod,
  { parameters, ciphertext }: Wrapped,
): Promise<Uint8Array> {
  return cipher.decrypt(key, mechanismOf(method, parameters), ciphertext);
}

/** Whether the HSM opens what was wrapped, and to the same. */
export async function opensAgain(
  cipher: Cipher,
  key: Key,
  method: WrapMethod,
  wrapped: Wrapped,
  secret: Uint8Array,
): Promise<boolean> {
  try {
    return isSameOnce(await unwrapWith(cipher, key, method, wrapped), secret);
  } catch (error) {
    if (isCiphertextInvalid(error)) return false;
    throw error;
  }
}

/** Compares what was decrypted with what it should be, and zeroes it. */
export function isSameOnce(opened: Uint8Array, plaintext: Uint8Array): boolean {
  try {
    return opened.length === plaintext.length && timingSafeEqual(opened, plaintext);
  } finally {
    zero(opened);
  }
}

function mechanismOf({ mechanism, hash }: WrapMethod, iv: Uint8Array): Mechanism {
  if (hash !== null) return { type: mechanism, oaepHash: hash };
  if (mechanism === CKM.RSA_PKCS) return { type: mechanism };
  return mechanism === CKM.AES_GCM ? { type: mechanism, iv, aad: new Uint8Array(0) } : { type: mechanism, iv };
}

/** Some modules (tpm2-pkcs11 1.9) do not say how long the output is: the length is then that of the room they were given. */
async function encryptRsa(
  { session, cipher }: Omit<WrapPlace, 'local'>,
  key: Key,
  method: WrapMethod,
  secret: Uint8Array,
): Promise<Uint8Array> {
  const publicKey = requirePublicKey(session, key);
  const output = await cipher.encrypt(publicKey, mechanismOf(method, NO_IV), secret);
  if (output.length <= MOST_RSA_BYTES) return output;
  const shape = session.shapeOf(publicKey);
  return shape?.kind === 'rsa' ? output.slice(0, withoutLeadingZeros(shape.modulus).length) : output;
}

function encryptLocally(session: Session, key: Key, { hash }: WrapMethod, secret: Uint8Array): Uint8Array {
  const publicKey = rsaPublicKey(session, key);
  const padding =
    hash === null
      ? { padding: constants.RSA_PKCS1_PADDING }
      : { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash };
  return new Uint8Array(publicEncrypt({ key: publicKey, ...padding }, secret));
}
