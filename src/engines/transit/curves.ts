import type { EcType } from './types.ts';

/** y² = x³ - 3x + b over the integers modulo p, with a base point of prime order n (NIST SP 800-186 section 3.2.1). */
export interface Curve {
  readonly opensslCurve: EcType['opensslCurve'];
  readonly p: bigint;
  readonly n: bigint;
  /** Bits of n and of p, which are as many on these curves. */
  readonly bits: number;
  /** Bytes of a scalar or a coordinate. */
  readonly bytes: number;
}

const CURVES: { readonly [curve in EcType['curve']]: Curve } = {
  'P-256': {
    opensslCurve: 'prime256v1',
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    bits: 256,
    bytes: 32,
  },
  'P-384': {
    opensslCurve: 'secp384r1',
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    bits: 384,
    bytes: 48,
  },
  'P-521': {
    opensslCurve: 'secp521r1',
    p: 2n ** 521n - 1n,
    n: 2n ** 521n - 0x5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7n,
    bits: 521,
    bytes: 66,
  },
};

export function curveOf(type: EcType): Curve {
  return CURVES[type.curve];
}
