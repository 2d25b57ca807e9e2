import type { Pkcs11SealConfig } from '../config/types.ts';
import { asBuffer } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { isNamed, type Key, type Session, unpadded } from '../pkcs11/index.ts';
import { allReferences, isSameObject } from './configured.ts';
import type { SealKey } from './seal.ts';

/** The keys that serve the store: whoever could decrypt with one of them for another purpose could open its wraps. */
export interface ReservedKeys {
  /** @throws HsmError `seal_key` for an object that is one of them, whatever it is called now */
  refuse(key: Key): void;
  /** @throws HsmError `seal_key` for a new key that would be called like one of them */
  refuseLabel(label: string): void;
}

/**
 * Those that the configuration names, and `own`, those that ever wrapped or authenticated the store. An object is one of them by
 * its name, by its id, by being the same object, and an RSA key by being the same key.
 */
export function reservedKeys(config: Pkcs11SealConfig, session: Session, own: readonly SealKey[]): ReservedKeys {
  const references = allReferences(config).map(({ reference }) => reference);
  let objects: readonly Key[] | null = null;

  /** Looked up once, since it costs a search for each. */
  function onToken(): readonly Key[] {
    objects ??= [
      ...references.flatMap(({ label, id }) => session.findKeys({ class: null, label, id })),
      ...own.flatMap(({ class: keyClass, label, id }) =>
        session.findKeys({ class: keyClass, label, id: id.length === 0 ? null : id }),
      ),
    ];
    return objects;
  }

  function isReserved(key: Key): boolean {
    if (references.some((reference) => isNamed(key, reference))) return true;
    const isOwn = own.some(({ class: keyClass, label, id }) => {
      const name = id.length === 0 ? { label, id: null } : { label: null, id };
      return keyClass === key.class && isNamed(key, name);
    });
    if (isOwn) return true;
    return onToken().some((object) => isSameObject(object, key) || isSameRsaKey(session, object, key));
  }

  return {
    refuse(key) {
      if (!isReserved(key)) return;
      throw new HsmError('seal_key', `the HSM key "${key.label}" is the seal's own, or was, and serves nothing else`, {
        hint: 'create another key: generate=true with a name of its own',
      });
    },
    refuseLabel(label) {
      if (![...references, ...own].some((one) => one.label !== null && unpadded(one.label) === unpadded(label))) return;
      const problem = `"${label}" is the name of a key of the seal, now or before, and of nothing else`;
      throw new HsmError('seal_key', problem, { hint: 'choose another managed_key_name' });
    },
  };
}

/** Two objects can hold one private key. */
function isSameRsaKey(session: Session, a: Key, b: Key): boolean {
  if (a.class !== 'private' || b.class !== 'private') return false;
  const [one, other] = [session.shapeOf(a), session.shapeOf(b)];
  if (one?.kind !== 'rsa' || other?.kind !== 'rsa') return false;
  return one.modulus.length > 0 && asBuffer(one.modulus).equals(other.modulus);
}
