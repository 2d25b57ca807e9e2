import { isNamed } from '../pkcs11/index.ts';
import { macMechanism } from './authenticator.ts';
import { claimOf, formerKeys } from './configured.ts';
import type { KeyLookup } from './key-lookup.ts';
import { methodOf, wrapMethods } from './method.ts';
import type { MacStanza, RecordKeys, Wrap } from './seal.ts';

/** As Seal.isCurrent. */
export function isCurrent(keys: KeyLookup, { wraps, macStanza }: RecordKeys): boolean {
  return isMacCurrent(keys, macStanza) && wraps.some((wrap) => isWrapCurrent(keys, wrap));
}

/** As FormerKeys.formerNeeded. */
export function formerNeeded(keys: KeyLookup, { wraps, macStanza }: RecordKeys): string[] {
  const oldWraps = wraps.some((wrap) => isNamed(keys.wrapping(), claimOf(wrap))) ? [] : wraps;
  const oldMacs = macStanza === null || isByHmacKey(keys, macStanza) ? [] : [macStanza];
  const claims = [...oldWraps, ...oldMacs].map(claimOf);
  return formerKeys(keys.config)
    .filter(({ role, reference, isDefault }) =>
      claims.some((claim) => claim.role === role && (isDefault || isNamed(claim, reference))),
    )
    .map(({ parameter }) => parameter);
}

function isWrapCurrent(keys: KeyLookup, wrap: Wrap): boolean {
  const key = keys.wrapping();
  const method = methodOf(wrap);
  if (method === null || wrap.seal !== keys.config.name || !isNamed(key, claimOf(wrap))) return false;
  return wrapMethods(keys.config, key).some(
    ({ mechanism, hash }) => mechanism === method.mechanism && hash === method.hash,
  );
}

function isMacCurrent(keys: KeyLookup, stanza: MacStanza | null): boolean {
  if (stanza === null) return keys.config.hmacKey === null;
  return stanza.mechanism === macMechanism(keys.config) && isByHmacKey(keys, stanza);
}

function isByHmacKey(keys: KeyLookup, stanza: MacStanza): boolean {
  const key = keys.hmac();
  return key !== null && isNamed(key, claimOf(stanza));
}
