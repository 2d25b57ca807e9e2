import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import type { JsonWebKey } from 'node:crypto';
import type { KeyReference, Pkcs11SealConfig } from '../config/types.ts';
import { GCM_TAG_BYTES } from '../aead.ts';
import { asBuffer, hex } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { CKM, CKR, CryptokiError, describeName, isCiphertextInvalid, isReturnValue, listKeys } from '../pkcs11/index.ts';
import type { GeneratedKind, Key, Mechanism, PaddingHash, Session } from '../pkcs11/index.ts';
import { reservedKeys } from './reserved.ts';
import type { SealKey } from './seal.ts';
import { base64url, publicKeyOf, publicShape, rsaJwk } from './public-key.ts';

const EC_CURVES = {
  'ecdsa-p256': { curve: 'P-256', oid: '06082a8648ce3d030107', bytes: 32 },
  'ecdsa-p384': { curve: 'P-384', oid: '06052b81040022', bytes: 48 },
  'ecdsa-p521': { curve: 'P-521', oid: '06052b81040023', bytes: 66 },
} as const;
type EcName = keyof typeof EC_CURVES;
const EC_NAMES: readonly EcName[] = ['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521'];
const RSA_BITS = { 'rsa-2048': 2048, 'rsa-3072': 3072, 'rsa-4096': 4096 } as const;
type RsaName = keyof typeof RSA_BITS;
const RSA_NAMES: readonly RsaName[] = ['rsa-2048', 'rsa-3072', 'rsa-4096'];

export type ManagedType = 'aes128' | 'aes256' | RsaName | EcName;

export interface ManagedKey {
  readonly label: string;
  readonly id: Uint8Array;
  readonly type: ManagedType;
  /** SubjectPublicKeyInfo; null for AES. */
  readonly publicKey: Uint8Array | null;
}

type Cipher =
  | { readonly scheme: 'gcm'; readonly iv: Uint8Array; readonly associatedData: Uint8Array }
  | { readonly scheme: 'oaep'; readonly hash: 'sha1' | 'sha256' };
type Signing = { readonly scheme: 'pkcs1v15' | 'ecdsa' } | { readonly scheme: 'pss'; readonly hash: PaddingHash; readonly saltBytes: number };

/** Key objects of the token that callers use by name. What the methods do is said where the engines see them: HsmKeys. */
export interface ManagedKeys {
  find(reference: KeyReference): ManagedKey;
  generate(label: string, type: ManagedType): ManagedKey;
  oaepHash(key: ManagedKey): 'sha1' | 'sha256' | null;
  encrypt(key: KeyReference, cipher: Cipher & { readonly scheme: 'gcm' }, plaintext: Uint8Array): Uint8Array;
  decrypt(key: KeyReference, cipher: Cipher, ciphertext: Uint8Array): Uint8Array | null;
  sign(key: KeyReference, signing: Signing, input: Uint8Array): Uint8Array;
}

type Class = 'secret' | 'private';

/** @param own the keys that ever wrapped or authenticated the store */
export function managedKeys(config: Pkcs11SealConfig, session: Session, own: readonly SealKey[]): ManagedKeys {
  const found = new Map<string, Key>();
  const reserved = reservedKeys(config, session, own);

  /** Looked up, and checked, once a command, however long its batch is. */
  function keyOf(reference: KeyReference, ...classes: readonly Class[]): Key {
    const name = JSON.stringify([reference.label, reference.id === null ? null : hex(reference.id), classes]);
    const known = found.get(name);
    if (known !== undefined) return known;
    const key = lookUp(session, reference, classes);
    reserved.refuse(key);
    found.set(name, key);
    return key;
  }

  function use<T>(key: Key, mechanism: Mechanism, run: (key: Key, mechanism: Mechanism) => T): T {
    try {
      return run(key, mechanism);
    } catch (error) {
      throw explained(error, key);
    }
  }

  function decrypt(reference: KeyReference, cipher: Cipher, ciphertext: Uint8Array): Uint8Array | null {
    const key = keyOf(reference, cipher.scheme === 'gcm' ? 'secret' : 'private');
    try {
      return use(key, cipherMechanism(cipher), (hsmKey, mechanism) => session.decrypt(hsmKey, mechanism, ciphertext));
    } catch (error) {
      if (isCiphertextInvalid(error)) return null;
      throw error;
    }
  }

  function decryptsOaep(key: ManagedKey, hash: 'sha1' | 'sha256'): boolean {
    const probe = randomBytes(16);
    const publicKey = createPublicKey({ key: asBuffer(key.publicKey ?? new Uint8Array(0)), format: 'der', type: 'spki' });
    const ciphertext = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, probe);
    try {
      const plaintext = decrypt(key, { scheme: 'oaep', hash }, ciphertext);
      return plaintext !== null && probe.equals(plaintext);
    } catch (error) {
      if (error instanceof HsmError && (error.code === 'key_use' || error.code === 'mechanism_refused')) return false;
      throw error;
    }
  }

  return {
    find(reference) {
      return describe(session, keyOf(reference, 'secret', 'private'));
    },
    generate(label, type) {
      reserved.refuseLabel(label);
      const there = (['secret', 'private'] as const).flatMap((each) => session.findKeys({ class: each, label, id: null }));
      if (there.length > 0) {
        throw new HsmError('key_exists', `token "${session.token.label}" has a key with label "${label}" already`, {
          hint: `choose another managed_key_name, or leave out generate=true to use that one:\n${listKeys(there)}`,
        });
      }
      return describe(session, session.generateKey(label, kindOf(type)));
    },
    oaepHash: (key) => (['sha256', 'sha1'] as const).find((hash) => decryptsOaep(key, hash)) ?? null,
    encrypt(reference, cipher, plaintext) {
      const key = keyOf(reference, 'secret');
      const ciphertext = use(key, cipherMechanism(cipher), (hsmKey, mechanism) => session.encrypt(hsmKey, mechanism, plaintext));
      if (ciphertext.length === plaintext.length + GCM_TAG_BYTES) return ciphertext;
      throw new HsmError('mechanism_refused', `CKM_AES_GCM with key "${key.label}" gave ${ciphertext.length} bytes for ${plaintext.length}`, {
        hint: 'the HSM does not use the IV that it is given; use an RSA key of the HSM, or a key of another type',
      });
    },
    decrypt,
    sign: (reference, signing, input) =>
      use(keyOf(reference, 'private'), signingMechanism(signing), (key, mechanism) => session.sign(key, mechanism, input)),
  };
}

function lookUp(session: Session, { label, id }: KeyReference, classes: readonly Class[]): Key {
  const matching = classes.flatMap((each) => session.findKeys({ class: each, label, id }));
  const [key, ...others] = matching;
  const wanted = describeName({ label, id });
  if (key === undefined) {
    const there = classes.flatMap((each) => session.findKeys({ class: each, label: null, id: null }));
    throw new HsmError('key_not_found', `no ${classes.join(' or ')} key on token "${session.token.label}" has ${wanted}`, {
      hint: there.length === 0 ? 'there are none at all; create it with generate=true key_type=...' : `keys that are there:\n${listKeys(there)}`,
    });
  }
  if (others.length === 0) return key;
  throw new HsmError('key_ambiguous', `${matching.length} keys on token "${session.token.label}" have ${wanted}`, {
    hint: `give managed_key_id=HEX, too, to choose one:\n${listKeys(matching)}`,
  });
}

function kindOf(type: ManagedType): GeneratedKind {
  const rsa = RSA_NAMES.find((name) => name === type);
  if (rsa !== undefined) return { kind: 'rsa', bits: RSA_BITS[rsa] };
  const ec = EC_NAMES.find((name) => name === type);
  return ec === undefined ? { kind: 'aes' } : { kind: 'ec', parameters: Buffer.from(EC_CURVES[ec].oid, 'hex') };
}

/** @throws HsmError `key_type`, `public_key_missing` */
function describe(session: Session, key: Key): ManagedKey {
  const { label, id } = key;
  const shape = key.class === 'secret' ? session.shapeOf(key) : publicShape(session, key);
  if (shape?.kind === 'aes' && (shape.bytes === 16 || shape.bytes === 32)) {
    return { label, id, type: shape.bytes === 16 ? 'aes128' : 'aes256', publicKey: null };
  }
  if (shape?.kind === 'rsa') {
    const modulus = shape.modulus.subarray(shape.modulus.findIndex((byte) => byte !== 0));
    const type = RSA_NAMES.find((name) => modulus.length * 8 === RSA_BITS[name] && (modulus[0] ?? 0) >= 0x80);
    if (type !== undefined) return { label, id, type, publicKey: spki(rsaJwk(modulus, shape.exponent)) };
  }
  if (shape?.kind === 'ec') {
    const type = EC_NAMES.find((name) => EC_CURVES[name].oid === hex(shape.parameters));
    if (type !== undefined) return { label, id, type, publicKey: ecPublicKey(type, shape.point) };
  }
  throw new HsmError('key_type', `the HSM key "${label}" (CKA_KEY_TYPE 0x${key.type.toString(16)}) cannot be a managed key`, {
    hint: 'a managed key is AES of 128 or 256 bits, RSA of 2048, 3072 or 4096, or EC on P-256, P-384 or P-521',
  });
}

/** @param point CKA_EC_POINT: an uncompressed point, in a DER OCTET STRING or, from some modules, without it */
function ecPublicKey(type: EcName, point: Uint8Array): Uint8Array {
  const { curve, bytes } = EC_CURVES[type];
  const coordinates = point.subarray(-2 * bytes);
  return spki({ kty: 'EC', crv: curve, x: base64url(coordinates.subarray(0, bytes)), y: base64url(coordinates.subarray(bytes)) });
}

function spki(jwk: JsonWebKey): Uint8Array {
  return publicKeyOf(jwk).export({ type: 'spki', format: 'der' });
}

function cipherMechanism(cipher: Cipher): Mechanism {
  if (cipher.scheme === 'oaep') return { type: CKM.RSA_PKCS_OAEP, oaepHash: cipher.hash };
  return { type: CKM.AES_GCM, iv: cipher.iv, aad: cipher.associatedData };
}

function signingMechanism(signing: Signing): Mechanism {
  if (signing.scheme === 'pss') return { type: CKM.RSA_PKCS_PSS, pssHash: signing.hash, saltBytes: signing.saltBytes };
  return { type: signing.scheme === 'ecdsa' ? CKM.ECDSA : CKM.RSA_PKCS };
}

/** The remedies of src/pkcs11 speak of the seal stanza, which has no part in this. */
function explained(error: unknown, { label }: Key): unknown {
  if (!(error instanceof CryptokiError)) return error;
  const forbidden: boolean = isReturnValue(error, CKR.KEY_FUNCTION_NOT_PERMITTED, CKR.KEY_TYPE_INCONSISTENT);
  if (forbidden) {
    const hint = `the key object "${label}" does not allow this use (CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN); allow it with the HSM's own tool, or use another key`;
    return new HsmError('key_use', error.message, { hint, cause: error });
  }
  if (error.operation.endsWith('Init') && isReturnValue(error, CKR.MECHANISM_INVALID, CKR.MECHANISM_PARAM_INVALID, CKR.ARGUMENTS_BAD, CKR.FUNCTION_NOT_SUPPORTED)) {
    const hint = 'the HSM does not have this mechanism, or not with these parameters: choose another algorithm, or a key of another type';
    return new HsmError('mechanism_refused', error.message, { hint, cause: error });
  }
  return error;
}
