import { createECDH, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { zero } from '../../bytes.ts';
import type { Entropy } from '../../entropy/index.ts';
import { toBigInt, toBytes } from './bigint.ts';
import { curveOf } from './curves.ts';
import type { Curve } from './curves.ts';
import type { EcType } from './types.ts';

/** FIPS 186-5 appendix A.2.1 asks for at least 64 bits more than the order has. */
const EXTRA_BITS = 64;

/** A key pair whose private scalar is made of random bytes with extra bits (FIPS 186-5 appendix A.2.1). */
export async function generateEcFrom(entropy: Entropy, type: EcType): Promise<KeyObject> {
  const curve = curveOf(type);
  const random = await entropy.bytes(Math.ceil((curve.bits + EXTRA_BITS) / 8));
  try {
    return ecPrivateKey(type, scalarFrom(curve, random));
  } finally {
    zero(random);
  }
}

/**
 * A number from 1 to n - 1, (c mod (n - 1)) + 1.
 * @param random 8 bytes more than the order, rounded up; the bits beyond order + 64 are ignored
 */
export function scalarFrom(curve: Curve, random: Uint8Array): bigint {
  const candidate = BigInt.asUintN(curve.bits + EXTRA_BITS, toBigInt(random));
  return (candidate % (curve.n - 1n)) + 1n;
}

/** The key pair of a private scalar from 1 to n - 1. */
export function ecPrivateKey(type: EcType, scalar: bigint): KeyObject {
  const { bytes, opensslCurve } = curveOf(type);
  const secret = toBytes(scalar, bytes);
  const ecdh = createECDH(opensslCurve);
  ecdh.setPrivateKey(secret);
  const point = ecdh.getPublicKey(); // 0x04, x, y
  const [d, x, y] = [secret, point.subarray(1, 1 + bytes), point.subarray(1 + bytes)].map((part) => part.toString('base64url'));
  zero(secret);
  if (d === undefined || x === undefined || y === undefined) throw new TypeError('unreachable');
  return createPrivateKey({ key: { kty: 'EC', crv: type.curve, d, x, y }, format: 'jwk' });
}
