import type { Pkcs11SealConfig } from '../config/types.ts';
import { HsmError } from '../errors.ts';
import { type Cipher, CKM, isInputTooLong, type Key } from '../pkcs11/index.ts';
import type { KeyLookup } from './key-lookup.ts';
import { macInput } from './record.ts';
import type { Authenticated, MacStanza } from './seal.ts';

/** Of HMAC-SHA256. */
const MAC_BYTES = 32;
const HAVE_CHECKED = { hint: 'set another hmac_key_label, or have the HSM checked' };

/** What new records are authenticated by. */
export function macMechanism({ hmacMechanism }: Pkcs11SealConfig): number {
  return hmacMechanism ?? CKM.SHA256_HMAC;
}

/** The HMACs of records, made and checked in the HSM. */
export class Authenticator {
  readonly #keys: KeyLookup;
  readonly #cipher: Cipher;
  /** Once the HSM has refused a whole record, none is sent to it any more. */
  #overDigest = false;

  constructor(keys: KeyLookup, cipher: Cipher) {
    this.#keys = keys;
    this.#cipher = cipher;
  }

  /** As Seal.authenticate. */
  async authenticate(encode: (stanza: MacStanza) => Uint8Array): Promise<Authenticated | null> {
    const key = this.#keys.hmac();
    if (key === null) return null;
    const whole = this.#overDigest ? null : await this.#attempt(key, encode);
    if (whole !== null) return whole;
    this.#overDigest = true;
    const made = await this.#attempt(key, encode);
    if (made !== null) return made;
    const problem = `the HSM does not make an HMAC over 32 bytes with the key "${key.label}"`;
    throw new HsmError('hsm_input_limit', problem, HAVE_CHECKED);
  }

  /** As Seal.verifyMac. */
  async verify(stanza: MacStanza, authenticated: Uint8Array, mac: Uint8Array): Promise<boolean> {
    if (stanza.mechanism !== CKM.SHA256_HMAC) return false;
    const key = this.#keys.maker(stanza);
    if (mac.length !== MAC_BYTES) return false; // a module may take a part of one for the whole
    return this.#cipher.verify(key, { type: stanza.mechanism }, macInput(stanza, authenticated), mac);
  }

  /** Null when the HSM does not take so much. */
  async #attempt(key: Key, encode: (stanza: MacStanza) => Uint8Array): Promise<Authenticated | null> {
    const mechanism = macMechanism(this.#keys.config);
    const stanza = { mechanism, keyLabel: key.label, keyId: key.id, overDigest: this.#overDigest };
    const authenticated = encode(stanza);
    let mac: Uint8Array;
    try {
      mac = await this.#cipher.sign(key, { type: mechanism }, macInput(stanza, authenticated));
    } catch (error) {
      if (isInputTooLong(error)) return null;
      throw error;
    }
    if (mac.length === MAC_BYTES) return { stanza, authenticated, mac };
    const problem = `the HSM makes no HMAC of ${MAC_BYTES} bytes with the key "${key.label}"`;
    throw new HsmError('hsm_wrong_answer', problem, HAVE_CHECKED);
  }
}
