import type { Pkcs11SealConfig } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import { type Cipher, CKM, type Key } from '../pkcs11/index.ts';
import type { KeyLookup } from './key-lookup.ts';
import type { MacMaker, MacStanza } from './seal.ts';

/** Of HMAC-SHA256. */
const MAC_BYTES = 32;

/** What new records are authenticated by. */
export function macMechanism({ hmacMechanism }: Pkcs11SealConfig): number {
  return hmacMechanism ?? CKM.SHA256_HMAC;
}

/** The HMACs of records, made and checked in the HSM. */
export class Authenticator {
  readonly #keys: KeyLookup;
  readonly #cipher: Cipher;

  constructor(keys: KeyLookup, cipher: Cipher) {
    this.#keys = keys;
    this.#cipher = cipher;
  }

  /** As Seal.macMaker. */
  maker(): MacMaker | null {
    const key = this.#keys.hmac();
    if (key === null) return null;
    const { config } = this.#keys;
    const mechanism = macMechanism(config);
    const stanza = { seal: config.name, mechanism, keyLabel: key.label, keyId: key.id };
    return { stanza, make: (message) => this.#make(key, mechanism, message) };
  }

  /** As Seal.verifyMac. */
  async verify(stanza: MacStanza, message: Uint8Array, mac: Uint8Array): Promise<boolean> {
    if (stanza.mechanism !== CKM.SHA256_HMAC) return false;
    const key = this.#keys.maker(stanza);
    if (mac.length !== MAC_BYTES) return false; // a module may take a part of one for the whole
    return this.#cipher.verify(key, { type: stanza.mechanism }, message, mac);
  }

  async #make(key: Key, mechanism: number, message: Uint8Array): Promise<Uint8Array> {
    const mac = await this.#cipher.sign(key, { type: mechanism }, message);
    if (mac.length === MAC_BYTES) return mac;
    const problem = `the HSM makes no HMAC of ${MAC_BYTES} bytes with the key "${key.label}"`;
    throw new HsmError('hsm_wrong_answer', problem, { hint: 'set another hmac_key_label, or have the HSM checked' });
  }
}
