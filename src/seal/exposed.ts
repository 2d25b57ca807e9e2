import { hex } from '../bytes.ts';
import { CryptokiError, type Exposure, isNamed, type Key } from '../pkcs11/index.ts';
import { allReferences, keysFor, type Role } from './configured.ts';
import type { KeyLookup } from './key-lookup.ts';

/** A key that wraps or authenticates, and what is unsafe about it. */
export interface ExposedKey {
  readonly label: string;
  /** At least one. */
  readonly exposures: readonly Exposure[];
}

interface KeyInRole {
  readonly role: Role;
  readonly key: Key;
}

/** The configured keys on the token that are not safe, wrapping keys first: those used so far, and a search for each of the others. */
export function exposedKeys(lookup: KeyLookup): ExposedKey[] {
  const { config, session } = lookup;
  const used = lookup.used();
  const others = allReferences(config).flatMap(({ role, reference }) =>
    ifTold(() => {
      if (used.some((each) => each.role === role && isNamed(each.key, reference))) return [];
      return keysFor(session, role, { class: null, ...reference }).map((key) => ({ role, key }));
    }),
  );
  const byRole = [...used, ...others].toSorted((a, b) => Number(b.role === 'wrap') - Number(a.role === 'wrap'));
  const keys = new Map(byRole.map(({ key }) => [hex(key.handle), key]));
  return [...keys.values()].flatMap((key) => {
    const exposures = session.exposuresOf(key);
    return exposures.length === 0 ? [] : [{ label: key.label, exposures }];
  });
}

/** Nothing where the token does not answer. */
function ifTold(find: () => KeyInRole[]): KeyInRole[] {
  try {
    return find();
  } catch (error) {
    if (error instanceof CryptokiError) return [];
    throw error;
  }
}
