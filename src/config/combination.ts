import { CKM } from '../ckm.ts';
/** Parameters of the pkcs11 seal that are right each by itself and make no sense together. */
import { ConfigError } from '../errors.ts';
import { isRsa, mechanismName, needsHmacKey } from './mechanism.ts';
import type { Pkcs11SealConfig } from './types.ts';
import type { Given } from './values.ts';

/** Throws a ConfigError for what cannot work. Returns remarks for the operator on what works and is unwise. */
export function checkCombination(seal: Pkcs11SealConfig, givens: ReadonlyMap<string, Given>): string[] {
  const origin = (parameter: string): string => givens.get(parameter)?.origin ?? parameter;
  refuseWithoutHmacKey(seal, origin);
  refuseWrongKind(seal, origin);
  return rsaNotes(seal, origin);
}

type Origin = (parameter: string) => string;

function refuseWithoutHmacKey({ hmacKey, hmacMechanism, mechanism }: Pkcs11SealConfig, origin: Origin): void {
  if (hmacKey !== null) return;
  const needsOne = mechanism !== null && needsHmacKey(mechanism);
  if (hmacMechanism === null && !needsOne) return;
  const which = hmacMechanism === null ? 'mechanism' : 'hmac_mechanism';
  throw new ConfigError('config_missing', `${origin(which)} needs an HMAC key, and none is named`, {
    hint: 'add hmac_key_label = "..." (or hmac_key_id) or set COFFER_HSM_HMAC_KEY_LABEL',
  });
}

function refuseWrongKind(seal: Pkcs11SealConfig, origin: Origin): void {
  const { mechanism, rsaOaepHash, rsaEncryptLocal } = seal;
  const keyClass = seal.key.class;
  const wantsRsa = mechanism === null ? null : isRsa(mechanism);
  if (keyClass !== null && wantsRsa !== null && wantsRsa !== (keyClass === 'private')) {
    const kind = keyClass === 'private' ? 'a private key' : 'a secret key';
    throw conflict(`${origin('mechanism')} does not fit ${kind}, which type in uri asks for`, 'correct one of the two');
  }
  if (rsaOaepHash !== null && mechanism !== null && mechanism !== CKM.RSA_PKCS_OAEP) {
    const hint = 'remove it, or write mechanism = "CKM_RSA_PKCS_OAEP"';
    throw conflict(`${origin('rsa_oaep_hash')} means nothing to ${mechanismName(mechanism)}`, hint);
  }
  const rsaOnly = rsaOaepHash !== null ? 'rsa_oaep_hash' : rsaEncryptLocal ? 'rsa_encrypt_local' : null;
  if (rsaOnly === null) return;
  const hint = `remove it: ${rsaOnly} is for RSA keys`;
  if (wantsRsa === false) throw conflict(`${origin(rsaOnly)} means nothing to an AES mechanism`, hint);
  if (keyClass === 'secret')
    throw conflict(`${origin(rsaOnly)} means nothing to a secret key, which type in uri asks for`, hint);
}

function rsaNotes({ mechanism, key, hmacKey }: Pkcs11SealConfig, origin: Origin): string[] {
  const notes: string[] = [];
  if (mechanism === CKM.RSA_PKCS) {
    notes.push(`${origin('mechanism')}: PKCS#1 v1.5 encryption is deprecated; use CKM_RSA_PKCS_OAEP`);
  }
  const saysRsa = mechanism !== null && isRsa(mechanism) ? 'mechanism' : key.class === 'private' ? 'key_class' : null;
  if (saysRsa !== null && hmacKey === null) {
    notes.push(
      `${origin(saysRsa)}: without an HMAC key, whoever has the RSA public key can make a whole other store that opens; ` +
        'set hmac_key_label',
    );
  }
  return notes;
}

function conflict(message: string, hint: string): ConfigError {
  return new ConfigError('config_conflict', message, { hint });
}
