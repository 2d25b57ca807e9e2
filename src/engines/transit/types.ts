import { UsageError } from '../../errors.ts';
import { nearest } from '../../nearest.ts';

/** Symmetric authenticated encryption with a 12-byte nonce and a 16-byte tag. */
export interface AeadType {
  readonly family: 'aead';
  readonly name: 'aes128-gcm96' | 'aes256-gcm96' | 'chacha20-poly1305';
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyBytes: 16 | 32;
}

/** ECDSA over a NIST curve (SP 800-186). */
export interface EcType {
  readonly family: 'ec';
  readonly name: 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521';
  /** As JOSE and Vault call the curve. */
  readonly curve: 'P-256' | 'P-384' | 'P-521';
  /** As OpenSSL calls it. */
  readonly opensslCurve: 'prime256v1' | 'secp384r1' | 'secp521r1';
  /** Of a scalar or a coordinate. */
  readonly bytes: 32 | 48 | 66;
  /** The curve's object identifier, the DER value in hex (RFC 5480 section 2.1.1.1). */
  readonly oid: string;
}

export interface RsaType {
  readonly family: 'rsa';
  readonly name: 'rsa-2048' | 'rsa-3072' | 'rsa-4096';
  readonly bits: 2048 | 3072 | 4096;
}

export interface Ed25519Type {
  readonly family: 'ed25519';
  readonly name: 'ed25519';
}

/** A key for HMAC alone, of 32 to 512 bytes. */
export interface HmacType {
  readonly family: 'hmac';
  readonly name: 'hmac';
}

export type KeyType = AeadType | EcType | RsaType | Ed25519Type | HmacType;
export type KeyTypeName = KeyType['name'];

const TYPES: { readonly [name in KeyTypeName]: KeyType & { readonly name: name } } = {
  'aes128-gcm96': { family: 'aead', name: 'aes128-gcm96', cipher: 'aes-128-gcm', keyBytes: 16 },
  'aes256-gcm96': { family: 'aead', name: 'aes256-gcm96', cipher: 'aes-256-gcm', keyBytes: 32 },
  'chacha20-poly1305': { family: 'aead', name: 'chacha20-poly1305', cipher: 'chacha20-poly1305', keyBytes: 32 },
  ed25519: { family: 'ed25519', name: 'ed25519' },
  'ecdsa-p256': {
    family: 'ec',
    name: 'ecdsa-p256',
    curve: 'P-256',
    opensslCurve: 'prime256v1',
    bytes: 32,
    oid: '2a8648ce3d030107',
  },
  'ecdsa-p384': {
    family: 'ec',
    name: 'ecdsa-p384',
    curve: 'P-384',
    opensslCurve: 'secp384r1',
    bytes: 48,
    oid: '2b81040022',
  },
  'ecdsa-p521': {
    family: 'ec',
    name: 'ecdsa-p521',
    curve: 'P-521',
    opensslCurve: 'secp521r1',
    bytes: 66,
    oid: '2b81040023',
  },
  'rsa-2048': { family: 'rsa', name: 'rsa-2048', bits: 2048 },
  'rsa-3072': { family: 'rsa', name: 'rsa-3072', bits: 3072 },
  'rsa-4096': { family: 'rsa', name: 'rsa-4096', bits: 4096 },
  hmac: { family: 'hmac', name: 'hmac' },
};

export const KEY_TYPE_NAMES = Object.keys(TYPES) as readonly KeyTypeName[];
export const EC_TYPES: readonly EcType[] = [TYPES['ecdsa-p256'], TYPES['ecdsa-p384'], TYPES['ecdsa-p521']];
export const DEFAULT_TYPE: KeyTypeName = 'aes256-gcm96';

export function typeOf(name: KeyTypeName): KeyType {
  return TYPES[name];
}

/** What keys/NAME takes as type for a key object in the HSM; the key then has the type of that object. */
export const MANAGED_TYPE = 'managed_key';

/** The type of that name, which is not MANAGED_TYPE. @throws UsageError `unknown_key_type` */
export function parseType(name: string): KeyType {
  const known = KEY_TYPE_NAMES.find((candidate) => candidate === name);
  if (known !== undefined) return TYPES[known];
  const meant = nearest(name, KEY_TYPE_NAMES);
  throw new UsageError('unknown_key_type', `there is no key type ${JSON.stringify(name)}`, {
    hint: meant === null ? `there are: ${[...KEY_TYPE_NAMES, MANAGED_TYPE].join(', ')}` : `did you mean ${meant}?`,
  });
}

export function encrypts(type: KeyType): type is AeadType | RsaType {
  return type.family === 'aead' || type.family === 'rsa';
}

export function signs(type: KeyType): type is EcType | RsaType | Ed25519Type {
  return type.family === 'ec' || type.family === 'rsa' || type.family === 'ed25519';
}

/** Whether keys of the type can be derived from one key with a context. */
export function derives(type: KeyType): type is AeadType | Ed25519Type {
  return type.family === 'aead' || type.family === 'ed25519';
}

/** The sizes of an HMAC key in bytes, as in Vault. */
export const HMAC_KEY_BYTES = { default: 32, min: 32, max: 512 } as const;

/** That a key of this type cannot do what was asked. */
export function wrongType(type: KeyType, what: string): UsageError {
  return new UsageError('unsupported_key_type', `a key of type ${type.name} does not support ${what}`);
}
