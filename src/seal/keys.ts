import { hex } from '../bytes.ts';
import type { KeyReference, Pkcs11SealConfig } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import { CKM, CKR, describeName, isReturnValue } from '../pkcs11/index.ts';
import type { GeneratedKey, Key, KeyName, Session } from '../pkcs11/index.ts';
import { shellWord } from '../shell.ts';
import { isNamedForOther, keysFor } from './configured.ts';
import type { Role } from './configured.ts';
import { makeKeys } from './make-keys.ts';
import { isRsaMechanism } from './method.ts';

/** The larger first: not every token makes RSA keys of more than 2048 bits. */
const RSA_BITS = [3072, 2048] as const;

interface WantedKey {
  readonly role: Role;
  readonly option: string;
  readonly reference: KeyReference;
  /** As pkcs11-tool makes it. */
  readonly type: string;
  readonly generate: (label: string, id: Uint8Array | null) => GeneratedKey;
}

/**
 * Creates the wrapping key and the HMAC key where they are missing and `generate_key` allows it.
 * @returns the keys that it created
 * @throws HsmError `key_not_found` with the commands that would create them; nothing was created then. `key_raced` when another
 *   program created one of them meanwhile
 */
export async function ensureKeys(config: Pkcs11SealConfig, session: Session): Promise<KeyName[]> {
  const missing = wantedKeys(config, session).filter((key) => there(config, session, key).length === 0);
  const unlabelled = missing.find(({ reference }) => reference.label === null);
  const [first] = missing;
  if (first !== undefined && (!config.generateKey || unlabelled !== undefined)) {
    const names = missing.map(({ option, reference }) => `${option} (${describeName(reference)})`).join(' and ');
    throw new HsmError('key_not_found', `the HSM has no key for ${names}${config.generateKey ? '' : ', and generate_key is false'}`, {
      hint:
        unlabelled === undefined
          ? ['set generate_key = "true", or create it yourself:', ...missing.map((key) => command(key, config, session))].join('\n')
          : `a key is generated only with a label: set ${unlabelled.option}`,
    });
  }
  return makeKeys(
    session,
    missing.map((key) => {
      const label = key.reference.label ?? '';
      const ofLabel = { ...key, reference: { label, id: null } };
      return { label, id: key.reference.id, make: (id: Uint8Array | null) => key.generate(label, id), there: () => there(config, session, ofLabel) };
    }),
  );
}

/** What the token lacks of the keys in use. */
export function missingKeys(config: Pkcs11SealConfig, session: Session): KeyReference[] {
  return wantedKeys(config, session).flatMap((key) => (there(config, session, key).length === 0 ? [key.reference] : []));
}

function there(config: Pkcs11SealConfig, session: Session, { role, reference }: Pick<WantedKey, 'role' | 'reference'>): Key[] {
  return keysFor(session, role, { class: null, ...reference }).filter((key) => !isNamedForOther(config, role, key));
}

function wantedKeys(config: Pkcs11SealConfig, session: Session): WantedKey[] {
  const option = 'key_label';
  const reference = config.key;
  const wrapping: WantedKey = wantsRsa(config, session)
    ? { role: 'wrap', option, reference, type: '--keypairgen --key-type RSA:2048 --usage-decrypt', generate: (label, id) => generateRsa(session, label, id) }
    : { role: 'wrap', option, reference, type: '--keygen --key-type AES:32 --usage-decrypt', generate: (label, id) => session.generateAesKey(label, id) };
  if (config.hmacKey === null) return [wrapping];
  const hmac: WantedKey = {
    role: 'hmac',
    option: 'hmac_key_label',
    reference: config.hmacKey,
    type: '--keygen --key-type GENERIC:32 --usage-sign',
    generate: (label, id) => session.generateHmacKey(label, id),
  };
  return [wrapping, hmac];
}

/** AES unless the stanza says otherwise or the token does not wrap with it. */
function wantsRsa(config: Pkcs11SealConfig, session: Session): boolean {
  if (config.mechanism !== null) return isRsaMechanism(config.mechanism);
  if (config.key.class === 'private' || config.rsaOaepHash !== null || config.rsaEncryptLocal) return true;
  if (config.key.class === 'secret') return false;
  const ciphers = config.hmacKey === null ? [CKM.AES_GCM] : [CKM.AES_CBC_PAD, CKM.AES_CBC, CKM.AES_GCM];
  const doesAes = session.hasMechanism(CKM.AES_KEY_GEN) && ciphers.some((cipher) => session.hasMechanism(cipher));
  return !doesAes && session.hasMechanism(CKM.RSA_PKCS_KEY_PAIR_GEN);
}

function generateRsa(session: Session, label: string, id: Uint8Array | null): GeneratedKey {
  const [larger, smaller] = RSA_BITS;
  try {
    return session.generateRsaKey(label, id, larger);
  } catch (error) {
    if (!isReturnValue(error, CKR.KEY_SIZE_RANGE, CKR.ATTRIBUTE_VALUE_INVALID, CKR.TEMPLATE_INCONSISTENT)) throw error;
    return session.generateRsaKey(label, id, smaller);
  }
}

function command({ reference, type }: WantedKey, config: Pkcs11SealConfig, session: Session): string {
  const id = reference.id === null ? '' : ` --id ${hex(reference.id)}`;
  return (
    `  pkcs11-tool --module ${shellWord(config.lib)} --token-label ${shellWord(session.token.label)} --login` +
    ` ${type} --private --sensitive --label ${shellWord(reference.label ?? '')}${id}`
  );
}
