/** What a key object in the HSM can be to serve callers. */
export type HsmKeyType =
  'aes128' | 'aes256' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521';

/** How a key is found on the token; at least one of the two is set. */
export interface KeyReference {
  readonly label: string | null;
  /** CKA_ID, any number of bytes. */
  readonly id: Uint8Array | null;
}

/** What a key object is. */
export interface HsmKeyDescription {
  readonly label: string;
  readonly id: Uint8Array;
  readonly type: HsmKeyType;
  /** SubjectPublicKeyInfo (RFC 5280); null for AES. */
  readonly publicKey: Uint8Array | null;
}

/** The hash of RSAES-OAEP, for mask generation too. */
export type OaepHash = 'sha1' | 'sha256';

/** AES-GCM with an IV of 12 bytes and a tag of 16. */
export interface GcmCipher {
  readonly scheme: 'gcm';
  readonly iv: Uint8Array;
  readonly associatedData: Uint8Array;
}

/** AES-GCM, or RSAES-OAEP without a label. */
export type HsmCipher = GcmCipher | { readonly scheme: 'oaep'; readonly hash: OaepHash };

/** Over a digest; pkcs1v15 over the DigestInfo (RFC 8017 section 9.2). */
export type HsmSigning =
  | { readonly scheme: 'pkcs1v15' | 'ecdsa' }
  | { readonly scheme: 'pss'; readonly hash: 'sha256' | 'sha384' | 'sha512'; readonly saltBytes: number };

/** Keys that never leave the HSM. Every method may throw HsmError. */
export interface HsmKeys {
  /** The one AES, RSA or EC key that matches. @throws HsmError `key_not_found`, `key_ambiguous`, `key_type`, `public_key_missing`, `seal_key` */
  find(reference: KeyReference): HsmKeyDescription;
  /** The same, which the token has used once. @throws HsmError the same, and `mechanism_refused` where it lacks the mechanism for it */
  register(reference: KeyReference): HsmKeyDescription;
  /**
   * A new key object, with a random id, that has done its job once.
   * @throws HsmError `key_exists`; `mechanism_refused` where the token lacks the mechanism for it; `hsm_wrong_answer` where it makes another
   */
  generate(label: string, type: HsmKeyType): HsmKeyDescription;
  /** The hash with which an RSA key decrypts OAEP: SHA-256 where the HSM has it, else SHA-1; null where it does neither. */
  oaepHash(key: HsmKeyDescription): OaepHash | null;
  /** By AES-GCM: the ciphertext with its tag. @throws HsmError `key_use`, `mechanism_refused` */
  encrypt(key: KeyReference, cipher: GcmCipher, plaintext: Uint8Array): Uint8Array;
  /** Null when the ciphertext is not one of this key. @throws HsmError `key_use`, `mechanism_refused` */
  decrypt(key: KeyReference, cipher: HsmCipher, ciphertext: Uint8Array): Uint8Array | null;
  /** ECDSA gives r and s side by side. @throws HsmError `key_use`, `mechanism_refused` */
  sign(key: KeyReference, signing: HsmSigning, input: Uint8Array): Uint8Array;
}
