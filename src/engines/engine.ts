import type { View } from '../barrier/index.ts';
import type { Entropy } from '../entropy/index.ts';
import type { JsonObject } from '../json.ts';
import type { CheckContext, RowCheck } from './check.ts';

export type Operation = 'read' | 'write' | 'patch' | 'list' | 'delete';

/** What an engine is asked. */
export interface EngineRequest {
  readonly operation: Operation;
  /** Below the mount, without a slash at either end; "" is the mount itself. */
  readonly path: string;
  readonly data: JsonObject;
}

/** What it answers; null stands for "nothing there". */
export interface EngineResponse {
  readonly data: JsonObject | null;
  readonly warnings: readonly string[];
  /** Seconds, as Vault's envelope has it; 0 for what does not expire. */
  readonly leaseDuration: number;
}

export type HsmKeyType = 'aes128' | 'aes256' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521';

/** How a key object is looked up; at least one of the two is set. */
export interface HsmKeyReference {
  readonly label: string | null;
  /** CKA_ID, any number of bytes. */
  readonly id: Uint8Array | null;
}

/** A key object in the HSM. */
export interface HsmKey {
  readonly label: string;
  readonly id: Uint8Array;
  readonly type: HsmKeyType;
  /** SubjectPublicKeyInfo (RFC 5280); null for AES. */
  readonly publicKey: Uint8Array | null;
}

/** AES-GCM with an IV of 12 bytes and a tag of 16, or RSAES-OAEP without a label, its hash for mask generation too. */
export type HsmCipher =
  | { readonly scheme: 'gcm'; readonly iv: Uint8Array; readonly associatedData: Uint8Array }
  | { readonly scheme: 'oaep'; readonly hash: 'sha1' | 'sha256' };

/** Over a digest; pkcs1v15 over the DigestInfo (RFC 8017 section 9.2). */
export type HsmSigning =
  | { readonly scheme: 'pkcs1v15' }
  | { readonly scheme: 'pss'; readonly hash: 'sha256' | 'sha384' | 'sha512'; readonly saltBytes: number }
  | { readonly scheme: 'ecdsa' };

/** A key of an engine whose secret is a key object in the HSM. */
export interface HsmKeyObject {
  /** What the operator knows it as, mount and all. */
  readonly name: string;
  readonly reference: HsmKeyReference;
}

/** Keys that never leave the HSM. Every method may throw HsmError. */
export interface HsmKeys {
  /** The one AES, RSA or EC key that matches. @throws HsmError `key_not_found`, `key_ambiguous`, `key_type`, `public_key_missing`, `seal_key` */
  find(reference: HsmKeyReference): HsmKey;
  /** A new key object, with a random id. @throws HsmError `key_exists` */
  generate(label: string, type: HsmKeyType): HsmKey;
  /** The hash with which an RSA key decrypts OAEP: SHA-256 where the HSM has it, else SHA-1; null where it does neither. */
  oaepHash(key: HsmKey): 'sha1' | 'sha256' | null;
  /** By AES-GCM: the ciphertext with its tag. @throws HsmError `key_use`, `mechanism_refused` */
  encrypt(key: HsmKeyReference, cipher: HsmCipher & { readonly scheme: 'gcm' }, plaintext: Uint8Array): Uint8Array;
  /** Null when the ciphertext is not one of this key. @throws HsmError `key_use`, `mechanism_refused` */
  decrypt(key: HsmKeyReference, cipher: HsmCipher, ciphertext: Uint8Array): Uint8Array | null;
  /** ECDSA gives r and s side by side. @throws HsmError `key_use`, `mechanism_refused` */
  sign(key: HsmKeyReference, signing: HsmSigning, input: Uint8Array): Uint8Array;
}

/** What an engine is given to answer with. */
export interface EngineContext {
  /** The mount's path with its slash, for messages. */
  readonly mountPath: string;
  readonly view: View;
  /** For keys that the engine generates. */
  readonly entropy: Entropy;
  /** Whether `entropy` has bytes of the HSM in it, so that every key must be made from it. */
  readonly externalEntropy: boolean;
  /** Bytes of the HSM's generator alone; null where the configuration has no entropy stanza. */
  readonly sealRandom: ((length: number) => Promise<Uint8Array>) | null;
  /** Absent where an engine runs without an HSM, as its own tests do. */
  readonly hsm?: HsmKeys;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The parts of a path that a pattern's `:name` and `*name` stand for. */
export type PathParts = { readonly [name: string]: string };

export type Handler = (context: EngineContext, data: JsonObject, parts: PathParts) => Promise<EngineResponse | null>;

/** One row of an engine's table, which routes requests and is its own documentation. */
export interface Route {
  /** Segments joined by "/": literal, `:name` for one segment, `*name` at the end for the rest (possibly empty). */
  readonly pattern: string;
  readonly help: string;
  readonly operations: { readonly [operation in Operation]?: Handler };
}

export interface Engine {
  /** As `secrets enable` names it. */
  readonly type: string;
  readonly routes: readonly Route[];
  /** What the operator knows a row of the engine's as, below the mount: a secret's path rather than the row's. */
  rowName(path: readonly string[]): string;
  /** Looks over everything that a mount holds, for `operator diagnose -deep`. */
  check(context: CheckContext): Promise<RowCheck>;
  /** The key objects that keys of a mount are, for `operator diagnose`; absent where the engine keeps none in the HSM. */
  keyObjects?(context: Pick<EngineContext, 'mountPath' | 'view'>): AsyncIterable<HsmKeyObject>;
}

export function answer(data: JsonObject | null, more: { warnings?: readonly string[]; leaseDuration?: number } = {}): EngineResponse {
  return { data, warnings: more.warnings ?? [], leaseDuration: more.leaseDuration ?? 0 };
}
