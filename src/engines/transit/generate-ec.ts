import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import { asBuffer, zero } from '../../bytes.ts';
import type { Entropy } from '../../entropy/index.ts';
import { toBytes } from './bigint.ts';
import { curveArithmetic } from './curves.ts';
import type { EcType } from './types.ts';

/**
 * A key pair whose private scalar is (c mod (n - 1)) + 1 of random bytes half as many again as the order has (FIPS 186-5
 * appendix A.2.1, which asks for 64 bits more). They come straight from `entropy`: one call, which a DRBG would not save.
 */
export async function generateEcFrom(entropy: Entropy, type: EcType): Promise<KeyObject> {
  const { lengths, utils } = await curveArithmetic(type);
  const random = await entropy.bytes(lengths.seed ?? 0);
  const secret = utils.randomSecretKey(random);
  zero(random);
  return keyPairOf(type, secret);
}

/** The key pair of a private scalar from 1 to n - 1. */
export function ecPrivateKey(type: EcType, scalar: bigint): KeyObject {
  return keyPairOf(type, toBytes(scalar, type.bytes));
}

/** @param secret is zeroed */
function keyPairOf({ curve, opensslCurve }: EcType, secret: Uint8Array): KeyObject {
  try {
    const ecdh = createECDH(opensslCurve);
    ecdh.setPrivateKey(secret);
    const point = ecdh.getPublicKey().subarray(1); // after 0x04
    const x = point.toString('base64url', 0, secret.length);
    const y = point.toString('base64url', secret.length);
    const key = { kty: 'EC', crv: curve, d: asBuffer(secret).toString('base64url'), x, y };
    return createPrivateKey({ key, format: 'jwk' });
  } finally {
    zero(secret);
  }
}
