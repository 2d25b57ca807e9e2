import { hex } from '../bytes.ts';
import type { Pkcs11SealConfig } from '../config/types.ts';
import type { KeyReference } from '../hsm-keys.ts';
import { HsmError } from '../errors.ts';
import { CKK, type Key, keyTypeName, onlyKey, type Session } from '../pkcs11/index.ts';
import { claimOf, keysFor, requireConfigured, type Role } from './configured.ts';
import type { MacStanza, Wrap } from './seal.ts';

/** The keys of one seal on a logged-in session. Each is looked up when it is first needed, and then known as long as the session. */
export class KeyLookup {
  readonly config: Pkcs11SealConfig;
  readonly session: Session;
  readonly #claimed = new Map<string, { readonly role: Role; readonly key: Key }>();
  #wrapping: Key | null = null;
  #hmac: Key | null = null;

  constructor(config: Pkcs11SealConfig, session: Session) {
    this.config = config;
    this.session = session;
  }

  /** The key that new records are wrapped with. @throws HsmError `key_not_found`, `key_ambiguous` */
  wrapping(): Key {
    const { config, session } = this;
    const { key } = config;
    return (this.#wrapping ??= onlyKey(session, keysFor(session, 'wrap', key), key, 'wrapping key (key_label)'));
  }

  /**
   * The key that authenticates new records; null where the configuration names none.
   * @throws HsmError `key_not_found`, `key_ambiguous`; `key_type` for a key that no token makes an HMAC with; what one is whose
   *   type the token does not tell, the first HMAC shows
   */
  hmac(): Key | null {
    const { hmacKey } = this.config;
    return hmacKey === null ? null : (this.#hmac ??= requireHmacKey(this.session, hmacKey));
  }

  /**
   * The key that made a wrap or an HMAC, by the configuration: what a record says of its keys only has to fit.
   * @throws IntegrityError `key_not_configured`; HsmError `key_not_found`, `key_ambiguous`
   */
  maker(made: Wrap | MacStanza): Key {
    const claim = claimOf(made);
    const name = `${claim.role}\0${claim.class}\0${claim.label}\0${hex(claim.id)}`;
    const key = this.#claimed.get(name)?.key ?? requireConfigured(this.session, this.config, claim);
    this.#claimed.set(name, { role: claim.role, key });
    return key;
  }

  /** Every key that was needed so far. One that was found in several ways is there several times. */
  used(): { readonly role: Role; readonly key: Key }[] {
    const wrapping = this.#wrapping === null ? [] : [{ role: 'wrap', key: this.#wrapping } as const];
    const hmac = this.#hmac === null ? [] : [{ role: 'hmac', key: this.#hmac } as const];
    return [...wrapping, ...hmac, ...this.#claimed.values()];
  }
}

function requireHmacKey(session: Session, reference: KeyReference): Key {
  const query = { class: null, ...reference };
  const key = onlyKey(session, keysFor(session, 'hmac', query), query, 'HMAC key (hmac_key_label)');
  const fits: readonly (number | null)[] = [null, CKK.GENERIC_SECRET, CKK.SHA256_HMAC, CKK.AES];
  if (key.class === 'secret' && fits.includes(key.type)) return key;
  const problem = `the HSM key "${key.label}" cannot make an HMAC: it is a ${key.class} key of type ${keyTypeName(key.type)}`;
  throw new HsmError('key_type', problem, {
    hint: [
      'hmac_key_label names a generic secret (CKK_GENERIC_SECRET) with CKA_SIGN and CKA_VERIFY; make one with: ',
      { remedy: 'make-hmac-key-named' },
    ],
  });
}
