import { base64, fromUtf8, utf8, zero } from '../../bytes.ts';
import { StoreError } from '../../errors.ts';
import { shellWord } from '../../shell.ts';
import type { EngineContext } from '../engine.ts';
import { keyPath } from './hints.ts';
import type { Key, KeyVersion, ManagedReference } from './key.ts';

const FOLDER = 'policy';
export const KEYS_FOLDER = [FOLDER];

/** A version as it is stored: bytes in base64, and text that is empty for a key for hmac/ that is not there. */
interface StoredVersion {
  readonly created: number;
  readonly key: string | null;
  readonly public: string | null;
  readonly hmac: string;
}

/** Older rows do not say whether the key is managed, how keys are derived of it, and when it was backed up. */
type StoredKey = Omit<Key, 'managed' | 'kdf' | 'backedUp' | 'versions'> &
  Partial<Pick<Key, 'managed' | 'kdf' | 'backedUp'>> & {
    readonly versions: { readonly [number: string]: StoredVersion };
  };

// The stored JSON comes out of the barrier, so it is what was put in. The text that it is for a moment cannot be overwritten.

/** The key, to be used within `usingKey`; null when there is none. */
export async function loadKey({ view }: EngineContext, name: string): Promise<Key | null> {
  const bytes = await view.get([FOLDER, name]);
  if (bytes === null) return null;
  const stored = JSON.parse(fromUtf8(bytes)) as StoredKey;
  zero(bytes);
  const { managed = null, kdf = 'hkdf', backedUp = null, versions: held } = stored;
  const versions = Object.entries(held).map(([number, version]) => [number, decodeVersion(version)] as const);
  return { ...stored, managed, kdf, backedUp, versions: Object.fromEntries(versions) };
}

/** Which key object of the HSM a key is; null for one that is none, and where there is no key. */
export async function loadManaged(view: EngineContext['view'], name: string): Promise<ManagedReference | null> {
  const bytes = await view.get([FOLDER, name]);
  if (bytes === null) return null;
  const { managed = null } = JSON.parse(fromUtf8(bytes)) as Partial<Pick<Key, 'managed'>>;
  zero(bytes);
  return managed;
}

export async function hasKey({ view }: EngineContext, name: string): Promise<boolean> {
  const bytes = await view.get([FOLDER, name]);
  if (bytes !== null) zero(bytes);
  return bytes !== null;
}

export async function storeKey({ view }: EngineContext, key: Key): Promise<void> {
  const versions = Object.entries(key.versions).map(([number, version]) => [number, encodeVersion(version)] as const);
  const bytes = utf8(JSON.stringify({ ...key, versions: Object.fromEntries(versions) }));
  await putSecret(view, [FOLDER, key.name], bytes);
}

/** A version that is a row of its own; null when there is none. The caller's to wipe. */
export async function loadVersion({ view }: EngineContext, row: readonly string[]): Promise<KeyVersion | null> {
  const bytes = await view.get(row);
  if (bytes === null) return null;
  const version = decodeVersion(JSON.parse(fromUtf8(bytes)) as StoredVersion);
  zero(bytes);
  return version;
}

export async function storeVersion(
  { view }: EngineContext,
  row: readonly string[],
  version: KeyVersion,
): Promise<void> {
  const bytes = utf8(JSON.stringify(encodeVersion(version)));
  await putSecret(view, row, bytes);
}

/** @param bytes are zeroed */
async function putSecret(view: EngineContext['view'], row: readonly string[], bytes: Uint8Array): Promise<void> {
  try {
    await view.put(row, bytes);
  } finally {
    zero(bytes);
  }
}

function encodeVersion({ created, key, public: spki, hmac }: KeyVersion): StoredVersion {
  return {
    created,
    key: key === null ? null : base64(key),
    public: spki === null ? null : base64(spki),
    hmac: hmac === null ? '' : base64(hmac),
  };
}

function decodeVersion({ created, key, public: spki, hmac }: StoredVersion): KeyVersion {
  return {
    created,
    key: key === null ? null : decoded(key),
    public: spki === null ? null : decoded(spki),
    hmac: hmac === '' ? null : decoded(hmac),
  };
}

function decoded(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}

export async function deleteKey({ view }: EngineContext, name: string): Promise<void> {
  await view.delete([FOLDER, name]);
}

/** The key, to be used within `usingKey`. @throws StoreError `no_key` */
export async function requireKey(context: EngineContext, name: string): Promise<Key> {
  const key = await loadKey(context, name);
  if (key !== null) return key;
  throw new StoreError('no_key', `there is no key "${name}" in ${context.mountPath}`, {
    // Not the command that makes one: a new key decrypts nothing, and is in the way of one that is restored or imported.
    hint: `list the keys with: coffer list ${shellWord(`${context.mountPath}keys`)}; to make one see: coffer path-help ${keyPath(context, name)}`,
  });
}

/** @throws StoreError `key_exists` */
export function keyExists({ mountPath }: EngineContext, name: string, hint: string): StoreError {
  return new StoreError('key_exists', `there is already a key "${name}" in ${mountPath}`, { hint });
}
