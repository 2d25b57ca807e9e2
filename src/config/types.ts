import type { KeyReference } from '../hsm-keys.ts';

/** Where the token's user PIN comes from; the PIN itself is read only when it is needed. */
export type PinSource =
  /** `origin` names where it stands, and `file` the configuration file that it is in; null for the environment. */
  | { readonly kind: 'literal'; readonly value: string; readonly origin: string; readonly file: string | null }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  /** A file of this name in $CREDENTIALS_DIRECTORY, where systemd puts a service's credentials. */
  | { readonly kind: 'credential'; readonly name: string };

/** How the token is chosen; every field that is set must match. At least one is set. */
export interface TokenSelector {
  /** A CK_SLOT_ID, up to 64 bits. */
  readonly slot: bigint | null;
  readonly label: string | null;
  readonly serial: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
}

/** The hash of an RSA padding, for mask generation too. */
export type PaddingHash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** The wrapping key, which a URI's type can also say to be a secret or a private key; null for either. */
export interface WrappingKeyReference extends KeyReference {
  readonly class: 'secret' | 'private' | null;
}

export interface Pkcs11SealConfig {
  readonly type: 'pkcs11';
  /** The seal's name, recorded in every wrap; "pkcs11" unless the stanza names it. */
  readonly name: string;
  /** Absolute path of the PKCS#11 module. */
  readonly lib: string;
  /** pReserved of C_Initialize as a string, which NSS wants ("library parameters"); null for every other module. */
  readonly libraryParameters: string | null;
  readonly token: TokenSelector;
  readonly pin: PinSource | null;
  readonly key: WrappingKeyReference;
  readonly hmacKey: KeyReference | null;
  /** Keys that wrapped the store before; each by its label alone or by its id alone. They open and make nothing new. */
  readonly previousKeys: readonly KeyReference[];
  /** The same for the keys of HMACs. */
  readonly previousHmacKeys: readonly KeyReference[];
  /** Label of the key that is tried where the one that a wrap records is not on the token; null for none. */
  readonly defaultKeyLabel: string | null;
  /** The same for the key of an HMAC. */
  readonly defaultHmacKeyLabel: string | null;
  /** CKM_ number for wrapping, or null for the best that key and token support. */
  readonly mechanism: number | null;
  /** CKM_ number for the HMAC, or null for CKM_SHA256_HMAC. */
  readonly hmacMechanism: number | null;
  /** The hash of RSA-OAEP, or null for the best that the token supports. */
  readonly rsaOaepHash: PaddingHash | null;
  /** Whether RSA wraps are made with the public key outside of the HSM. */
  readonly rsaEncryptLocal: boolean;
  /** The most sessions that one command opens side by side; at least 1. */
  readonly maxParallel: number;
  /** Whether `init` may create missing keys in the HSM. */
  readonly generateKey: boolean;
  /** Whether sessions are opened read-write even where read-only would do. */
  readonly forceRwSession: boolean;
  /** When the store's counter is kept in the HSM, too: after every write, at unseal and rotate, or never. */
  readonly anchor: 'write' | 'unseal' | 'off';
  /** Milliseconds that one call of the module may take; null for the usual. */
  readonly timeout: number | null;
}

/** One kind for each storage driver, told apart by `type`. */
export type StorageConfig = SqliteConfig;

export interface SqliteConfig {
  readonly type: 'sqlite';
  /** Absolute path of the database file. */
  readonly path: string;
}

/** A validated configuration: what the rest of coffer trusts. */
export interface Config {
  /** The files it was read from, in the order in which they count; none when it came from the environment alone. */
  readonly files: readonly string[];
  readonly storage: StorageConfig;
  readonly seal: Pkcs11SealConfig;
  /** Whether HSM random bytes are mixed into key generation. */
  readonly entropyAugmentation: boolean;
  readonly autoUnseal: boolean;
  /** The only store that may stand at the place of the storage, a UUID in lower case; null for any. */
  readonly storeId: string | null;
  /** The variables that `pin` of any seal in the files names, also where its PIN is not used. */
  readonly pinVariables: readonly string[];
  /** One-line remarks for the operator (ignored server stanzas, a readable PIN), for stderr. */
  readonly notes: readonly string[];
}
