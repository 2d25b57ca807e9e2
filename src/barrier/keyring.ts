import { KEY_BYTES } from '../aead.ts';
import { ByteReader, ByteWriter, MalformedBytes, utf8, zero } from '../bytes.ts';
import type { Entropy } from '../entropy/index.ts';

/** With the key of the tree: the store has one. */
const VERSION = 3;
/** Without it. A store of the first layout is written so. */
const WITHOUT_TREE = 2;
/** Without the HSM keys, too. */
const FIRST_VERSION = 1;
const PATH_KEY_BYTES = 64;
const VERIFIER_BYTES = 32;

/** One barrier key: AES-256, used for everything written while it is the newest. */
export interface Term {
  /** Counts from 1. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** What the recovery key shares of `init` are checked against. */
export interface Recovery {
  readonly shares: number;
  readonly threshold: number;
  /** SHA-256 of the 32-byte recovery key, or null when no shares were given out. */
  readonly verifier: Uint8Array | null;
}

/** A key of the HSM that wraps the store or authenticates it, or has done so. */
export interface HsmKeyName {
  readonly role: 'wrap' | 'hmac';
  readonly class: 'secret' | 'private';
  /** CKA_LABEL and CKA_ID, at most 255 bytes each. */
  readonly label: string;
  readonly id: Uint8Array;
}

/** The keys below the root key. It is stored only as the body of the store's record. */
export interface Keyring {
  /** In ascending order, at least one; the last is the active term. */
  readonly terms: readonly Term[];
  /** 64 bytes: AES-SIV with two 256-bit halves (RFC 5297). */
  readonly pathKey: Uint8Array;
  readonly recovery: Recovery;
  /** Every HSM key that ever wrapped or authenticated the store, each once; none of a store that an earlier coffer wrote. */
  readonly hsmKeys: readonly HsmKeyName[];
  /** 32 bytes, for the tree over all rows; null for a store that has none. */
  readonly treeKey: Uint8Array | null;
}

export async function createKeyring(entropy: Entropy, now: number, recovery: Recovery): Promise<Keyring> {
  const key = await entropy.bytes(KEY_BYTES);
  const terms = [{ number: 1, created: now, key }];
  const pathKey = await entropy.bytes(PATH_KEY_BYTES);
  return { terms, pathKey, recovery, hsmKeys: [], treeKey: await entropy.bytes(KEY_BYTES) };
}

/** The same keyring, of a store that gets a tree. */
export async function addTreeKey(keyring: Keyring, entropy: Entropy): Promise<Keyring> {
  return { ...keyring, treeKey: await entropy.bytes(KEY_BYTES) };
}

/** The same keyring with one more term, which becomes the active one. */
export async function addTerm(keyring: Keyring, entropy: Entropy, now: number): Promise<Keyring> {
  const term = { number: activeTerm(keyring).number + 1, created: now, key: await entropy.bytes(KEY_BYTES) };
  return { ...keyring, terms: [...keyring.terms, term] };
}

/** The same keyring with those of `keys` that it does not list yet; itself, where it lists them all. */
export function addHsmKeys(keyring: Keyring, keys: readonly HsmKeyName[]): Keyring {
  const hsmKeys = [...keyring.hsmKeys];
  for (const { role, class: keyClass, label, id } of keys) {
    const key: HsmKeyName = { role, class: keyClass, label, id };
    if (!hsmKeys.some((known) => isSameName(known, key))) hsmKeys.push(key);
  }
  return hsmKeys.length === keyring.hsmKeys.length ? keyring : { ...keyring, hsmKeys };
}

function isSameName(a: HsmKeyName, b: HsmKeyName): boolean {
  return a.role === b.role && a.class === b.class && a.label === b.label && Buffer.compare(a.id, b.id) === 0;
}

export function activeTerm(keyring: Keyring): Term {
  const term = keyring.terms.at(-1);
  if (term === undefined) throw new RangeError('a keyring has at least one term');
  return term;
}

/** Byte layout: coffer-format(7), "Keyring". The result is the caller's to zero. */
export function encodeKeyring(keyring: Keyring): Uint8Array {
  const { treeKey } = keyring;
  const writer = new ByteWriter().u8(treeKey === null ? WITHOUT_TREE : VERSION).u32(keyring.terms.length);
  for (const term of keyring.terms) writer.u32(term.number).u64(term.created).raw(term.key);
  const { shares, threshold, verifier } = keyring.recovery;
  writer
    .raw(keyring.pathKey)
    .u8(shares)
    .u8(threshold)
    .bytes8(verifier ?? new Uint8Array(0))
    .u16(keyring.hsmKeys.length);
  for (const key of keyring.hsmKeys) writer.u8(kindOf(key)).bytes8(utf8(key.label)).bytes8(key.id);
  if (treeKey !== null) writer.raw(treeKey);
  return writer.finish();
}

/** Role and class of an HSM key, by the number that stands for them. */
const HSM_KEY_KINDS: ReadonlyMap<number, Pick<HsmKeyName, 'role' | 'class'>> = new Map([
  [1, { role: 'wrap', class: 'secret' }],
  [2, { role: 'wrap', class: 'private' }],
  [3, { role: 'hmac', class: 'secret' }],
]);

function kindOf({ role, class: keyClass }: HsmKeyName): number {
  const [number] = [...HSM_KEY_KINDS].find(([, kind]) => kind.role === role && kind.class === keyClass) ?? [];
  if (number === undefined) throw new RangeError(`a ${keyClass} key makes no HMAC`);
  return number;
}

function readHsmKey(reader: ByteReader): HsmKeyName {
  const kind = HSM_KEY_KINDS.get(reader.u8());
  if (kind === undefined) throw new MalformedBytes('an unknown kind of HSM key');
  return { ...kind, label: reader.text8(), id: reader.bytes8().slice() };
}

/** Copies the keys out of `bytes`, of this version or an earlier one. @throws MalformedBytes */
export function decodeKeyring(bytes: Uint8Array): Keyring {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version < FIRST_VERSION || version > VERSION) throw new MalformedBytes('an unknown keyring version');
  const count = reader.u32();
  const terms: Term[] = [];
  for (let at = 0; at < count; at++) {
    terms.push({ number: reader.u32(), created: reader.u64(), key: reader.raw(KEY_BYTES).slice() });
  }
  if (terms.length === 0 || terms.some((term, at) => term.number <= (terms[at - 1]?.number ?? 0))) {
    throw new MalformedBytes('the terms of the keyring are not in order');
  }
  const pathKey = reader.raw(PATH_KEY_BYTES).slice();
  const shares = reader.u8();
  const threshold = reader.u8();
  const verifier = reader.bytes8().slice();
  if (verifier.length !== 0 && verifier.length !== VERIFIER_BYTES)
    throw new MalformedBytes('the recovery verifier has the wrong length');
  const hsmKeys = version === FIRST_VERSION ? [] : Array.from({ length: reader.u16() }, () => readHsmKey(reader));
  const treeKey = version === VERSION ? reader.raw(KEY_BYTES).slice() : null;
  reader.end();
  const recovery = { shares, threshold, verifier: verifier.length === 0 ? null : verifier };
  return { terms, pathKey, recovery, hsmKeys, treeKey };
}

export function zeroKeyring(keyring: Keyring): void {
  zero(keyring.pathKey, ...keyring.terms.map((term) => term.key));
  if (keyring.treeKey !== null) zero(keyring.treeKey);
}
