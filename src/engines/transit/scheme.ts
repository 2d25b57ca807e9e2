import type { KeyObject } from 'node:crypto';

/** A way to sign with a private key and to verify with a public one. Both throw UsageError `bad_digest`. */
export interface SignatureScheme {
  sign(privateKey: KeyObject, input: Uint8Array): Uint8Array;
  verify(publicKey: KeyObject, input: Uint8Array, signature: Uint8Array): boolean;
}
