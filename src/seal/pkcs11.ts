import type { Pkcs11SealConfig } from '../config/types.ts';
import { hex, zero } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { CKK, CKM, isInputTooLong, keyTypeName, requireKey } from '../pkcs11/index.ts';
import type { Cipher, CryptokiError, Exposure, Key, KeyClass, Session } from '../pkcs11/index.ts';
import { ensureKeys } from './keys.ts';
import { managedKeys } from './managed.ts';
import type { ManagedKeys } from './managed.ts';
import type { MacStanza, Seal, Wrap } from './seal.ts';
import { isMethodRefused, isRsaMechanism, methodName, methodOf, opensAgain, unwrapWith, wrapMethods, wrapWith } from './wrapping.ts';
import type { Wrapped, WrapMethod } from './wrapping.ts';

const KEY_BYTES = 32;

/** A key that wraps or authenticates, and what is unsafe about it. */
export interface ExposedKey {
  readonly label: string;
  /** At least one. */
  readonly exposures: readonly Exposure[];
}

export interface Pkcs11Seal extends Seal {
  /** Keys of the same token that serve callers. */
  readonly managed: ManagedKeys;
  /**
   * Makes sure that the wrapping key and the HMAC key are there, creating them when `generate_key` allows.
   * @returns the labels of the keys that it created
   * @throws HsmError `key_not_found` with the commands that would create them
   */
  ensureKeys(): Promise<string[]>;
  /** Those of the keys used so far that are not safe; a trip to the HSM for each key. */
  exposedKeys(): ExposedKey[];
  /** The same seal on up to `count` further sessions, which work side by side. */
  lanes(count: number): Seal[];
}

export interface SealOptions {
  /** The session that encrypts and decrypts; else the one that the seal is on. */
  readonly cipher?: Cipher;
  /** Take records without an HMAC although the configuration names an HMAC key. */
  readonly acceptsNoMac?: boolean;
}

/**
 * The seal on one logged-in PKCS#11 session. Each HSM key is looked up once, when it is first needed: by the recorded
 * label and id to open what it wrapped, by the configuration to write.
 */
export function pkcs11Seal(config: Pkcs11SealConfig, session: Session, { cipher = session, acceptsNoMac = false }: SealOptions = {}): Pkcs11Seal {
  const found = new Map<string, Key>();
  /** Methods that have unwrapped something in this session, by key: what they wrap now can be opened again. */
  const proven = new Map<string, WrapMethod>();
  /** Bytes from which on the HSM does not take a message whole. */
  let tooLong = Infinity;

  /** The key of that label and id, else the one of the default label. */
  function recorded(keyClass: KeyClass, label: string, id: Uint8Array, what: string, defaultLabel: string | null): Key {
    const name = `${keyClass}\0${label}\0${hex(id)}`;
    const key = found.get(name) ?? requireRecorded(session, keyClass, label, id, what, defaultLabel);
    found.set(name, key);
    return key;
  }

  let writing: Key | null = null;
  function wrappingKey(): Key {
    writing ??= requireKey(session, config.key, 'wrapping key (key_label)');
    return writing;
  }

  let signing: Key | null = null;
  function hmacKey(reference: NonNullable<typeof config.hmacKey>): Key {
    signing ??= requireHmacKey(session, reference);
    return signing;
  }

  async function wrapAndProve(key: Key, method: WrapMethod, secret: Uint8Array): Promise<Wrapped | null> {
    const wrapped = await wrapWith(session, key, method, secret, { local: config.rsaEncryptLocal, cipher });
    if (sameMethod(proven.get(nameOf(key)), method)) return wrapped;
    if (!(await opensAgain(cipher, key, method, wrapped, secret))) return null;
    proven.set(nameOf(key), method);
    return wrapped;
  }

  return {
    managed: managedKeys(config, session),
    requiresMac: config.hmacKey !== null && !acceptsNoMac,
    async wrapKey(secret) {
      const key = wrappingKey();
      const last = proven.get(nameOf(key));
      const methods = wrapMethods(config, key);
      const ordered = [...methods.filter((method) => sameMethod(last, method)), ...methods.filter((method) => !sameMethod(last, method))];
      let refusal: CryptokiError | null = null;
      for (const method of ordered) {
        try {
          const wrapped = await wrapAndProve(key, method, secret);
          if (wrapped !== null) return { seal: config.name, keyLabel: key.label, keyId: key.id, ...wrapped };
        } catch (error) {
          if (!isMethodRefused(error)) throw error;
          refusal ??= error;
        }
      }
      throw noMethod(key, methods, refusal);
    },
    async unwrapKey(wrap: Wrap) {
      const method = methodOf(wrap); // stored bytes: not yet trusted
      if (method === null) return null;
      const keyClass = isRsaMechanism(wrap.mechanism) ? 'private' : 'secret';
      const key = recorded(keyClass, wrap.keyLabel, wrap.keyId, 'key that wrapped this store', config.defaultKeyLabel);
      const secret = await unwrapWith(cipher, key, method, wrap);
      if (secret?.length === KEY_BYTES) {
        proven.set(nameOf(key), method);
        return secret;
      }
      if (secret !== null) zero(secret);
      return null;
    },
    async macStanza(bytes) {
      if (config.hmacKey === null) return null;
      const key = hmacKey(config.hmacKey);
      const mechanism = config.hmacMechanism ?? CKM.SHA256_HMAC;
      return { mechanism, keyLabel: key.label, keyId: key.id, overDigest: bytes >= tooLong };
    },
    async mac(stanza: MacStanza, message) {
      const key = recorded('secret', stanza.keyLabel, stanza.keyId, 'HMAC key', null);
      try {
        return await cipher.sign(key, { type: stanza.mechanism }, message);
      } catch (error) {
        if (!isInputTooLong(error)) throw error;
        tooLong = stanza.overDigest ? tooLong : 0;
        return null;
      }
    },
    async verifyMac(stanza: MacStanza, message, mac) {
      if (stanza.mechanism !== CKM.SHA256_HMAC) return false;
      const key = recorded('secret', stanza.keyLabel, stanza.keyId, 'HMAC key of this store', config.defaultHmacKeyLabel);
      return cipher.verify(key, { type: stanza.mechanism }, message, mac);
    },
    async isCurrent({ wraps, macStanza }) {
      return isMacCurrent(macStanza) && wraps.some(isWrapCurrent);
    },
    async random(length) {
      return session.random(length);
    },
    async ensureKeys() {
      return ensureKeys(config, session);
    },
    exposedKeys() {
      const used = [writing, signing, ...found.values()].filter((key) => key !== null);
      const keys = new Map(used.map((key) => [hex(key.handle), key]));
      return [...keys.values()].map((key) => ({ label: key.label, exposures: session.exposuresOf(key) })).filter(({ exposures }) => exposures.length > 0);
    },
    lanes: (count) => session.openCiphers(count).map((each) => pkcs11Seal(config, session, { cipher: each, acceptsNoMac })),
  };

  function isWrapCurrent(wrap: Wrap): boolean {
    const key = wrappingKey();
    const method = methodOf(wrap);
    if (method === null || wrap.seal !== config.name || !isNamed(key, wrap)) return false;
    return wrapMethods(config, key).some((allowed) => sameMethod(allowed, method));
  }

  function isMacCurrent(stanza: MacStanza | null): boolean {
    if (stanza === null || config.hmacKey === null) return stanza === null && config.hmacKey === null;
    return stanza.mechanism === (config.hmacMechanism ?? CKM.SHA256_HMAC) && isNamed(hmacKey(config.hmacKey), stanza);
  }
}

/** @throws HsmError `key_not_found` */
function requireRecorded(session: Session, keyClass: KeyClass, label: string, id: Uint8Array, what: string, defaultLabel: string | null): Key {
  try {
    return requireKey(session, { class: keyClass, label, id: id.length === 0 ? null : id }, what);
  } catch (error) {
    const isMissing = error instanceof HsmError && error.code === 'key_not_found';
    const [key, ...others] = isMissing && defaultLabel !== null ? session.findKeys({ class: keyClass, label: defaultLabel, id: null }) : [];
    if (key === undefined || others.length > 0) throw error;
    return key;
  }
}

/** @throws HsmError `key_type` for a key that no token makes an HMAC with */
function requireHmacKey(session: Session, reference: NonNullable<Pkcs11SealConfig['hmacKey']>): Key {
  const key = requireKey(session, { class: null, ...reference }, 'HMAC key (hmac_key_label)');
  const fits: readonly number[] = [CKK.GENERIC_SECRET, CKK.SHA256_HMAC, CKK.AES];
  if (key.class === 'secret' && fits.includes(key.type)) return key;
  throw new HsmError('key_type', `the HSM key "${key.label}" cannot make an HMAC: it is a ${key.class} key of type ${keyTypeName(key.type)}`, {
    hint: 'hmac_key_label names a generic secret (CKK_GENERIC_SECRET) with CKA_SIGN and CKA_VERIFY; make one with: coffer hsm keygen -type=hmac -label=NAME',
  });
}

function noMethod(key: Key, methods: readonly WrapMethod[], refusal: CryptokiError | null): HsmError {
  const names = methods.map(methodName).join(', ');
  if (refusal === null) {
    return new HsmError('hsm_wrong_answer', `the HSM does not decrypt what the key "${key.label}" encrypted (${names})`, {
      hint: 'nothing was written; set another mechanism in the seal stanza, or have the HSM checked',
    });
  }
  const [only, ...more] = methods;
  if (only !== undefined && more.length === 0) {
    return new HsmError('mechanism_refused', refusal.message, {
      hint: `the token does not do ${methodName(only)} with the key "${key.label}"; \`coffer hsm test\` shows what it does`,
      cause: refusal,
    });
  }
  return new HsmError('mechanism_refused', `the token does none of ${names} with the key "${key.label}"; the first: ${refusal.message}`, {
    hint: 'use another key, or set hmac_key_label for a token without CKM_AES_GCM; `coffer hsm test` shows what it does',
    cause: refusal,
  });
}

function isNamed(key: Key, { keyLabel, keyId }: { readonly keyLabel: string; readonly keyId: Uint8Array }): boolean {
  return key.label === keyLabel && hex(key.id) === hex(keyId);
}

function nameOf({ class: keyClass, label, id }: Key): string {
  return `${keyClass}\0${label}\0${hex(id)}`;
}

function sameMethod(a: WrapMethod | undefined, b: WrapMethod): boolean {
  return a?.mechanism === b.mechanism && a.hash === b.hash;
}
