import type { TokenSelector } from '../config/types.ts';

/** CKO_ classes that coffer asks for. */
export type KeyClass = 'secret' | 'public' | 'private';

/** A key object on the token, with the attributes that decide what it can do. */
export interface Key {
  readonly handle: Buffer;
  readonly class: KeyClass;
  /** CKA_KEY_TYPE: a CKK_ number. */
  readonly type: number;
  /** CKA_LABEL as the token has it, blanks at the end included, since searching compares it whole. */
  readonly label: string;
  /** CKA_ID, any number of bytes, possibly none. */
  readonly id: Uint8Array;
}

export interface KeyQuery {
  readonly class: KeyClass;
  readonly label: string | null;
  readonly id: Uint8Array | null;
}

/** The hash of an RSA padding, for mask generation too. */
export type PaddingHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/**
 * What a mechanism needs beside its number. AES-CBC takes a 16-byte IV, AES-GCM a 12-byte IV and a 128-bit tag, OAEP
 * (without a label) a hash, PSS a hash and the salt's length in bytes.
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

export interface TokenDescription {
  readonly slot: number;
  readonly label: string;
  readonly serial: string;
  readonly model: string;
  readonly manufacturer: string;
  /** CKF_ token flags. */
  readonly flags: number;
}

export interface SessionOptions {
  /** Absolute path of the module. */
  readonly lib: string;
  readonly token: TokenSelector;
  /** Read-write session (needed to create token objects). */
  readonly readWrite: boolean;
  /**
   * Asked once, after the token was found and only if it wants a login. Null means that no source gave a PIN.
   */
  readonly pin: (token: TokenDescription) => Promise<string | null>;
  /** Log in even when the token says that the PIN count is low or that this is the final try. */
  readonly forceLogin: boolean;
}

/** One logged-in session on one token. Every failure is an HsmError that names the C_ function and the CKR_ code. */
export interface Session {
  readonly token: TokenDescription;
  /** All keys that match; order is the token's. */
  findKeys(query: KeyQuery): Key[];
  /** CKM_AES_KEY_GEN, 256 bits, with the attributes of a coffer wrapping key; the id is random when null. */
  generateAesKey(label: string, id: Uint8Array | null): Key;
  /** CKM_GENERIC_SECRET_KEY_GEN, 32 bytes, CKA_SIGN and CKA_VERIFY. */
  generateHmacKey(label: string, id: Uint8Array | null): Key;
  /**
   * A key that serves callers rather than the store, with a random id. It is made in a read-write session of its own,
   * which is closed again, so that the session itself may be read-only.
   * @returns the secret or the private key
   */
  generateKey(label: string, kind: GeneratedKind): Key;
  /** Attributes of an AES key, or of a public or private RSA key or a public EC key; null for any other type. */
  shapeOf(key: Key): KeyShape | null;
  /** C_EncryptInit and C_Encrypt in one part. */
  encrypt(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array;
  /** C_DecryptInit and C_Decrypt in one part. */
  decrypt(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array;
  /** C_SignInit and C_Sign in one part. */
  sign(key: Key, mechanism: Mechanism, data: Uint8Array): Uint8Array;
  /** C_VerifyInit and C_Verify in one part; false when the signature is not the token's. */
  verify(key: Key, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean;
  /** C_GenerateRandom. */
  random(length: number): Uint8Array;
}
