import type { KeyReference } from '../hsm-keys.ts';
import { HsmError } from '../errors.ts';
import { describeName, type Key, listKeys, type Session } from '../pkcs11/index.ts';

export type ManagedClass = 'secret' | 'private';

/** The one key of these classes that has this name. @throws HsmError `key_not_found`, `key_ambiguous` */
export function lookUp(session: Session, { label, id }: KeyReference, classes: readonly ManagedClass[]): Key {
  const matching = classes.flatMap((each) => session.findKeys({ class: each, label, id }));
  const [key, ...others] = matching;
  const wanted = describeName({ label, id });
  if (key === undefined) {
    const there = classes.flatMap((each) => session.findKeys({ class: each, label: null, id: null }));
    const problem = `no ${classes.join(' or ')} key on token "${session.token.label}" has ${wanted}`;
    throw new HsmError('key_not_found', problem, {
      hint:
        there.length === 0
          ? 'there are none at all; create it with generate=true key_type=...'
          : `keys that are there:\n${listKeys(there)}`,
    });
  }
  if (others.length === 0) return key;
  throw new HsmError('key_ambiguous', `${matching.length} keys on token "${session.token.label}" have ${wanted}`, {
    hint: `give managed_key_id=HEX, too, to choose one:\n${listKeys(matching)}`,
  });
}
