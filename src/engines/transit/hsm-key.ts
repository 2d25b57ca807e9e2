import { createHash, randomBytes } from 'node:crypto';
import { GCM_IV_BYTES, GCM_TAG_BYTES } from '../../aead.ts';
import { concat } from '../../bytes.ts';
import { HsmError, UsageError } from '../../errors.ts';
import type { HsmKeys, KeyReference, OaepHash } from '../../hsm-keys.ts';
import type { EngineContext, HsmKeyObject } from '../engine.ts';
import type { AeadOptions } from './aead.ts';
import type { Hash } from './hashes.ts';
import { managedCommand } from './hints.ts';
import type { CipherType, KeyHolder, Mac, Signer, SigningType } from './holder.ts';
import type { FoundVersion, Key, ManagedReference } from './key.ts';
import { KEYS_FOLDER, loadManaged } from './key-row.ts';
import { publicKeyOf } from './material.ts';
import { digestInfo } from './rsa-digest.ts';
import { oaepEncrypt } from './rsa-oaep.ts';
import { SALT_AUTO, SALT_HASH, type SignOptions } from './sign-options.ts';
import { checkDigest } from './signature.ts';
import { encodeSignature } from './signature-encoding.ts';
import { wrongType } from './types.ts';
import { malformed } from './versioned.ts';

/**
 * A managed key: every operation with the secret half runs in the HSM. Encryption with a public key needs no HSM and is
 * done here. RSAES-OAEP is with SHA-1 where the HSM has no SHA-256 for it.
 */
export class HsmKey implements KeyHolder {
  readonly #context: EngineContext;
  readonly #key: Key;
  readonly #managed: ManagedReference;

  constructor(context: EngineContext, key: Key, managed: ManagedReference) {
    this.#context = context;
    this.#key = key;
    this.#managed = managed;
  }

  encrypt(type: CipherType, found: FoundVersion, plaintext: Uint8Array, { associatedData }: AeadOptions): Uint8Array {
    if (type.family === 'rsa')
      return oaepEncrypt(type, publicKeyOf(this.#key, found, null), plaintext, this.#oaepHash());
    const iv = randomBytes(GCM_IV_BYTES);
    const cipher = { scheme: 'gcm', iv, associatedData: associatedData ?? new Uint8Array(0) } as const;
    return concat(iv, this.#context.hsm.encrypt(referenceOf(this.#managed), cipher, plaintext));
  }

  decrypt(type: CipherType, _found: FoundVersion, bytes: Uint8Array, { associatedData }: AeadOptions): Uint8Array {
    const { hsm } = this.#context;
    const key = referenceOf(this.#managed);
    const plaintext =
      type.family === 'aead'
        ? hsm.decrypt(
            key,
            { scheme: 'gcm', iv: nonceOf(bytes), associatedData: associatedData ?? new Uint8Array(0) },
            bytes.subarray(GCM_IV_BYTES),
          )
        : bytes.length === type.bits / 8
          ? hsm.decrypt(key, { scheme: 'oaep', hash: this.#oaepHash() }, bytes)
          : null;
    if (plaintext !== null) return plaintext;
    throw new UsageError('ciphertext_invalid', 'the ciphertext was not made with this key', {
      hint: 'check the key, the associated_data, and that the ciphertext is whole',
    });
  }

  async signer(type: SigningType, options: SignOptions): Promise<Signer> {
    const { hsm } = this.#context;
    return (_found, input) => sign(hsm, referenceOf(this.#managed), type, input, options);
  }

  mac(): Mac {
    throw new UsageError('managed_key', `the managed key "${this.#key.name}" cannot make HMACs`);
  }

  /** @throws UsageError `managed_key` */
  #oaepHash(): OaepHash {
    const { label, oaepHash } = this.#managed;
    if (oaepHash !== null) return oaepHash;
    const command = managedCommand(this.#context, this.#key.name, this.#managed);
    const problem = `the key object "${label}" did not decrypt RSAES-OAEP when the key was made, so it cannot encrypt`;
    throw new UsageError('managed_key', problem, {
      hint: `if it has CKA_DECRYPT now, remove the key and make it again with: ${command}`,
    });
  }
}

function sign(hsm: HsmKeys, key: KeyReference, type: SigningType, input: Uint8Array, options: SignOptions): Uint8Array {
  const { hash } = options;
  const name = paddingHash(hash);
  if (type.family === 'ed25519') throw wrongType(type, 'signing in the HSM');
  if (hash === null || name === null)
    throw new UsageError('unsupported_hash', 'a managed key signs with sha2-256, sha2-384 or sha2-512');
  if (options.prehashed) checkDigest(options, input);
  const digest = options.prehashed ? input : createHash(hash.openssl).update(input).digest();
  if (type.family === 'ec') {
    const wanted = 2 * type.bytes;
    const signature = hsm.sign(key, { scheme: 'ecdsa' }, digest.subarray(0, type.bytes)); // FIPS 186-5 section 6.4.1: the leftmost bits
    if (signature.length === wanted) return encodeSignature(signature, options.marshaling);
    throw new HsmError('bad_signature', `the HSM gave an ECDSA signature of ${signature.length} bytes, not ${wanted}`);
  }
  if (options.scheme === 'pkcs1v15') return hsm.sign(key, { scheme: 'pkcs1v15' }, digestInfo(hash, digest));
  const most = type.bits / 8 - hash.bytes - 2;
  const saltBytes = options.salt === SALT_AUTO ? most : options.salt === SALT_HASH ? hash.bytes : options.salt;
  return hsm.sign(key, { scheme: 'pss', hash: name, saltBytes }, digest);
}

/** Of every managed key of a mount. */
export async function* keyObjects(context: Pick<EngineContext, 'mountPath' | 'view'>): AsyncGenerator<HsmKeyObject> {
  const { mountPath, view } = context;
  for (const { name } of await view.list(KEYS_FOLDER)) {
    const managed = await loadManaged(view, name);
    if (managed !== null) yield { name: `${mountPath}keys/${name}`, reference: referenceOf(managed) };
  }
}

function referenceOf({ label, id }: ManagedReference): KeyReference {
  return { label, id: id === '' ? null : Buffer.from(id, 'hex') };
}

function nonceOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length < GCM_IV_BYTES + GCM_TAG_BYTES) throw malformed('ciphertext', 'it is cut short');
  return bytes.subarray(0, GCM_IV_BYTES);
}

function paddingHash(hash: Hash | null): 'sha256' | 'sha384' | 'sha512' | null {
  return (['sha256', 'sha384', 'sha512'] as const).find((name) => name === hash?.openssl) ?? null;
}
