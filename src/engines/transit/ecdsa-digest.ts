import { createECDH, randomBytes } from 'node:crypto';
import { zero } from '../../bytes.ts';
import { inverse, modulo, toBigInt, toBytes } from './bigint.ts';
import type { Curve } from './curves.ts';
import { scalarFrom } from './generate-ec.ts';
import type { EcdsaSignature } from './signature-encoding.ts';

/*
 * ECDSA over a digest that somebody else made (FIPS 186-5 section 6.4). node:crypto signs and verifies messages only, so
 * the arithmetic around the curve is here; every multiplication of a point stays with OpenSSL, through ECDH.
 */

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** @param scalar the private key @param digest of any length; what is longer than the order is cut off */
export function signDigest(curve: Curve, scalar: bigint, digest: Uint8Array): EcdsaSignature {
  const { n } = curve;
  const e = digestInteger(curve, digest);
  for (;;) {
    const nonce = randomScalar(curve);
    const r = modulo(timesBase(curve, nonce).x, n);
    // The blinding factor keeps the time of the BigInt arithmetic from telling of the nonce and the key.
    const blind = randomScalar(curve);
    const s = modulo(inverse(nonce * blind, n) * (modulo(blind * e, n) + modulo(blind * r, n) * scalar), n);
    if (r !== 0n && s !== 0n) return { r, s };
  }
}

/** @param publicPoint 0x04, x, y */
export function verifyDigest(curve: Curve, publicPoint: Uint8Array, digest: Uint8Array, { r, s }: EcdsaSignature): boolean {
  const { n } = curve;
  if (r <= 0n || r >= n || s <= 0n || s >= n) return false;
  // u1·G + u2·Q is u2·((u1/u2)·G + Q), which needs but one addition of points.
  const e = modulo(digestInteger(curve, digest), n);
  const ratio = modulo(e * inverse(r, n), n);
  const publicKey = decodePoint(publicPoint);
  const sum = ratio === 0n ? publicKey : add(curve, timesBase(curve, ratio), publicKey);
  return sum !== null && modulo(xOfMultiple(curve, modulo(r * inverse(s, n), n), sum), n) === r;
}

/** The leftmost bits of the digest, as many as the order has. */
function digestInteger({ bits }: Curve, digest: Uint8Array): bigint {
  const excess = Math.max(0, digest.length * 8 - bits);
  return toBigInt(digest) >> BigInt(excess);
}

function randomScalar(curve: Curve): bigint {
  const random = randomBytes(curve.bytes + 8);
  const scalar = scalarFrom(curve, random);
  zero(random);
  return scalar;
}

function timesBase({ opensslCurve, bytes }: Curve, scalar: bigint): Point {
  const ecdh = createECDH(opensslCurve);
  ecdh.setPrivateKey(toBytes(scalar, bytes));
  return decodePoint(ecdh.getPublicKey());
}

function xOfMultiple({ opensslCurve, bytes }: Curve, scalar: bigint, { x, y }: Point): bigint {
  const ecdh = createECDH(opensslCurve);
  ecdh.setPrivateKey(toBytes(scalar, bytes));
  return toBigInt(ecdh.computeSecret(Buffer.concat([Buffer.of(4), toBytes(x, bytes), toBytes(y, bytes)])));
}

/** Null for the point at infinity. */
function add({ p }: Curve, a: Point, b: Point): Point | null {
  if (a.x === b.x && a.y !== b.y) return null;
  const slope = a.x === b.x ? (3n * a.x * a.x - 3n) * inverse(2n * a.y, p) : (b.y - a.y) * inverse(b.x - a.x, p);
  const x = modulo(slope * slope - a.x - b.x, p);
  return { x, y: modulo(slope * (a.x - x) - a.y, p) };
}

function decodePoint(bytes: Uint8Array): Point {
  const half = (bytes.length - 1) / 2;
  return { x: toBigInt(bytes.subarray(1, 1 + half)), y: toBigInt(bytes.subarray(1 + half)) };
}
