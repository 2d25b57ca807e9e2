/** One copy of a 256-bit key, encrypted by an HSM. Labels and ids are those of the HSM key that made it. */
export interface Wrap {
  /** The seal's name in the configuration that made it. */
  readonly seal: string;
  /** CKM_ number. */
  readonly mechanism: number;
  readonly keyLabel: string;
  readonly keyId: Uint8Array;
  /**
   * The mechanism's parameter: the IV of AES-CBC (16 bytes) or AES-GCM (12 bytes; 16 where the HSM made its own), the
   * CKM_ number of the hash of RSA-OAEP (4 bytes), nothing for RSA PKCS#1 v1.5.
   */
  readonly parameters: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** An HSM key that wraps or authenticates. */
export interface SealKey {
  readonly role: 'wrap' | 'hmac';
  readonly class: 'secret' | 'private';
  readonly label: string;
  /** CKA_ID, at most 255 bytes, possibly none. */
  readonly id: Uint8Array;
}

/** Says how a record's HMAC is made. */
export interface MacStanza {
  /** The seal's name in the configuration that made it; empty in a record of version 1, which does not say. */
  readonly seal: string;
  /** CKM_ number. */
  readonly mechanism: number;
  readonly keyLabel: string;
  readonly keyId: Uint8Array;
}

/** What a record says of the keys that made it. */
export interface RecordKeys {
  readonly wraps: readonly Wrap[];
  readonly macStanza: MacStanza | null;
}

/** Makes HMACs in the HSM. */
export interface MacMaker {
  /** What a record says of the HMACs. */
  readonly stanza: MacStanza;
  /** @param message short enough for every device: coffer makes none longer than 64 bytes @returns 32 bytes @throws HsmError */
  make(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * What protects keys: one seal stanza and what it stands for. What only some seals can do are interfaces of their own
 * (pkcs11.ts). Every method may throw HsmError.
 */
export interface Seal {
  /** Whether a record without an HMAC counts as altered. */
  readonly requiresMac: boolean;
  /** Encrypts a 32-byte key in the HSM. */
  wrapKey(key: Uint8Array): Promise<Wrap>;
  /**
   * Decrypts a wrap in the HSM. Null when the HSM says that the ciphertext is not one of this key, or fails in a way that may
   * mean that.
   * @throws IntegrityError `key_not_configured` when the configuration names no key of the wrap's name
   * @throws HsmError `key_not_found` when it does, and the HSM does not hold that key
   */
  unwrapKey(wrap: Wrap): Promise<Uint8Array | null>;
  /**
   * Finds out whether the HSM or the data is to blame, after `unwrapKey` gave null or a key that does not open the body: a
   * known-good operation with the same key, and the wrap once more. The calls are the same whatever was wrong.
   * @throws HsmError when it is the HSM: it fails at what the key surely can do, or opens the wrap the second time
   */
  requireSound(wrap: Wrap): Promise<void>;
  /** What authenticates new records; null when the seal has no HMAC key. */
  macMaker(): Promise<MacMaker | null>;
  /** Checks an HMAC over a message. False also for an HMAC of another length. @throws as `unwrapKey` */
  verifyMac(stanza: MacStanza, message: Uint8Array, mac: Uint8Array): Promise<boolean>;
  /**
   * Whether the key that the configuration has for a wrap or an HMAC has another label or id than these say, as one that was
   * made anew under the old label. For messages: what the wrap or HMAC says is not authentic.
   */
  hasOtherName(made: Wrap | MacStanza): Promise<boolean>;
  /** Whether the keys and mechanisms of the configuration made a record's wraps and HMAC. */
  isCurrent(record: RecordKeys): Promise<boolean>;
  /** Every key on the token that the configuration names. */
  configuredKeys(): Promise<readonly SealKey[]>;
  /** Bytes from the HSM's random number generator. */
  random(length: number): Promise<Uint8Array>;
}
