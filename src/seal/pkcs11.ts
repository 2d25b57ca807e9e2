import type { Pkcs11SealConfig } from '../config/types.ts';
import { hex, zero } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { CKK, CKM, CryptokiError, isInputTooLong, isNamed, keyTypeName, onlyKey } from '../pkcs11/index.ts';
import type { Cipher, Exposure, Key, KeyName, Session } from '../pkcs11/index.ts';
import { allReferences, formerKeys, keysFor, requireConfigured } from './configured.ts';
import type { Claim, Role } from './configured.ts';
import { ensureKeys } from './keys.ts';
import { managedKeys } from './managed.ts';
import type { ManagedKeys } from './managed.ts';
import type { MacStanza, Seal, SealKey, Wrap } from './seal.ts';
import { isMethodRefused, isRsaMechanism, methodName, methodOf, opensAgain, unwrapWith, wrapMethods, wrapWith } from './wrapping.ts';
import type { Wrapped, WrapMethod } from './wrapping.ts';

const KEY_BYTES = 32;
/** Of HMAC-SHA256. */
const MAC_BYTES = 32;

/** A key that wraps or authenticates, and what is unsafe about it. */
export interface ExposedKey {
  readonly label: string;
  /** At least one. */
  readonly exposures: readonly Exposure[];
}

export interface Pkcs11Seal extends Seal {
  /** Keys of the same token that serve callers; none of `own` does, nor any that the configuration names. */
  managed(own: readonly SealKey[]): ManagedKeys;
  /**
   * Makes sure that the wrapping key and the HMAC key are there, creating them when `generate_key` allows.
   * @returns the keys that it created
   * @throws HsmError `key_not_found` with the commands that would create them; `key_raced` when another program creates one now
   */
  ensureKeys(): Promise<readonly KeyName[]>;
  /**
   * Those of the configured keys on the token that are not safe, former ones among them: whoever has one of those writes records that
   * open. A trip to the HSM for each key, and a search for each that was not used so far. It is advice: a token that does not answer stops nothing.
   */
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
 * The seal on one logged-in PKCS#11 session. Each HSM key is looked up once, when it is first needed, and by the
 * configuration: what a record says of its keys only has to fit.
 */
export function pkcs11Seal(config: Pkcs11SealConfig, session: Session, { cipher = session, acceptsNoMac = false }: SealOptions = {}): Pkcs11Seal {
  const found = new Map<string, { readonly role: Role; readonly key: Key }>();
  /** Methods that have unwrapped something in this session, by key: what they wrap now can be opened again. */
  const proven = new Map<string, WrapMethod>();
  /** Bytes from which on the HSM does not take a message whole. */
  let tooLong = Infinity;

  /** Asked of the token once for each name that is claimed. */
  function configured(claim: Claim): Key {
    const name = `${claim.role}\0${claim.class}\0${claim.label}\0${hex(claim.id)}`;
    const known = found.get(name) ?? { role: claim.role, key: requireConfigured(session, config, claim) };
    found.set(name, known);
    return known.key;
  }

  let writing: Key | null = null;
  function wrappingKey(): Key {
    writing ??= onlyKey(session, keysFor(session, 'wrap', config.key), config.key, 'wrapping key (key_label)');
    return writing;
  }

  let signing: Key | null = null;
  function hmacKey(reference: NonNullable<typeof config.hmacKey>): Key {
    signing ??= requireHmacKey(session, reference);
    return signing;
  }

  async function wrapAndProve(key: Key, method: WrapMethod, secret: Uint8Array): Promise<Wrapped | null> {
    const wrapped = await wrapWith(session, key, method, secret, { local: config.rsaEncryptLocal, cipher });
    if (sameMethod(proven.get(handleOf(key)), method)) return wrapped;
    if (!(await opensAgain(cipher, key, method, wrapped, secret))) return null;
    proven.set(handleOf(key), method);
    return wrapped;
  }

  return {
    managed: (own) => managedKeys(config, session, own),
    requiresMac: config.hmacKey !== null && !acceptsNoMac,
    async wrapKey(secret) {
      const key = wrappingKey();
      const last = proven.get(handleOf(key));
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
      const key = configured(claimOf(wrap));
      const secret = await unwrapWith(cipher, key, method, wrap);
      if (secret?.length === KEY_BYTES) {
        proven.set(handleOf(key), method);
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
      const key = configured(claimOf(stanza));
      try {
        const mac = await cipher.sign(key, { type: stanza.mechanism }, message);
        if (mac.length === MAC_BYTES) return mac;
      } catch (error) {
        if (!isInputTooLong(error)) throw error;
        tooLong = stanza.overDigest ? tooLong : 0;
        return null;
      }
      throw new HsmError('hsm_wrong_answer', `the HSM makes no HMAC of ${MAC_BYTES} bytes with the key "${key.label}"`, { hint: 'set another hmac_key_label, or have the HSM checked' });
    },
    async verifyMac(stanza: MacStanza, message, mac) {
      if (stanza.mechanism !== CKM.SHA256_HMAC) return false;
      const key = configured(claimOf(stanza));
      return mac.length === MAC_BYTES && cipher.verify(key, { type: stanza.mechanism }, message, mac); // a module may take a part of one for the whole
    },
    async hasOtherName(made) {
      return !isNamed(configured(claimOf(made)), claimOf(made));
    },
    async isCurrent({ wraps, macStanza }) {
      return isMacCurrent(macStanza) && wraps.some(isWrapCurrent);
    },
    former: formerKeys(config).map(({ parameter }) => parameter),
    async formerNeeded({ wraps, macStanza }) {
      const claims: Claim[] = [...(wraps.some((wrap) => isNamed(wrappingKey(), claimOf(wrap))) ? [] : wraps.map(claimOf)), ...(macStanza === null ? [] : oldMac(macStanza))];
      return formerKeys(config)
        .filter(({ role, reference, isDefault }) => claims.some((claim) => claim.role === role && (isDefault || isNamed(claim, reference))))
        .map(({ parameter }) => parameter);
    },
    async configuredKeys() {
      return allReferences(config).flatMap(({ role, reference }) =>
        keysFor(session, role, { class: null, ...reference })
          .filter((key) => role === 'wrap' || key.class === 'secret')
          .map((key) => sealKey(role, key)),
      );
    },
    async random(length) {
      return session.random(length);
    },
    async ensureKeys() {
      return ensureKeys(config, session);
    },
    exposedKeys() {
      const used = [{ role: 'wrap', key: writing }, { role: 'hmac', key: signing }, ...found.values()].flatMap(({ role, key }) => (key === null ? [] : [{ role, key }]));
      const others = allReferences(config).flatMap(({ role, reference }) => {
        const isUsed = (): boolean => used.some((each) => each.role === role && isNamed(each.key, reference));
        return ifTold(() => (isUsed() ? [] : keysFor(session, role, { class: null, ...reference }).map((key) => ({ role, key }))));
      });
      const byRole = [...used, ...others].toSorted((a, b) => Number(b.role === 'wrap') - Number(a.role === 'wrap'));
      const keys = new Map(byRole.map(({ key }) => [handleOf(key), key]));
      return [...keys.values()].flatMap((key) => {
        const exposures = session.exposuresOf(key);
        return exposures.length === 0 ? [] : [{ label: key.label, exposures }];
      });
    },
    lanes: (count) => session.openCiphers(count).map((each) => pkcs11Seal(config, session, { cipher: each, acceptsNoMac })),
  };

  function isWrapCurrent(wrap: Wrap): boolean {
    const key = wrappingKey();
    const method = methodOf(wrap);
    if (method === null || wrap.seal !== config.name || !isNamed(key, claimOf(wrap))) return false;
    return wrapMethods(config, key).some((allowed) => sameMethod(allowed, method));
  }

  function isMacCurrent(stanza: MacStanza | null): boolean {
    if (stanza === null || config.hmacKey === null) return stanza === null && config.hmacKey === null;
    return stanza.mechanism === (config.hmacMechanism ?? CKM.SHA256_HMAC) && isNamed(hmacKey(config.hmacKey), claimOf(stanza));
  }

  function oldMac(stanza: MacStanza): Claim[] {
    const claim = claimOf(stanza);
    return config.hmacKey !== null && isNamed(hmacKey(config.hmacKey), claim) ? [] : [claim];
  }
}

/** Nothing where the token does not answer. */
function ifTold<T>(find: () => T[]): T[] {
  try {
    return find();
  } catch (error) {
    if (error instanceof CryptokiError) return [];
    throw error;
  }
}

function claimOf(made: Wrap | MacStanza): Claim {
  const { keyLabel: label, keyId: id, mechanism } = made;
  if (!('ciphertext' in made)) return { role: 'hmac', class: 'secret', label, id };
  return { role: 'wrap', class: isRsaMechanism(mechanism) ? 'private' : 'secret', label, id };
}

function sealKey(role: Role, { class: keyClass, label, id }: Key): SealKey {
  return { role, class: keyClass === 'private' ? 'private' : 'secret', label, id };
}

/** @throws HsmError `key_type` for a key that no token makes an HMAC with */
function requireHmacKey(session: Session, reference: NonNullable<Pkcs11SealConfig['hmacKey']>): Key {
  const query = { class: null, ...reference };
  const key = onlyKey(session, keysFor(session, 'hmac', query), query, 'HMAC key (hmac_key_label)');
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

/** Handles are those of this session. */
function handleOf({ handle }: Key): string {
  return hex(handle);
}

function sameMethod(a: WrapMethod | undefined, b: WrapMethod): boolean {
  return a?.mechanism === b.mechanism && a.hash === b.hash;
}
