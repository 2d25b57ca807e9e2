import type { Pkcs11SealConfig } from '../config/types.ts';
import { type Cipher, type GeneratedKey, isNamed, type Session } from '../pkcs11/index.ts';
import { Anchor } from './anchor.ts';
import { Authenticator } from './authenticator.ts';
import { allReferences, claimOf, formerKeys, keysFor } from './configured.ts';
import { formerNeeded, isCurrent } from './current.ts';
import { KeyLookup } from './key-lookup.ts';
import { KeyWrapper } from './key-wrapper.ts';
import { type ExposedKey, exposedKeys } from './exposed.ts';
import { ensureKeys } from './keys.ts';
import { ManagedKeys } from './managed.ts';
import type { RecordKeys, Seal, SealKey } from './seal.ts';
import { withoutKeys } from './take-back.ts';

/** A configuration that names keys beside those in use. */
export interface FormerKeys {
  /** The parameters that name them: `previous_key_label "old"`. */
  readonly former: readonly string[];
  /** Those of them that a record may need. @throws HsmError */
  formerNeeded(record: RecordKeys): Promise<readonly string[]>;
}

export interface KeyMaker {
  /**
   * Makes sure that the wrapping key and the HMAC key are there, creating them when `generate_key` allows.
   * @returns the keys that it created
   * @throws HsmError `key_not_found` with the commands that would create them; `key_raced` when another program creates one now
   */
  ensureKeys(): Promise<readonly GeneratedKey[]>;
  /**
   * Takes back keys that were created, by `ensureKeys` or for callers, after an error for which nothing was made with them.
   * @returns the error to throw: the same, or HsmError `key_left`
   */
  withoutKeys(created: readonly GeneratedKey[], error: unknown): Promise<unknown>;
}

export interface KeyAudit {
  /**
   * Those of the configured keys on the token that are not safe, former ones among them: whoever has one of those writes records that
   * open. A trip to the HSM for each key, and a search for each that was not used so far. It is advice: a token that does not answer
   * stops nothing.
   */
  exposedKeys(): ExposedKey[];
}

export interface ManagedKeySource {
  /**
   * Keys of the same token that serve callers; none of `own` does, nor any that the configuration names.
   * @param made told of each that is generated
   */
  managed(own: readonly SealKey[], made?: (key: GeneratedKey) => void): ManagedKeys;
}

export interface AnchorSource {
  /** The counter that the token keeps of a store. */
  anchor(storeId: string): Anchor;
}

export interface SessionPool {
  /** The same seal on up to `count` further sessions, which work side by side. */
  lanes(count: number): Seal[];
}

/** What a seal on a PKCS#11 session can do beside what every seal does. */
export interface Pkcs11Seal extends Seal, FormerKeys, KeyMaker, KeyAudit, ManagedKeySource, AnchorSource, SessionPool {}

export interface SealOptions {
  /** The session that encrypts and decrypts; else the one that the seal is on. */
  readonly cipher?: Cipher;
  /** Take records without an HMAC although the configuration names an HMAC key. */
  readonly acceptsNoMac?: boolean;
}

/** The seal on one logged-in PKCS#11 session. */
export function pkcs11Seal(
  config: Pkcs11SealConfig,
  session: Session,
  { cipher = session, acceptsNoMac = false }: SealOptions = {},
): Pkcs11Seal {
  const keys = new KeyLookup(config, session);
  const wrapper = new KeyWrapper(keys, cipher);
  const authenticator = new Authenticator(keys, cipher);
  return {
    requiresMac: config.hmacKey !== null && !acceptsNoMac,
    wrapKey: (key) => wrapper.wrap(key),
    unwrapKey: (wrap) => wrapper.unwrap(wrap),
    requireSound: (wrap) => wrapper.requireSound(wrap),
    macMaker: async () => authenticator.maker(),
    verifyMac: (stanza, message, mac) => authenticator.verify(stanza, message, mac),
    hasOtherName: async (made) => !isNamed(keys.maker(made), claimOf(made)),
    isCurrent: async (record) => isCurrent(keys, record),
    configuredKeys: async () => configuredKeys(config, session),
    random: async (length) => session.random(length),
    former: formerKeys(config).map(({ parameter }) => parameter),
    formerNeeded: async (record) => formerNeeded(keys, record),
    ensureKeys: () => ensureKeys(config, session),
    withoutKeys: (created, error) => withoutKeys(session, created, error),
    exposedKeys: () => exposedKeys(keys),
    anchor: (storeId) => new Anchor(session, storeId),
    managed: (own, made = () => undefined) => new ManagedKeys(config, session, own, made),
    lanes: (count) =>
      session.openCiphers(count).map((lane) => pkcs11Seal(config, session, { cipher: lane, acceptsNoMac })),
  };
}

function configuredKeys(config: Pkcs11SealConfig, session: Session): SealKey[] {
  return allReferences(config).flatMap(({ role, reference }) =>
    keysFor(session, role, { class: null, ...reference })
      .filter((key) => role === 'wrap' || key.class === 'secret')
      .map((key) => ({ role, class: key.class === 'private' ? 'private' : 'secret', label: key.label, id: key.id })),
  );
}
