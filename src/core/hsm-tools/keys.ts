import { hex } from '../../bytes.ts';
import type { KeyReference, Pkcs11SealConfig } from '../../config/types.ts';
import type { KeyDetails, TokenDescription } from '../../pkcs11/index.ts';
import { withSeal } from '../hsm.ts';
import type { Context } from '../hsm.ts';

/** Which key of the stanza an object is: the one that wraps, the one of the HMAC, or the fallback for either. */
export type KeyRole = 'wrapping' | 'hmac' | 'default wrapping' | 'default hmac';

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
  const named: readonly (readonly [KeyRole, KeyReference | null])[] = [
    ['wrapping', seal.key],
    ['hmac', seal.hmacKey],
    ['default wrapping', asReference(seal.defaultKeyLabel)],
    ['default hmac', asReference(seal.defaultHmacKeyLabel)],
  ];
  return named.filter(([, reference]) => reference !== null && isNamed(reference, key)).map(([role]) => role);
}

function asReference(label: string | null): KeyReference | null {
  return label === null ? null : { label, id: null };
}

/** Some tokens pad labels with blanks. */
function isNamed({ label, id }: KeyReference, key: Pick<KeyDetails, 'label' | 'id'>): boolean {
  const labelFits = label === null || label === key.label || label === key.label.trimEnd();
  return labelFits && (id === null || hex(id) === hex(key.id));
}
