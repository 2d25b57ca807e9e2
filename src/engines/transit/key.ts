import { zero } from '../../bytes.ts';
import { StoreError, UsageError } from '../../errors.ts';
import type { OaepHash } from '../../hsm-keys.ts';
import type { PathParts } from '../engine.ts';
import type { KeyTypeName } from './types.ts';

/** One version of a key. Its secrets are bytes, so that they can be overwritten once they have served: see `usingKey`. */
export interface KeyVersion {
  /** Milliseconds since 1970. */
  readonly created: number;
  /**
   * The secret: the raw key of a symmetric type, the 32-byte seed of ed25519 (RFC 8032), PKCS#8 of ec and rsa. Null
   * where only a public key was imported, and of a managed key.
   */
  readonly key: Uint8Array | null;
  /** SubjectPublicKeyInfo (RFC 5280) of an asymmetric type, in DER. */
  readonly public: Uint8Array | null;
  /** The key of hmac/ for types other than hmac; null where there is none, as in a managed key and in some backups. */
  readonly hmac: Uint8Array | null;
}

/** What is the key in a version. */
export type Material = Pick<KeyVersion, 'key' | 'public'>;

/** A version of a key that a request uses. */
export interface FoundVersion {
  readonly number: number;
  readonly version: KeyVersion;
}

/** Where the key object of a managed key is in the HSM; its one version has no secret, and no key for hmac/. */
export interface ManagedReference {
  readonly label: string;
  /** CKA_ID in hex, possibly empty. */
  readonly id: string;
  /** Of an RSA key that decrypts. */
  readonly oaepHash: OaepHash | null;
}

/** Milliseconds since 1970, and the latest version at that time. */
export interface Moment {
  readonly time: number;
  readonly version: number;
}

export type Kdf = 'hkdf' | 'counter';

/** A named key: one row with all its versions. Version numbers are whole and start at 1. */
export interface Key {
  readonly name: string;
  readonly type: KeyTypeName;
  readonly derived: boolean;
  readonly convergent: boolean;
  /** How keys are derived of it, if they are: HKDF, or the counter mode that Vault has for imported keys. */
  readonly kdf: Kdf;
  readonly exportable: boolean;
  readonly plaintextBackup: boolean;
  readonly deletionAllowed: boolean;
  /** Whether its newest version came from outside. */
  readonly imported: boolean;
  readonly importedRotation: boolean;
  /** Bytes of a new version's key where the type leaves a choice (hmac); else 0. */
  readonly keySize: number;
  readonly latest: number;
  readonly minDecryption: number;
  /** 0 stands for no limit of its own. */
  readonly minEncryption: number;
  /** The oldest version that was not trimmed; 0 as long as none was. */
  readonly minAvailable: number;
  readonly managed: ManagedReference | null;
  /** Its last backup, and when it was restored from one; null for never. */
  readonly backedUp: Moment | null;
  readonly restored: Moment | null;
  readonly versions: { readonly [number: string]: KeyVersion };
}

/** A key that has no version yet. */
export function newKey(name: string, type: KeyTypeName, settings: Partial<Key> = {}): Key {
  return {
    name,
    type,
    derived: false,
    convergent: false,
    kdf: 'hkdf',
    exportable: false,
    plaintextBackup: false,
    deletionAllowed: false,
    imported: false,
    importedRotation: false,
    keySize: 0,
    latest: 0,
    minDecryption: 1,
    minEncryption: 0,
    minAvailable: 0,
    managed: null,
    backedUp: null,
    restored: null,
    versions: {},
    ...settings,
  };
}

export function addVersion(key: Key, version: KeyVersion): Key {
  const latest = key.latest + 1;
  return { ...key, latest, versions: { ...key.versions, [latest]: version } };
}

/**
 * Runs `use` with a key and then overwrites the secrets of its versions, whatever came of it. What `use` makes of the key
 * with `addVersion` or a spread has the same bytes.
 */
export async function usingKey<K extends Key | null, Result>(
  key: K,
  use: (key: K) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await use(key);
  } finally {
    for (const version of Object.values(key?.versions ?? {})) wipeVersion(version);
  }
}

export function wipeVersion({ key, hmac }: Pick<KeyVersion, 'key' | 'hmac'>): void {
  if (key !== null) zero(key);
  if (hmac !== null) zero(hmac);
}

/** @param what it cannot do, after "cannot" @param hintOf what to do instead @throws UsageError `managed_key` */
export function refuseManaged(
  { name, managed }: Key,
  what: string,
  hintOf?: (managed: ManagedReference) => string | null,
): void {
  if (managed === null) return;
  const hint = hintOf?.(managed) ?? null;
  throw new UsageError('managed_key', `the managed key "${name}" cannot ${what}`, { hint });
}

/** The key that a route's `:name` means. @throws UsageError `bad_key_name` */
export function keyName(parts: PathParts): string {
  return checkedName(parts['name'] ?? '');
}

/** Letters, digits and "_", with "-" and "." inside, as in Vault. @throws UsageError `bad_key_name` */
export function checkedName(name: string): string {
  if (/^\w([\w.-]*\w)?$/.test(name)) return name;
  throw new UsageError('bad_key_name', `${JSON.stringify(name)} cannot be a key's name`, {
    hint: 'it has letters, digits and "_", and "-" and "." inside; no slash',
  });
}

/** Numbers of the versions that may be used, oldest first. */
export function usableVersions(key: Key): number[] {
  return Object.keys(key.versions)
    .map(Number)
    .filter((number) => number >= key.minDecryption)
    .sort((a, b) => a - b);
}

/** The version to encrypt or sign with; `wanted` 0 is the newest. @throws StoreError `no_version`, `version_too_old` */
export function versionForNew(key: Key, wanted: number): FoundVersion {
  const number = wanted === 0 ? key.latest : wanted;
  if (number < key.minEncryption) throw tooOld(key, number, 'min_encryption_version', key.minEncryption);
  return versionForOld(key, number);
}

/** The version that made a ciphertext. @throws StoreError `no_version`, `version_too_old` */
export function versionOfCiphertext(key: Key, number: number): FoundVersion {
  return versionForOld(key, number === 0 ? 1 : number); // Vault numbered from 0 once, before it had signatures and HMACs
}

/** The version that made a signature or an HMAC, or that is asked for. @throws StoreError `no_version`, `version_too_old` */
export function versionForOld(key: Key, number: number): FoundVersion {
  const version = key.versions[number];
  if (number < 1 || number > key.latest || (version === undefined && number >= key.minDecryption)) {
    throw new StoreError('no_version', `the key "${key.name}" has no version ${number}`, {
      hint: `its latest version is ${key.latest}`,
    });
  }
  if (version === undefined || number < key.minDecryption)
    throw tooOld(key, number, 'min_decryption_version', key.minDecryption);
  return { number, version };
}

function tooOld(key: Key, number: number, limit: string, value: number): StoreError {
  const problem = `version ${number} of the key "${key.name}" is too old: its ${limit} is ${value}`;
  return new StoreError('version_too_old', problem);
}
