import type { KeyObject } from 'node:crypto';
import { zero } from '../../bytes.ts';
import { curveArithmetic } from './curves.ts';
import type { SignatureScheme } from './scheme.ts';
import type { Marshaling } from './signature-encoding.ts';
import type { EcType } from './types.ts';

/**
 * ECDSA over a digest that somebody else made (FIPS 186-5 section 6.4), which node:crypto does not have. The digest has
 * any length; of one that is longer than the order, the leftmost bits count. Nonces are those of RFC 6979 with fresh
 * random bytes mixed in (section 3.6), so that neither a weak generator nor a fault in one computation gives the key
 * away. s is as it comes and not the lower of the two that verify: Vault and OpenSSL neither make nor ask for that one.
 */
export async function ecdsaOverDigests(type: EcType, marshaling: Marshaling): Promise<SignatureScheme> {
  const arithmetic = await curveArithmetic(type);
  const { bytes } = type;
  const options = { prehash: false, lowS: false, format: marshaling === 'jws' ? 'compact' : 'der' } as const;
  return {
    sign(privateKey, digest) {
      const secret = scalarOf(privateKey);
      try {
        return arithmetic.sign(leftmost(digest, bytes), secret, { ...options, extraEntropy: true });
      } finally {
        zero(secret);
      }
    },
    verify(publicKey, digest, signature) {
      // The library throws on a length that is wrong, and answers false to all else that is no signature.
      if (marshaling === 'jws' && signature.length !== 2 * bytes) return false;
      return arithmetic.verify(signature, leftmost(digest, bytes), pointOf(publicKey), options);
    },
  };
}

/** All that the library looks at; it takes no more than 8,192 bytes. */
function leftmost(digest: Uint8Array, bytes: number): Uint8Array {
  return digest.subarray(0, bytes);
}

/** The private scalar, in as many bytes as the order has (RFC 7518 section 6.2.2.1). The caller's to zero. */
function scalarOf(privateKey: KeyObject): Uint8Array {
  return Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
}

/** 0x04, x, y, however the key was written. */
function pointOf(publicKey: KeyObject): Uint8Array {
  const { x, y } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x ?? '', 'base64url'), Buffer.from(y ?? '', 'base64url')]);
}
