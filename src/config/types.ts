/** Where the token's user PIN comes from; the PIN itself is read only when it is needed. */
export type PinSource =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

/** How the token is chosen; every field that is set must match. At least one is set. */
export interface TokenSelector {
  readonly slot: number | null;
  readonly label: string | null;
  readonly serial: string | null;
}

/** How a key is found on the token; at least one of the two is set. */
export interface KeyReference {
  readonly label: string | null;
  /** CKA_ID, any number of bytes. */
  readonly id: Uint8Array | null;
}

export interface Pkcs11SealConfig {
  readonly type: 'pkcs11';
  /** The seal's name, recorded in every wrap; "pkcs11" unless the stanza names it. */
  readonly name: string;
  /** Absolute path of the PKCS#11 module. */
  readonly lib: string;
  readonly token: TokenSelector;
  readonly pin: PinSource | null;
  readonly key: KeyReference;
  readonly hmacKey: KeyReference | null;
  /** CKM_ number for wrapping, or null for the best that the keys allow. */
  readonly mechanism: number | null;
  /** CKM_ number for the HMAC, or null for CKM_SHA256_HMAC. */
  readonly hmacMechanism: number | null;
  /** Whether `init` may create missing keys in the HSM. */
  readonly generateKey: boolean;
  /** Whether sessions are opened read-write even where read-only would do. */
  readonly forceRwSession: boolean;
}

export interface StorageConfig {
  readonly type: 'sqlite';
  /** Absolute path of the database file. */
  readonly path: string;
}

/** A validated configuration: what the rest of coffer trusts. */
export interface Config {
  /** The file it was read from, or null when it came from the environment alone. */
  readonly file: string | null;
  readonly storage: StorageConfig;
  readonly seal: Pkcs11SealConfig;
  /** Whether HSM random bytes are mixed into key generation. */
  readonly entropyAugmentation: boolean;
  readonly autoUnseal: boolean;
  /** One-line remarks for the operator (ignored server stanzas, a readable PIN), for stderr. */
  readonly notes: readonly string[];
}
