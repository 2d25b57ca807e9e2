import type { PaddingHash } from '../config/types.ts';
import type { HsmError } from '../errors.ts';

export type { PaddingHash } from '../config/types.ts';

/** CKO_ classes that coffer asks for. */
export type KeyClass = 'secret' | 'public' | 'private';

/** A key object on the token, with the attributes that decide what it can do. */
export interface Key {
  readonly handle: Buffer;
  readonly class: KeyClass;
  /** CKA_KEY_TYPE: a CKK_ number; null where the token does not tell, so that only trying the key shows what it is. */
  readonly type: number | null;
  /** CKA_LABEL as the token has it, blanks at the end included, since searching compares it whole. Empty where the token does not tell. */
  readonly label: string;
  /** CKA_ID, any number of bytes, possibly none, as where the token does not tell. */
  readonly id: Uint8Array;
}

/** A key that this process made, with the type that was asked for and the id that it really has. */
export interface GeneratedKey extends Key {
  /** The handle of the pair's public half; null for a secret key. */
  readonly publicHalf: Buffer | null;
}

export interface KeyQuery {
  /** Null for secret and private keys alike. */
  readonly class: KeyClass | null;
  readonly label: string | null;
  readonly id: Uint8Array | null;
}

/**
 * What a mechanism needs beside its number. AES-CBC takes a 16-byte IV, AES-GCM an IV (12 bytes, or what the module made
 * by itself) and a 128-bit tag; after an encryption by GCM `iv` holds the IV that the module used, its own where it takes none; OAEP (without a label) a hash, PSS a hash and the salt's length in bytes.
 */
export type Mechanism =
  | { readonly type: number }
  | { readonly type: number; readonly iv: Uint8Array }
  | { readonly type: number; readonly iv: Uint8Array; readonly aad: Uint8Array }
  | { readonly type: number; readonly oaepHash: PaddingHash }
  | { readonly type: number; readonly pssHash: PaddingHash; readonly saltBytes: number };

/** A key or key pair to create: an AES-256 key, or an RSA or EC pair whose private half is the one that is used. */
export type GeneratedKind =
  | { readonly kind: 'aes' }
  | { readonly kind: 'rsa'; readonly bits: number }
  | { readonly kind: 'ec'; readonly parameters: Uint8Array };

/** What a key object says about its public side. All bytes are as the token has them. */
export type KeyShape =
  | { readonly kind: 'aes'; readonly bytes: number }
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  | { readonly kind: 'ec'; readonly parameters: Uint8Array; readonly point: Uint8Array };

/** A private CKO_DATA object of coffer's. */
export interface DataObject {
  readonly handle: Buffer;
  /** CKA_LABEL. */
  readonly label: string;
  /** CKA_VALUE, any number of bytes. */
  readonly value: Uint8Array;
}

export interface TokenDescription {
  /** CK_SLOT_ID. */
  readonly slot: bigint;
  readonly label: string;
  readonly serial: string;
  readonly model: string;
  readonly manufacturer: string;
  /** CKF_ token flags. */
  readonly flags: number;
  /** The fewest and the most bytes of a PIN; null where the token does not tell. */
  readonly pinBytes: { readonly least: number; readonly most: number } | null;
}

/** Which module, and what C_Initialize is given. */
export interface ModuleOptions {
  /** Absolute path of the module. */
  readonly lib: string;
  /** NSS's "library parameters"; null for any other module. */
  readonly parameters: string | null;
  /** Milliseconds that one call may take; 30 seconds where nobody says. */
  readonly timeout?: number | null;
}

/** What C_GetInfo says of a module, without padding. */
export interface ModuleInfo {
  readonly manufacturer: string;
  readonly description: string;
  /** "2.40", of PKCS#11. */
  readonly cryptokiVersion: string;
  readonly libraryVersion: string;
}

/** One slot: its token, null where there is none, or what kept the module from describing it. */
export interface SlotDescription {
  readonly slot: bigint;
  readonly description: string;
  readonly manufacturer: string;
  readonly token: TokenDescription | null;
  readonly error: HsmError | null;
}

/** What a token says of one of its mechanisms (CK_MECHANISM_INFO). Key sizes are in bits or bytes, as the module likes. */
export interface MechanismDescription {
  readonly type: number;
  /** "CKM_AES_GCM", or "mechanism 0x80000001". */
  readonly name: string;
  readonly minKeySize: number;
  readonly maxKeySize: number;
  /** Names without CKF_ and in lower case, e.g. ["encrypt", "decrypt", "wrap"]. */
  readonly uses: readonly string[];
}

/**
 * Has a key that was just made do its job once. What it throws about the key has it removed, and made in another way where there is one.
 * @throws HsmError
 */
export type Proof = (key: GeneratedKey) => void;

/** A key object with every attribute that matters; null for one that the object does not have or does not tell. */
export interface KeyDetails {
  readonly class: KeyClass;
  /** Null where the token does not tell. */
  readonly type: number | null;
  /** "AES", "RSA", "EC", "GENERIC_SECRET", a number, or "unknown". */
  readonly typeName: string;
  readonly label: string;
  readonly id: Uint8Array;
  /** Bits of a secret key or an RSA modulus; null where the token does not tell. */
  readonly bits: number | null;
  /** CKA_ names in lower case ("sensitive", "extractable", "encrypt", ...) with what the token says. */
  readonly attributes: { readonly [name in KeyAttribute]: boolean | null };
}

export type KeyAttribute =
  | 'token'
  | 'private'
  | 'sensitive'
  | 'always_sensitive'
  | 'extractable'
  | 'never_extractable'
  | 'local'
  | 'encrypt'
  | 'decrypt'
  | 'sign'
  | 'verify'
  | 'wrap'
  | 'unwrap'
  | 'derive'
  | 'modifiable';

/** What makes a key less than one that this token alone has and that only a login can use. */
export type Exposure = 'public' | 'extractable' | 'readable' | 'once extractable' | 'once readable' | 'imported';

/** What decides it; null where the token does not tell. */
export type ExposureAttributes = Pick<
  KeyDetails['attributes'],
  'private' | 'extractable' | 'sensitive' | 'never_extractable' | 'always_sensitive' | 'local'
>;

/** What one PKCS#11 session does with keys. Every failure is an HsmError that names the C_ function and the CKR_ code. */
export interface Cipher {
  /** C_EncryptInit and C_Encrypt in one part. A module that makes its own GCM IV appends it: the result is longer then. */
  encrypt(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** C_DecryptInit and C_Decrypt in one part. */
  decrypt(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** C_SignInit and C_Sign in one part. */
  sign(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /**
   * C_VerifyInit and C_Verify; where these do not answer the question, and the key is a secret one, C_Sign and a comparison. False when the signature is not the token's.
   */
  verify(key: Key, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
}

/** One logged-in session on one token, which works without a break: its calls block the thread. */
export interface Session extends Cipher {
  readonly token: TokenDescription;
  /**
   * All keys that match; order is the token's. A label that nothing has is looked for once more among labels that are
   * padded with blanks.
   */
  findKeys(query: KeyQuery): Key[];
  /** Every key object with its attributes. */
  listKeys(): KeyDetails[];
  /** What is unsafe about a secret or private key, as far as the token tells. Never throws for what the token says. */
  exposuresOf(key: Key): Exposure[];
  /**
   * CKM_AES_KEY_GEN, 256 bits, with the attributes of a coffer wrapping key; the id is random when null. This and the next three
   * try one template after the other until the token makes a key that is what was asked for, is found again, and passes `prove`. Of one
   * that is not, nothing is left.
   * @throws HsmError `hsm_wrong_answer`, which says what came instead; `key_left` where that could not be removed
   */
  generateAesKey(label: string, id: Uint8Array | null, prove?: Proof): GeneratedKey;
  /**
   * CKA_SIGN and CKA_VERIFY, of the first type that the token lets serve for CKM_SHA256_HMAC: CKK_GENERIC_SECRET of 32 bytes,
   * CKK_SHA256_HMAC of 32 bytes or of its own length, CKK_AES. It has signed and verified once.
   */
  generateHmacKey(label: string, id: Uint8Array | null): GeneratedKey;
  /** CKM_RSA_PKCS_KEY_PAIR_GEN with the attributes of a coffer wrapping key. @returns the private key */
  generateRsaKey(label: string, id: Uint8Array | null, bits: number, prove?: Proof): GeneratedKey;
  /** C_DestroyObject, of one object. The session must be read-write. */
  destroyKey(key: Key): void;
  /** C_SetAttributeValue of CKA_ID, of one object. The session must be read-write. */
  setId(key: Key, id: Uint8Array): void;
  /**
   * Ends the module and starts it anew, logged in with the same PIN, so that it sees what other processes have made since.
   * Every handle from before is void.
   */
  restart(): Promise<void>;
  /**
   * A key that serves callers rather than the store, with a random id. It is made in a read-write session of its own,
   * which is closed again, so that the session itself may be read-only.
   * @returns the secret or the private key
   */
  generateKey(label: string, kind: GeneratedKind, prove?: Proof): GeneratedKey;
  /** Attributes of an AES key, or of a public or private RSA key or a public EC key; null for any other type. */
  shapeOf(key: Key): KeyShape | null;
  /** The public half of a private key: the object of the same id (or label). Null where the token has none. */
  publicKeyOf(key: Key): Key | null;
  /** Private data objects of coffer's with a label. */
  findData(label: string): DataObject[];
  /** C_CreateObject of a private CKO_DATA object on the token. The session must be read-write, as for the next two. */
  createData(label: string, value: Uint8Array): DataObject;
  /** C_SetAttributeValue of CKA_VALUE. */
  changeData(object: DataObject, value: Uint8Array): void;
  /** C_DestroyObject. */
  destroyData(object: DataObject): void;
  /** Whether the token lists the mechanism. The list is asked for once. */
  hasMechanism(type: number): boolean;
  /** Whether the token lists mechanisms, and not this one. One that lists none may have it all the same. */
  lacksMechanism(type: number): boolean;
  encrypt(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array;
  decrypt(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array;
  sign(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array;
  verify(key: Key, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean;
  /** C_GenerateRandom. */
  random(length: number): Uint8Array;
  /**
   * Up to `count` further sessions, which work side by side in threads of their own; fewer, perhaps none, where the token
   * has no more. They close with the module.
   */
  openCiphers(count: number): Cipher[];
}
