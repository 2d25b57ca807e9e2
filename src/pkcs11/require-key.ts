import { hex } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { visible } from '../visible.ts';
import type { Key, KeyQuery, Session } from './types.ts';

const CLASS_NAMES = { secret: 'secret keys', public: 'public keys', private: 'private keys' } as const;
/** More would bury the message. */
const LISTED = 20;

/**
 * The one key that matches. `what` names its purpose in messages: "HMAC key (hmac_key_label)". Throws HsmError
 * `key_not_found`, listing the keys of that class on the token, or `key_ambiguous`, listing the ids to choose from.
 */
export function requireKey(session: Session, query: KeyQuery, what: string): Key {
  const found = session.findKeys(query);
  const [key, ...others] = found;
  if (key === undefined) {
    throw notFound(session, query, what);
  }
  if (others.length > 0) {
    throw new HsmError(
      'key_ambiguous',
      `${found.length} keys on token "${session.token.label}" have ${wanted(query)}, and one is needed as ${what}`,
      { hint: `set key_id (for the HMAC key: hmac_key_id) in the seal stanza to choose one:\n${listKeys(found)}` },
    );
  }
  return key;
}

function notFound(session: Session, query: KeyQuery, what: string): HsmError {
  const there = session.findKeys({ class: query.class, label: null, id: null });
  const classes = query.class === null ? 'secret or private keys' : CLASS_NAMES[query.class];
  return new HsmError(
    'key_not_found',
    `no key on token "${session.token.label}" has ${wanted(query)}, and it is needed as ${what}`,
    {
      hint:
        there.length === 0
          ? `there are no ${classes} on the token: check that it is the right one`
          : `check the label and id in the seal stanza; ${classes} that are there:\n${listKeys(there)}`,
    },
  );
}

function wanted({ label, id }: KeyQuery): string {
  return [label === null ? [] : [`label "${label}"`], id === null ? [] : [`id ${idText(id)}`]].flat().join(' and ');
}

/** For hints: a line for each key, with its label and id. */
export function listKeys(keys: readonly Key[]): string {
  const lines = keys.slice(0, LISTED).map((key) => `  label "${visible(key.label)}", id ${idText(key.id)}`);
  return [...lines, ...(keys.length > LISTED ? [`  and ${keys.length - LISTED} more`] : [])].join('\n');
}

function idText(id: Uint8Array): string {
  return id.length === 0 ? '(none)' : hex(id);
}
