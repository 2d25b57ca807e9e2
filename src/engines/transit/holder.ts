import type { AeadOptions } from './aead.ts';
import type { Hash } from './hashes.ts';
import type { FoundVersion } from './key.ts';
import type { SignOptions } from './sign-options.ts';
import type { AeadType, EcType, Ed25519Type, RsaType } from './types.ts';

export type CipherType = AeadType | RsaType;
export type SigningType = EcType | RsaType | Ed25519Type;

/** Signs an input with a version, derived with the context where the key is. */
export type Signer = (found: FoundVersion, input: Uint8Array, context: Uint8Array | null) => Uint8Array;
export type Mac = (found: FoundVersion, hash: Hash, input: Uint8Array) => Uint8Array;

/**
 * Who holds the secret of a key and works with it: this program, or the HSM. It serves one request, so that what it has
 * parsed serves every item of a batch. The formats are the same: nonce, ciphertext and tag, or an RSA block; signatures as
 * transit has them.
 */
export interface KeyHolder {
  /** @throws UsageError `missing_context`, `plaintext_too_long`, `managed_key`; HsmError */
  encrypt(type: CipherType, found: FoundVersion, plaintext: Uint8Array, options: AeadOptions): Uint8Array;
  /** @returns the plaintext, the caller's to zero @throws UsageError `ciphertext_malformed`, `ciphertext_invalid`, `missing_context`; StoreError `no_private_key`; HsmError */
  decrypt(type: CipherType, found: FoundVersion, ciphertext: Uint8Array, options: AeadOptions): Uint8Array;
  /** @throws what signing throws: UsageError `bad_digest`, `missing_context`, `unsupported_hash`; StoreError `no_private_key`; HsmError */
  signer(type: SigningType, options: SignOptions): Promise<Signer>;
  /** @throws UsageError `managed_key`; the Mac throws StoreError `no_hmac_key` */
  mac(): Mac;
}
