import type { Pkcs11SealConfig, WrappingKeyReference } from '../config/types.ts';
import type { KeyReference } from '../hsm-keys.ts';
import { HsmError } from '../errors.ts';
import {
  CKM,
  CKR,
  describeName,
  type GeneratedKey,
  isNamed,
  isReturnValue,
  type Key,
  listKeys,
  type Proof,
  type Session,
} from '../pkcs11/index.ts';
import { isNamedForOther, narrowed, type Role } from './configured.ts';
import { type CommandedKind, keyCommand } from './key-command.ts';
import { makeKeys, raced } from './make-keys.ts';
import { isRsaMechanism } from './method.ts';
import { proveWrapping } from './prove-key.ts';
import { isMeantFor } from './provisional-id.ts';
import { withoutKeys } from './take-back.ts';

/** The larger first: not every token makes RSA keys of more than 2048 bits. */
const RSA_BITS = [3072, 2048] as const;

interface WantedKey {
  readonly role: Role;
  readonly option: string;
  readonly reference: KeyReference | WrappingKeyReference;
  readonly kind: CommandedKind;
  readonly generate: (label: string, id: Uint8Array) => GeneratedKey;
}

/**
 * Creates the wrapping key and the HMAC key where they are missing and `generate_key` allows it.
 * @returns the keys that it created
 * @throws HsmError `key_not_found` with the commands that would create them; nothing was created then. `key_raced` when another
 *   program created one of them meanwhile
 */
export async function ensureKeys(config: Pkcs11SealConfig, session: Session): Promise<GeneratedKey[]> {
  const missing = missingOf(config, session);
  const unlabelled = missing.find(({ reference }) => reference.label === null);
  const [first] = missing;
  if (first !== undefined && (!config.generateKey || unlabelled !== undefined)) {
    const names = missing.map(({ option, reference }) => `${option} (${describeName(reference)})`).join(' and ');
    const problem = `the HSM has no key for ${names}${config.generateKey ? '' : ', and generate_key is false'}`;
    throw new HsmError('key_not_found', problem, {
      hint: [
        ...(unlabelled === undefined
          ? [
              'set generate_key = "true", or create it yourself:',
              ...missing.map(({ kind, reference }) =>
                keyCommand({ lib: config.lib, token: session.token }, kind, reference),
              ),
            ]
          : [`a key is generated only with a label: set ${unlabelled.option}`]),
        ...thereAre(session),
      ].join('\n'),
    });
  }
  const made = await makeKeys(
    session,
    missing.map((key) => {
      const { label, id } = key.reference;
      const named = label ?? '';
      return {
        label: named,
        id,
        make: (given) => key.generate(named, given),
        rivals: (isOthers) => there(config, session, key, isOthers),
      };
    }),
  );
  if (made.length === 0) return made;
  try {
    requireAll(config, session);
    return made;
  } catch (error) {
    throw await withoutKeys(session, made, error);
  }
}

/** What was there can have been another program's, which lost against a third and took it back. @throws HsmError `key_raced` */
function requireAll(config: Pkcs11SealConfig, session: Session): void {
  const [gone] = missingOf(config, session);
  if (gone === undefined) return;
  throw raced(session, { label: gone.reference.label ?? '', id: gone.reference.id }, []);
}

/** The keys that are there: one of them may be meant. */
function thereAre(session: Session): string[] {
  const keys = session.findKeys({ class: null, label: null, id: null });
  return keys.length === 0
    ? ['there are no secret or private keys on the token: check that it is the right one']
    : ['or correct the label and id in the seal stanza; secret or private keys that are there:', listKeys(keys)];
}

/** What the token lacks of the keys in use. */
export function missingKeys(config: Pkcs11SealConfig, session: Session): KeyReference[] {
  return missingOf(config, session).map(({ reference }) => reference);
}

/**
 * In the order in which they are made, and looked for in the other: another program that makes both now, and whose second key
 * is seen, has its first there, too.
 */
function missingOf(config: Pkcs11SealConfig, session: Session): WantedKey[] {
  return wantedKeys(config, session)
    .reverse()
    .filter((key) => there(config, session, key, null).length === 0)
    .reverse();
}

/**
 * The keys of the token that serve as this one.
 * @param isOthers null, or what says whether a key is another program's: then those alone count, and those, too, that are being made to be it
 */
function there(
  config: Pkcs11SealConfig,
  session: Session,
  { role, reference }: WantedKey,
  isOthers: ((key: Key) => boolean) | null,
): Key[] {
  const { label, id } = reference;
  const keyClass = 'class' in reference ? reference.class : null;
  const found = session
    .findKeys({ class: null, label, id: isOthers === null ? id : null }) // reads every attribute: a key that goes away meanwhile is none
    .filter((key) => keyClass === null || key.class === keyClass)
    .filter(
      (key) =>
        isOthers === null || (isOthers(key) && (id === null || isNamed(key, reference) || isMeantFor(key.id, id))),
    );
  return narrowed(role, found).filter((key) => !isNamedForOther(config, role, key));
}

function wantedKeys(config: Pkcs11SealConfig, session: Session): WantedKey[] {
  const option = 'key_label';
  const reference = config.key;
  const wrapping: WantedKey = wantsRsa(config, session)
    ? {
        role: 'wrap',
        option,
        reference,
        kind: 'rsa',
        generate: (label, id) => generateRsa(session, label, id, (key) => proveWrapping(config, session, key)),
      }
    : {
        role: 'wrap',
        option,
        reference,
        kind: 'aes',
        generate: (label, id) => session.generateAesKey(label, id, (key) => proveWrapping(config, session, key)),
      };
  if (config.hmacKey === null) return [wrapping];
  const hmac: WantedKey = {
    role: 'hmac',
    option: 'hmac_key_label',
    reference: config.hmacKey,
    kind: 'hmac',
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

function generateRsa(session: Session, label: string, id: Uint8Array, prove: Proof): GeneratedKey {
  const [larger, smaller] = RSA_BITS;
  try {
    return session.generateRsaKey(label, id, larger, prove);
  } catch (error) {
    if (!isReturnValue(error, CKR.KEY_SIZE_RANGE, CKR.ATTRIBUTE_VALUE_INVALID, CKR.TEMPLATE_INCONSISTENT)) throw error;
    return session.generateRsaKey(label, id, smaller, prove);
  }
}
