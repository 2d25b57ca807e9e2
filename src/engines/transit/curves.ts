import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import type { EcType } from './types.ts';

export interface Curve {
  /** Bytes of a scalar or a coordinate. */
  readonly bytes: number;
}

const CURVES: { readonly [curve in EcType['curve']]: Curve } = {
  'P-256': { bytes: 32 },
  'P-384': { bytes: 48 },
  'P-521': { bytes: 66 },
};

export function curveOf({ curve }: EcType): Curve {
  return CURVES[curve];
}

/** The arithmetic of the curve. It takes some 30 ms to load, so that only what node:crypto cannot do asks for it. */
export async function curveArithmetic({ curve }: EcType): Promise<ECDSA> {
  const { p256, p384, p521 } = await import('./nist-curves.ts');
  return { 'P-256': p256, 'P-384': p384, 'P-521': p521 }[curve];
}
