import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../aead.ts';
import { asBuffer, hex, zero } from '../bytes.ts';
import type { Pkcs11SealConfig } from '../config/types.ts';
import { hasCode, HsmError } from '../errors.ts';
import type {
  GcmCipher,
  HsmCipher,
  HsmKeyDescription,
  HsmKeys,
  HsmKeyType,
  HsmSigning,
  KeyReference,
  OaepHash,
} from '../hsm-keys.ts';
import {
  CKM,
  CKR,
  type CryptokiError,
  describeHsmChange,
  type GeneratedKey,
  isCiphertextInvalid,
  isCiphertextSuspect,
  isReturnValue,
  type Key,
  listKeys,
  type Mechanism,
  type Session,
  wrongKey,
} from '../pkcs11/index.ts';
import { requireSame, withoutExcuse } from './known-good.ts';
import { type ManagedClass, lookUp } from './managed-lookup.ts';
import { describeManaged, kindOf } from './managed-type.ts';
import { proveNew, refuseUnlisted, requireUsable } from './prove-managed.ts';
import { reservedKeys, type ReservedKeys } from './reserved.ts';
import type { SealKey } from './seal.ts';
import { MAY_BE_LEFT } from './take-back.ts';

const PROBE_BYTES = 16;

/** Key objects of the token that callers use by name. */
export class ManagedKeys implements HsmKeys {
  readonly #session: Session;
  readonly #reserved: ReservedKeys;
  /** Looked up, and checked, once a command, however long its batch is. */
  readonly #found = new Map<string, Key>();

  readonly #made: (key: GeneratedKey) => void;

  /**
   * @param own the keys that ever wrapped or authenticated the store
   * @param made told of each key object that is generated, which is to be removed where nothing comes to use it
   */
  constructor(config: Pkcs11SealConfig, session: Session, own: readonly SealKey[], made: (key: GeneratedKey) => void) {
    this.#session = session;
    this.#made = made;
    this.#reserved = reservedKeys(config, session, own);
  }

  find(reference: KeyReference): HsmKeyDescription {
    return describeManaged(this.#session, this.#keyOf(reference, 'secret', 'private'));
  }

  register(reference: KeyReference): HsmKeyDescription {
    const key = this.find(reference);
    requireUsable(this, key);
    return key;
  }

  generate(label: string, type: HsmKeyType): HsmKeyDescription {
    const session = this.#session;
    this.#reserved.refuseLabel(label);
    const there = (['secret', 'private'] as const).flatMap((each) =>
      session.findKeys({ class: each, label, id: null }),
    );
    if (there.length > 0) {
      throw new HsmError('key_exists', `token "${session.token.label}" has a key with label "${label}" already`, {
        hint: `choose another managed_key_name, or leave out generate=true to use that one:\n${listKeys(there)}`,
      });
    }
    refuseUnlisted(session, type);
    const made: { key: HsmKeyDescription | null } = { key: null };
    describeHsmChange(MAY_BE_LEFT);
    try {
      const key = session.generateKey(label, kindOf(type), (generated) => {
        this.#found.clear(); // another that was made before is gone
        made.key = describeNew(session, generated);
        proveNew(this, generated, made.key);
      });
      this.#made(key);
      return made.key ?? describeManaged(session, key);
    } catch (error) {
      if (!hasCode(error, HsmError, 'key_left')) describeHsmChange(null);
      throw error;
    }
  }

  oaepHash(key: HsmKeyDescription): OaepHash | null {
    return (['sha256', 'sha1'] as const).find((hash) => this.#decryptsOaep(key, hash)) ?? null;
  }

  encrypt(reference: KeyReference, cipher: GcmCipher, plaintext: Uint8Array): Uint8Array {
    const key = this.#keyOf(reference, 'secret');
    const ciphertext = this.#encrypt(key, cipher, plaintext);
    if (ciphertext.length === plaintext.length + GCM_TAG_BYTES) return ciphertext;
    const problem = `CKM_AES_GCM with key "${key.label}" gave ${ciphertext.length} bytes for ${plaintext.length}`;
    throw new HsmError('mechanism_refused', problem, {
      hint: 'the HSM does not use the IV that it is given; use an RSA key of the HSM, or a key of another type',
    });
  }

  decrypt(reference: KeyReference, cipher: HsmCipher, ciphertext: Uint8Array): Uint8Array | null {
    const key = this.#keyOf(reference, cipher.scheme === 'gcm' ? 'secret' : 'private');
    const open = (): Uint8Array => this.#decrypt(key, cipher, ciphertext);
    try {
      return open();
    } catch (error) {
      if (!isCiphertextSuspect(error)) throw error;
      this.#requireSound(key, cipher, error);
      if (opensNow(open)) throw withoutExcuse(error, key);
      return null;
    }
  }

  sign(reference: KeyReference, signing: HsmSigning, input: Uint8Array): Uint8Array {
    const key = this.#keyOf(reference, 'private');
    return explained(key, () => this.#session.sign(key, signingMechanism(signing), input));
  }

  #keyOf(reference: KeyReference, ...classes: readonly ManagedClass[]): Key {
    const name = JSON.stringify([reference.label, reference.id === null ? null : hex(reference.id), classes]);
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const key = lookUp(this.#session, reference, classes);
    this.#reserved.refuse(key);
    this.#found.set(name, key);
    return key;
  }

  #encrypt(key: Key, cipher: HsmCipher, plaintext: Uint8Array): Uint8Array {
    return explained(key, () => this.#session.encrypt(key, cipherMechanism(cipher), plaintext));
  }

  #decrypt(key: Key, cipher: HsmCipher, ciphertext: Uint8Array): Uint8Array {
    return explained(key, () => this.#session.decrypt(key, cipherMechanism(cipher), ciphertext));
  }

  /**
   * A known-good operation with the key, and the same whatever was wrong with a ciphertext: an HSM that has a problem is not
   * taken for a wrong ciphertext, and nobody learns from the time what was wrong.
   * @throws HsmError when the HSM fails at it, too
   */
  #requireSound(key: Key, cipher: HsmCipher, failure: CryptokiError): void {
    const probe = new Uint8Array(randomBytes(PROBE_BYTES));
    const fresh: HsmCipher =
      cipher.scheme === 'gcm' ? { ...cipher, iv: new Uint8Array(randomBytes(GCM_IV_BYTES)) } : cipher;
    try {
      const isLocal = fresh.scheme === 'oaep';
      const ciphertext = isLocal
        ? encryptOaep(describeManaged(this.#session, key), fresh.hash, probe)
        : this.#encrypt(key, fresh, probe);
      requireSame(key, probe, this.#decrypt(key, fresh, ciphertext));
    } catch (error) {
      // A key that may not encrypt: nothing tells.
      if (!hasCode(error, HsmError, 'key_use')) throw withoutExcuse(error, key);
      const isData: boolean = isCiphertextInvalid(failure);
      if (!isData) throw failure;
    }
  }

  #decryptsOaep(key: HsmKeyDescription, hash: OaepHash): boolean {
    const probe = randomBytes(PROBE_BYTES);
    const hsmKey = this.#keyOf(key, 'private');
    try {
      return probe.equals(this.#decrypt(hsmKey, { scheme: 'oaep', hash }, encryptOaep(key, hash, probe)));
    } catch (error) {
      if (isCiphertextInvalid(error) || hasCode(error, HsmError, 'key_use', 'mechanism_refused')) return false;
      throw error;
    }
  }
}

function describeNew(session: Session, key: GeneratedKey): HsmKeyDescription {
  try {
    return describeManaged(session, key);
  } catch (error) {
    if (!hasCode(error, HsmError, 'key_type', 'public_key_missing')) throw error;
    throw wrongKey(key, error.message);
  }
}

function encryptOaep({ publicKey }: HsmKeyDescription, hash: OaepHash, plaintext: Uint8Array): Uint8Array {
  const key = createPublicKey({ key: asBuffer(publicKey ?? new Uint8Array(0)), format: 'der', type: 'spki' });
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, plaintext);
}

/** Whether `decrypt` succeeds; what it gives is zeroed. */
function opensNow(decrypt: () => Uint8Array): boolean {
  try {
    zero(decrypt());
    return true;
  } catch (error) {
    if (isCiphertextSuspect(error)) return false;
    throw error;
  }
}

function cipherMechanism(cipher: HsmCipher): Mechanism {
  if (cipher.scheme === 'oaep') return { type: CKM.RSA_PKCS_OAEP, oaepHash: cipher.hash };
  return { type: CKM.AES_GCM, iv: cipher.iv, aad: cipher.associatedData };
}

function signingMechanism(signing: HsmSigning): Mechanism {
  if (signing.scheme === 'pss') return { type: CKM.RSA_PKCS_PSS, pssHash: signing.hash, saltBytes: signing.saltBytes };
  return { type: signing.scheme === 'ecdsa' ? CKM.ECDSA : CKM.RSA_PKCS };
}

/** The remedies of src/pkcs11 speak of the seal stanza, which has no part in this. @throws HsmError `key_use`, `mechanism_refused` */
function explained<T>({ label }: Key, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (isReturnValue(error, CKR.KEY_FUNCTION_NOT_PERMITTED, CKR.KEY_TYPE_INCONSISTENT)) {
      const hint = `the key object "${label}" does not allow this use (CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN); allow it with the HSM's own tool, or use another key`;
      throw new HsmError('key_use', error.message, { hint, cause: error });
    }
    // A YubiHSM 2 says so of a key without the capability.
    if (isReturnValue(error, CKR.FUNCTION_REJECTED))
      throw new HsmError('key_use', error.message, { hint: error.hint, cause: error });
    if (
      isReturnValue(
        error,
        CKR.MECHANISM_INVALID,
        CKR.MECHANISM_PARAM_INVALID,
        CKR.ARGUMENTS_BAD,
        CKR.FUNCTION_NOT_SUPPORTED,
      ) &&
      error.operation.endsWith('Init')
    ) {
      const hint =
        'the HSM does not have this mechanism, or not with these parameters: choose another algorithm, or a key of another type';
      throw new HsmError('mechanism_refused', error.message, { hint, cause: error });
    }
    throw error;
  }
}
