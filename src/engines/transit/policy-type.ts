import type { JsonObject } from '../../json.ts';
import { isEmptyEntry } from './policy-entry.ts';
import { unsupported } from './policy-error.ts';
import { memberText, memberWhole } from './policy-member.ts';
import { HMAC_KEY_BYTES, KEY_TYPE_NAMES, type KeyTypeName } from './types.ts';

/** Whose numbers a backup has for the types of keys; they differ in hmac alone. */
export const DIALECTS = ['vault', 'openbao'] as const;
export type Dialect = (typeof DIALECTS)[number];

const NUMBERS: { readonly [name in Exclude<KeyTypeName, 'hmac'>]: number } = {
  'aes256-gcm96': 0,
  'ecdsa-p256': 1,
  ed25519: 2,
  'rsa-2048': 3,
  'rsa-4096': 4,
  'chacha20-poly1305': 5,
  'ecdsa-p384': 6,
  'ecdsa-p521': 7,
  'aes128-gcm96': 8,
  'rsa-3072': 9,
};
const HMAC_NUMBERS: { readonly [dialect in Dialect]: number } = { vault: 11, openbao: 10 };
/** What the other server has under the number of hmac. */
const NAMESAKES: { readonly [number: number]: string } = {
  10: 'managed_key in Vault',
  11: 'xchacha20-poly1305 in OpenBao',
};

export function typeNumber(type: KeyTypeName, dialect: Dialect): number {
  return type === 'hmac' ? HMAC_NUMBERS[dialect] : NUMBERS[type];
}

/**
 * The type of a policy. A number that means hmac to one of the servers is taken for hmac only when what the policy
 * holds is that: never is a key restored as one of another type.
 * @param entries of all its versions
 * @throws UsageError `unsupported_backup`
 */
export function policyType(policy: JsonObject, entries: readonly JsonObject[]): KeyTypeName {
  const number = memberWhole(policy, 'type');
  const name = KEY_TYPE_NAMES.find((candidate) => candidate !== 'hmac' && NUMBERS[candidate] === number);
  if (name !== undefined) return name;
  const namesake = NAMESAKES[number];
  if (namesake === undefined) throw unsupported(`its type (number ${number}) is not one that coffer has`);
  if (isHmac(policy, entries)) return 'hmac';
  throw unsupported(
    `its type (number ${number}) is ${namesake}, which coffer does not have, and what it holds is no key of type hmac`,
  );
}

/** Both servers write the size of an hmac key, and its key a second time as the key for hmac/. */
function isHmac(policy: JsonObject, entries: readonly JsonObject[]): boolean {
  const size = memberWhole(policy, 'key_size');
  if (size < HMAC_KEY_BYTES.min || size > HMAC_KEY_BYTES.max) return false;
  return entries
    .filter((entry) => !isEmptyEntry(entry))
    .every((entry) => memberText(entry, 'key') !== '' && memberText(entry, 'key') === memberText(entry, 'hmac_key'));
}
