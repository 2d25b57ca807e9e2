import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import type { EcType } from './types.ts';

/** The arithmetic of the curve. It takes some 30 ms to load, so that only what node:crypto cannot do asks for it. */
export async function curveArithmetic({ curve }: EcType): Promise<ECDSA> {
  const { p256, p384, p521 } = await import('./nist-curves.ts');
  return { 'P-256': p256, 'P-384': p384, 'P-521': p521 }[curve];
}
