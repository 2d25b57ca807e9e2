import { sameBytes } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { optionalInteger } from '../parameters.ts';
import { type Key, type KeyVersion, wipeVersion } from './key.ts';
import { decodeEntry } from './policy-decode.ts';
import { EMPTY_ENTRY, isEmptyEntry } from './policy-entry.ts';
import { badBackup, EntryFault, unsupported } from './policy-error.ts';
import { memberWhole } from './policy-member.ts';
import { typeOf } from './types.ts';

/** Convergent encryption of which each version says for itself which it is. */
export const CONVERGENT_BY_VERSION = -1;

/** The entries of a backup as they are there. */
export interface HeldEntries {
  /** By version. */
  readonly current: ReadonlyMap<number, JsonObject>;
  /** The first is that of min_available_version. */
  readonly archive: readonly JsonObject[];
}

/** @throws UsageError `bad_backup` when "keys" has a name that is not the number of a version */
export function heldEntries({ keys }: JsonObject, archived: JsonObject[string] | undefined): HeldEntries {
  const current = isJsonObject(keys)
    ? Object.entries(keys).map(([name, entry]) => [versionNumber(name), entryOf(entry)] as const)
    : [];
  const archive = isJsonObject(archived) ? archived['keys'] : null;
  return { current: new Map(current), archive: Array.isArray(archive) ? archive.map(entryOf) : [] };
}

/** The versions of a key in a backup, by number. */
export interface DecodedVersions {
  readonly versions: { readonly [number: string]: KeyVersion };
  /** What they were made of. */
  readonly entries: ReadonlyMap<number, JsonObject>;
  /** What is there and is none of the key's versions. */
  readonly surplus: readonly number[];
}

/** @throws UsageError `bad_backup` with the version in its message, `unsupported_backup` */
export function decodeVersions(policy: JsonObject, { current, archive }: HeldEntries, key: Key): DecodedVersions {
  const archived = new Map(
    archive.flatMap((entry, at) => (isEmptyEntry(entry) ? [] : [[at + key.minAvailable, entry] as const])),
  );
  const held = [...new Set([...current.keys(), ...archived.keys()])].sort((a, b) => a - b);
  const isVersion = (number: number): boolean => number >= Math.max(1, key.minAvailable) && number <= key.latest;
  const entries = new Map<number, JsonObject>();
  for (const number of held.filter(isVersion)) {
    const entry = current.get(number) ?? archived.get(number) ?? EMPTY_ENTRY;
    if (!isEmptyEntry(entry)) entries.set(number, entry);
  }
  requireUsable(key, [...entries.keys()]);
  const versions = [...entries].map(
    ([number, entry]) => [number, versionOf(policy, number, entry, archived.get(number) ?? entry, key)] as const,
  );
  return { versions: Object.fromEntries(versions), entries, surplus: held.filter((number) => !entries.has(number)) };
}

/** In decimal, as a server writes it and in no other way: two names for one version would be two keys for it. */
function versionNumber(name: string): number {
  if (/^[1-9]\d{0,14}$/.test(name)) return Number(name);
  throw badBackup(`${JSON.stringify(name)} is not the number of a version`);
}

function entryOf(value: JsonObject[string]): JsonObject {
  return isJsonObject(value) ? value : EMPTY_ENTRY;
}

/** Without a walk to the latest version, for a backup may claim any. @param numbers in order */
function requireUsable({ minDecryption, latest }: Key, numbers: readonly number[]): void {
  const usable = numbers.filter((number) => number >= minDecryption);
  const gap = usable.findIndex((number, at) => number !== minDecryption + at);
  const missing = minDecryption + (gap < 0 ? usable.length : gap);
  if (missing <= latest) throw badBackup(`version ${missing} is missing`);
}

function versionOf(policy: JsonObject, number: number, entry: JsonObject, archived: JsonObject, key: Key): KeyVersion {
  const version = decodedEntry(policy, number, entry, key);
  if (archived === entry) return version;
  const former = decodedEntry(policy, number, archived, key);
  const other = differenceOf(version, former);
  wipeVersion(former);
  if (other !== null) throw badBackup(`version ${number}: its ${other} in the archive is another`);
  return version;
}

/**
 * What the archive has otherwise. It may have less: a server leaves it as it was when a version gets its private key, or
 * its key for hmac/, later.
 */
function differenceOf(current: KeyVersion, archived: KeyVersion): string | null {
  if (!isWithin(current.public, archived.public)) return 'public key';
  if (!isWithin(current.key, archived.key)) return 'key';
  return isWithin(current.hmac, archived.hmac) ? null : 'hmac_key';
}

function isWithin(current: Uint8Array | null, archived: Uint8Array | null): boolean {
  return archived === null || (current !== null && sameBytes(current, archived));
}

function decodedEntry(policy: JsonObject, number: number, entry: JsonObject, key: Key): KeyVersion {
  try {
    const version = decodeEntry(typeOf(key.type), entry);
    if (key.derived && version.key === null) throw new EntryFault('it derives keys and has only a public key');
    if (key.convergent && convergentVersion(policy, entry) !== 3)
      throw unsupported(`version ${number}: its convergent encryption is older than version 3`);
    return version;
  } catch (error) {
    throw faultOf(error, number);
  }
}

/** With a message of ours, or with one that says nothing: another may hold key material. */
function faultOf(error: unknown, number: number): UsageError {
  if (error instanceof UsageError && error.code === 'unsupported_backup') return error;
  const isOurs = error instanceof EntryFault || (error instanceof UsageError && error.code === 'bad_key');
  return badBackup(`version ${number}: ${isOurs ? error.message : 'a field of it is missing or malformed'}`);
}

function convergentVersion(policy: JsonObject, entry: JsonObject): number {
  const own = memberWhole(entry, 'convergent_version');
  return own || (optionalInteger(policy, 'convergent_version', { min: CONVERGENT_BY_VERSION }) ?? 0);
}
