import { CKM, listMechanisms, type MechanismDescription, type TokenDescription } from '../../pkcs11/index.ts';
import { type Context, moduleOptions } from '../context.ts';

/** What coffer does with a mechanism. */
const PURPOSES: ReadonlyMap<number, string> = new Map([
  [CKM.AES_CBC_PAD, 'wrapping'],
  [CKM.AES_CBC, 'wrapping'],
  [CKM.AES_GCM, 'wrapping, transit'],
  [CKM.RSA_PKCS_OAEP, 'wrapping, transit'],
  [CKM.RSA_PKCS, 'wrapping, transit'],
  [CKM.SHA256_HMAC, 'HMAC'],
  [CKM.RSA_PKCS_PSS, 'transit'],
  [CKM.ECDSA, 'transit'],
  [CKM.AES_KEY_GEN, 'making keys'],
  [CKM.GENERIC_SECRET_KEY_GEN, 'making keys'],
  [CKM.RSA_PKCS_KEY_PAIR_GEN, 'making keys'],
  [CKM.EC_KEY_PAIR_GEN, 'making keys'],
]);

/** Whether one of these CKM_ numbers could wrap the root key of a store. */
export function canWrap(types: readonly number[]): boolean {
  return types.some((type) => PURPOSES.get(type)?.includes('wrapping') === true);
}

export interface TokenMechanism extends MechanismDescription {
  /** What coffer does with it; null for nothing. */
  readonly purpose: string | null;
}

/** Every mechanism of the configured token; needs no login. */
export async function tokenMechanisms({
  config,
}: Context): Promise<{ token: TokenDescription; mechanisms: TokenMechanism[] }> {
  const { token, mechanisms } = await listMechanisms(moduleOptions(config.seal), config.seal.token);
  return { token, mechanisms: mechanisms.map((one) => ({ ...one, purpose: PURPOSES.get(one.type) ?? null })) };
}
