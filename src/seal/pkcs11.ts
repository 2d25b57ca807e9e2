import { randomFillSync } from 'node:crypto';
import type { KeyReference, Pkcs11SealConfig } from '../config/types.ts';
import { hex, zero } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { CKK, CKM, isCiphertextInvalid, requireKey } from '../pkcs11/index.ts';
import type { Key, Mechanism, Session } from '../pkcs11/index.ts';
import { ensureKeys } from './keys.ts';
import { managedKeys } from './managed.ts';
import type { ManagedKeys } from './managed.ts';
import type { MacStanza, Seal, Wrap } from './seal.ts';

const KEY_BYTES = 32;

/** The mechanisms that a wrap may name, and the IV that each takes. */
const IV_BYTES: ReadonlyMap<number, number> = new Map([
  [CKM.AES_CBC_PAD, 16],
  [CKM.AES_CBC, 16],
  [CKM.AES_GCM, 12],
]);

export interface Pkcs11Seal extends Seal {
  /** Keys of the same token that serve callers. */
  readonly managed: ManagedKeys;
  /**
   * Makes sure that the wrapping key and the HMAC key are there, creating them when `generate_key` allows.
   * @returns the labels of the keys that it created
   * @throws HsmError `key_not_found` with the commands that would create them
   */
  ensureKeys(): Promise<string[]>;
}

/**
 * The seal on one logged-in PKCS#11 session. Each HSM key is looked up once, when it is first needed: by the recorded
 * label and id to open what it wrapped, by the configuration to write.
 */
export function pkcs11Seal(config: Pkcs11SealConfig, session: Session): Pkcs11Seal {
  const found = new Map<string, Key>();

  function recorded(label: string, id: Uint8Array, what: string): Key {
    const name = `${label}\0${hex(id)}`;
    const key = found.get(name) ?? requireKey(session, { class: 'secret', label, id: id.length === 0 ? null : id }, what);
    found.set(name, key);
    return key;
  }

  let writing: Key | null = null;
  function wrappingKey(): Key {
    writing ??= requireKey(session, { class: 'secret', ...config.key }, 'wrapping key (key_label)');
    return writing;
  }

  let signing: Key | null = null;
  function hmacKey(reference: KeyReference): Key {
    signing ??= requireKey(session, { class: 'secret', ...reference }, 'HMAC key (hmac_key_label)');
    return signing;
  }

  return {
    managed: managedKeys(config, session),
    async wrapKey(key) {
      const hsmKey = wrappingKey();
      const mechanism = chooseMechanism(config, hsmKey);
      const parameters = randomFillSync(new Uint8Array(IV_BYTES.get(mechanism) ?? 0));
      const ciphertext = session.encrypt(hsmKey, parameterize(mechanism, parameters), key);
      return { seal: config.name, mechanism, keyLabel: hsmKey.label, keyId: hsmKey.id, parameters, ciphertext };
    },
    async unwrapKey(wrap: Wrap) {
      if (wrap.parameters.length !== IV_BYTES.get(wrap.mechanism)) return null; // stored bytes: not yet trusted
      const hsmKey = recorded(wrap.keyLabel, wrap.keyId, 'key that wrapped this store');
      try {
        const key = session.decrypt(hsmKey, parameterize(wrap.mechanism, wrap.parameters), wrap.ciphertext);
        if (key.length === KEY_BYTES) return key;
        zero(key);
        return null;
      } catch (error) {
        if (isCiphertextInvalid(error)) return null;
        throw error;
      }
    },
    async macStanza() {
      if (config.hmacKey === null) return null;
      const key = hmacKey(config.hmacKey);
      const mechanism = config.hmacMechanism ?? CKM.SHA256_HMAC;
      return { mechanism, keyLabel: key.label, keyId: key.id, overDigest: false };
    },
    async mac(stanza: MacStanza, message) {
      return session.sign(recorded(stanza.keyLabel, stanza.keyId, 'HMAC key'), { type: stanza.mechanism }, message);
    },
    async verifyMac(stanza: MacStanza, message, mac) {
      if (stanza.mechanism !== CKM.SHA256_HMAC) return false;
      return session.verify(recorded(stanza.keyLabel, stanza.keyId, 'HMAC key of this store'), { type: stanza.mechanism }, message, mac);
    },
    async random(length) {
      return session.random(length);
    },
    async ensureKeys() {
      return ensureKeys(config, session);
    },
  };
}

/** With an HMAC key CKM_AES_CBC_PAD, without one CKM_AES_GCM, unless the configuration names one. */
function chooseMechanism(config: Pkcs11SealConfig, key: Key): number {
  if (key.type !== CKK.AES) {
    throw new HsmError('key_type', `the HSM key "${key.label}" is not an AES key (CKA_KEY_TYPE 0x${key.type.toString(16)})`, {
      hint: 'name an AES key in key_label',
    });
  }
  return config.mechanism ?? (config.hmacKey === null ? CKM.AES_GCM : CKM.AES_CBC_PAD);
}

function parameterize(mechanism: number, iv: Uint8Array): Mechanism {
  return mechanism === CKM.AES_GCM ? { type: mechanism, iv, aad: new Uint8Array(0) } : { type: mechanism, iv };
}
