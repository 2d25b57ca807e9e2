import { hex } from '../../bytes.ts';
import type { Pkcs11SealConfig } from '../../config/types.ts';
import type { KeyReference } from '../../hsm-keys.ts';
import { isNamed, type KeyDetails, type TokenDescription } from '../../pkcs11/index.ts';
import { formerKeys, isNamedForOther, type Role } from '../../seal/index.ts';
import { type Context, withSeal } from '../context.ts';

/** Which key of the stanza an object is: the one that wraps, the one of the HMAC, one before either, or the fallback for either. */
export type KeyRole = 'wrapping' | 'hmac' | 'previous wrapping' | 'previous hmac' | 'default wrapping' | 'default hmac';

export interface TokenKey extends KeyDetails {
  readonly roles: readonly KeyRole[];
}

/** Every key object of the configured token that the login shows, by label, since tokens list them in no order. */
export async function tokenKeys(context: Context): Promise<{ token: TokenDescription; keys: TokenKey[] }> {
  return withSeal(context, false, async (_seal, session) => ({
    token: session.token,
    keys: session
      .listKeys()
      .map((key) => ({ ...key, roles: rolesOf(context.config.seal, key) }))
      .toSorted((a, b) => compare(a.label, b.label) || compare(a.class, b.class) || compare(hex(a.id), hex(b.id))),
  }));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** A public key wraps nothing that its private key would not open, so it has the role of its pair. */
function rolesOf(seal: Pkcs11SealConfig, key: KeyDetails): KeyRole[] {
  const named: readonly (readonly [KeyRole, Role, KeyReference | null])[] = [
    ['wrapping', 'wrap', seal.key],
    ['hmac', 'hmac', seal.hmacKey],
    ...formerKeys(seal).map(
      ({ role, reference, isDefault }) =>
        [`${isDefault ? 'default' : 'previous'} ${role === 'wrap' ? 'wrapping' : 'hmac'}`, role, reference] as const,
    ),
  ];
  const roles = named
    .filter(([, role, reference]) => reference !== null && isNamed(key, reference) && !isNamedForOther(seal, role, key))
    .map(([name]) => name);
  return [...new Set(roles)];
}
