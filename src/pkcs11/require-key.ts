import { HsmError } from '../errors.ts';
import { describeName, isNamed, type KeyName } from './key-name.ts';
import type { Key, KeyQuery, Session } from './types.ts';

const CLASS_NAMES = { secret: 'secret keys', public: 'public keys', private: 'private keys' } as const;
/** More would bury the message. */
const LISTED = 20;

/**
 * The one key among those that were found, with `query` or with something narrower. `what` names its purpose in messages:
 * "HMAC key (hmac_key_label)". Throws HsmError `key_not_found`, listing the keys of that class on the token, or
 * `key_ambiguous`, listing the ids to choose from.
 */
export function onlyKey(session: Session, found: readonly Key[], query: KeyQuery, what: string): Key {
  const [key, ...others] = found;
  if (key === undefined) throw notFound(session, query, what);
  if (others.length > 0) throw ambiguous(session, found, query, what);
  return key;
}

function ambiguous(session: Session, found: readonly Key[], query: KeyQuery, what: string): HsmError {
  const message = `${found.length} keys on token "${session.token.label}" have ${describeName(query)}, and one is needed as ${what}`;
  return new HsmError('key_ambiguous', message, { hint: howToChoose(found) });
}

/** How one of several keys that have the wanted name is named alone, or what to do where nothing tells them apart. */
export function howToChoose(found: readonly KeyName[]): string {
  const twins = found.filter((key) => found.some((other) => other !== key && isNamed(key, other)));
  if (twins.length > 0) {
    return (
      `some have the same label and id, so that nothing in the configuration chooses between them:\n${listKeys(twins)}\n` +
      "back the token up, give one of them another id with the HSM's own tool (p11tool --set-id), and name each in turn by key_id " +
      '(the HMAC key: hmac_key_id): the one with which `coffer operator diagnose` opens the store is the one to keep. Remove the other then, by its id'
    );
  }
  const sameIds = found.some((key) =>
    found.some((other) => other !== key && isNamed(key, { label: null, id: other.id })),
  );
  const parameter = sameIds ? 'key_label (for the HMAC key: hmac_key_label)' : 'key_id (for the HMAC key: hmac_key_id)';
  const nameless = found.some(({ id }) => id.length === 0) && !sameIds;
  return (
    `set ${parameter} in the seal stanza to choose one:\n${listKeys(found)}` +
    (nameless ? "\none without an id can be chosen only after the HSM's own tool gave it one (p11tool --set-id)" : '')
  );
}

function notFound(session: Session, query: KeyQuery, what: string): HsmError {
  const there = session.findKeys({ class: query.class, label: null, id: null });
  const classes = query.class === null ? 'secret or private keys' : CLASS_NAMES[query.class];
  const problem = `no key on token "${session.token.label}" has ${describeName(query)}, and it is needed as ${what}`;
  return new HsmError('key_not_found', problem, {
    hint:
      there.length === 0
        ? `there are no ${classes} on the token: check that it is the right one`
        : `check the label and id in the seal stanza; ${classes} that are there:\n${listKeys(there)}`,
  });
}

/** For hints: a line for each key, with its label and id. */
export function listKeys(keys: readonly KeyName[]): string {
  const lines = keys.slice(0, LISTED).map((key) => `  ${describeName(key).replace(' and id', ', id')}`);
  return [...lines, ...(keys.length > LISTED ? [`  and ${keys.length - LISTED} more`] : [])].join('\n');
}
