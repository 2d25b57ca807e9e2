import { hex } from '../bytes.ts';
import type { Pkcs11SealConfig } from '../config/types.ts';
import type { KeyReference } from '../hsm-keys.ts';
import { HsmError, IntegrityError } from '../errors.ts';
import {
  CKK,
  describeName,
  isNamed,
  type Key,
  type KeyClass,
  type KeyName,
  type KeyQuery,
  onlyKey,
  type Session,
} from '../pkcs11/index.ts';
import { isRsaMechanism } from './method.ts';
import type { MacStanza, Wrap } from './seal.ts';

/*
 * The HSM keys that the configuration names. They alone open anything: what a record says of its keys is only compared with
 * them, since whoever can write the record says it.
 */

export type Role = 'wrap' | 'hmac';

/** A key that no new record is made with, and the parameter that names it: `previous_key_label "old"`. */
export interface FormerKey {
  readonly role: Role;
  readonly reference: KeyReference;
  readonly parameter: string;
  /** Whether it stands in for a key of any name that is not there. */
  readonly isDefault: boolean;
}

/** Every key beside key_label and hmac_key_label. */
export function formerKeys(config: Pkcs11SealConfig): FormerKey[] {
  const previous = (role: Role, prefix: string, references: readonly KeyReference[]): FormerKey[] =>
    references.map((reference) => {
      const given =
        reference.id === null ? `${prefix}_label "${reference.label ?? ''}"` : `${prefix}_id ${hex(reference.id)}`;
      return { role, reference, parameter: given, isDefault: false };
    });
  const fallback = (role: Role, parameter: string, label: string | null): FormerKey[] =>
    label === null
      ? []
      : [{ role, reference: { label, id: null }, parameter: `${parameter} "${label}"`, isDefault: true }];
  return [
    ...previous('wrap', 'previous_key', config.previousKeys),
    ...previous('hmac', 'previous_hmac_key', config.previousHmacKeys),
    ...fallback('wrap', 'default_key_label', config.defaultKeyLabel),
    ...fallback('hmac', 'default_hmac_key_label', config.defaultHmacKeyLabel),
  ];
}

/** Every reference of the stanza to a key. */
export function allReferences(config: Pkcs11SealConfig): { readonly role: Role; readonly reference: KeyReference }[] {
  const { key, hmacKey } = config;
  return [
    { role: 'wrap', reference: key },
    ...(hmacKey === null ? [] : [{ role: 'hmac' as const, reference: hmacKey }]),
    ...formerKeys(config),
  ];
}

type Kind = Pick<Key, 'class' | 'type'>;

/** What a key object must be to serve in a role; an HMAC key may be AES, where the token knows no other kind. */
function isOfKind(role: Role, { class: keyClass, type }: Kind): boolean {
  if (role === 'hmac') return keyClass === 'secret' && (type === CKK.GENERIC_SECRET || type === CKK.SHA256_HMAC);
  return keyClass === 'secret' ? type === CKK.AES : type === CKK.RSA;
}

/** The same, where one whose type the token does not tell counts. */
function mayBeOfKind(role: Role, key: Kind): boolean {
  return isOfKind(role, key) || (key.type === null && (role === 'wrap' || key.class === 'secret'));
}

/** The keys that match and, where several do, of those the ones that are of the role's kind: class and type tell two keys of one name apart. */
export function keysFor(session: Session, role: Role, query: KeyQuery): Key[] {
  return narrowed(role, session.findKeys(query));
}

/** Of keys with one name those of the role's kind; where none is, those that may be, as far as the token tells; else all. */
export function narrowed<T extends Pick<Key, 'class' | 'type'>>(role: Role, keys: readonly T[]): T[] {
  if (keys.length < 2) return [...keys];
  const fitting = keys.filter((key) => isOfKind(role, key));
  const possible = fitting.length > 0 ? fitting : keys.filter((key) => mayBeOfKind(role, key));
  return possible.length === 0 ? [...keys] : possible;
}

/** Whether a key that both parameters name is the other's by its kind: an AES key of that label is no missing HMAC key's substitute. */
export function isNamedForOther(
  config: Pkcs11SealConfig,
  role: Role,
  key: KeyName & Pick<Key, 'class' | 'type'>,
): boolean {
  const [other, reference]: readonly [Role, KeyReference | null] =
    role === 'wrap' ? ['hmac', config.hmacKey] : ['wrap', config.key];
  return reference !== null && isNamed(key, reference) && isOfKind(other, key) && !mayBeOfKind(role, key);
}

/** What a record says of the key that made a part of it. */
export interface Claim extends KeyName {
  readonly role: Role;
  readonly class: Exclude<KeyClass, 'public'>;
}

/** What a wrap or an HMAC says of the key that made it. */
export function claimOf(made: Wrap | MacStanza): Claim {
  const { keyLabel: label, keyId: id, mechanism } = made;
  if (!('ciphertext' in made)) return { role: 'hmac', class: 'secret', label, id };
  return { role: 'wrap', class: isRsaMechanism(mechanism) ? 'private' : 'secret', label, id };
}

/**
 * The key on the token that the configuration has for what a record claims. It is looked up by the configuration's words
 * and must be the only one of its name. A label or id that the configuration leaves open is not compared: what the wrong key
 * opens does not authenticate.
 * @throws IntegrityError `key_not_configured`; HsmError `key_not_found`, `key_ambiguous`
 */
export function requireConfigured(session: Session, config: Pkcs11SealConfig, claim: Claim): Key {
  const { role, class: keyClass } = claim;
  const what = role === 'wrap' ? 'key that wrapped this store' : 'HMAC key of this store';
  const former = formerKeys(config).filter((each) => each.role === role);
  const fitting = [
    ...current(config, claim),
    ...former.flatMap(({ reference, isDefault }) => (isDefault ? [] : [reference])),
  ].filter((reference) => isNamed(claim, reference));
  const find = (reference: KeyReference): Key[] => {
    const query = { class: keyClass, label: reference.label, id: reference.id };
    const found = keysFor(session, role, query);
    if (found.length > 0) requireOneClass(session, config, claim, reference);
    return found.length === 0 ? [] : [onlyKey(session, found, query, what)];
  };
  const found = distinct(fitting.flatMap(find));
  const [first] = found;
  if (first !== undefined) return found.length === 1 ? first : (found.find((key) => isNamed(key, claim)) ?? first);
  const [stand] = former.flatMap(({ reference, isDefault }) => (isDefault ? find(reference) : []));
  if (stand !== undefined) return stand;
  const [missing] = fitting;
  if (missing === undefined) throw notConfigured(claim);
  throw gone(session, { class: keyClass, label: missing.label, id: missing.id }, what);
}

/** A key of the same name that was made anew opens nothing, and would hide that the right one is missing. */
function gone(session: Session, query: KeyQuery, what: string): unknown {
  try {
    return onlyKey(session, [], query, what);
  } catch (error) {
    if (!(error instanceof HsmError)) return error;
    const rest =
      "is this the right token? If the key was deleted, restore it from the HSM's backup: a new key of that name would not open what this one wrapped";
    return new HsmError(error.code, error.message, { hint: [`${rest}\n`, error.hint ?? ''], cause: error });
  }
}

/** The key in use, unless the stanza says that it is of the other class. */
function current(config: Pkcs11SealConfig, { role, class: keyClass }: Claim): KeyReference[] {
  if (role === 'hmac') return config.hmacKey === null ? [] : [config.hmacKey];
  const wanted =
    config.key.class ?? (config.mechanism === null ? null : isRsaMechanism(config.mechanism) ? 'private' : 'secret');
  return wanted === null || wanted === keyClass ? [config.key] : [];
}

/**
 * Where no HMAC key is configured, whoever has the public key can make a record for an RSA key. Such a record must not choose
 * a pair that happens to have the name of the operator's AES key.
 * @throws HsmError `key_ambiguous`
 */
function requireOneClass(session: Session, config: Pkcs11SealConfig, claim: Claim, reference: KeyReference): void {
  const isSaid = reference === config.key && (config.key.class !== null || config.mechanism !== null);
  if (claim.role !== 'wrap' || claim.class !== 'private' || config.hmacKey !== null || isSaid) return;
  const secret = session
    .findKeys({ class: 'secret', label: reference.label, id: reference.id })
    .filter((key) => mayBeOfKind('wrap', key));
  if (secret.length === 0) return;
  const problem = `an AES key and an RSA key on token "${session.token.label}" have ${describeName(reference)}`;
  throw new HsmError('key_ambiguous', problem, {
    hint: 'say in the seal stanza which one is meant: by key_id, or by mechanism',
  });
}

function distinct(keys: readonly Key[]): Key[] {
  return keys.filter((key, at) => keys.findIndex((other) => isSameObject(key, other)) === at);
}

/** Handles are those of one session. */
export function isSameObject(a: Pick<Key, 'handle'>, b: Pick<Key, 'handle'>): boolean {
  return a.handle.equals(b.handle);
}

function notConfigured(claim: Claim): IntegrityError {
  const [what, label, id] =
    claim.role === 'wrap' ? ['to be under', 'key_label', 'key_id'] : ['an HMAC by', 'hmac_key_label', 'hmac_key_id'];
  const problem = `claims ${what} the HSM key with ${describeName(claim)}, which the configuration does not name`;
  return new IntegrityError('key_not_configured', problem, {
    hint:
      `only keys that the configuration names open anything: ${label} and ${id} name the one in use, previous_${label} and previous_${id} those before it ` +
      '(lists, with commas), as coffer-config(5) says. If your own notes, and not this message, say that it was one of these, name it there; ' +
      'else somebody wrote this: restore the store from a backup and find out who could write to it',
  });
}
