import { p256, p384, p521 } from '@noble/curves/nist.js';

/*
 * What coffer uses of the library, so that the bundle leaves out the rest. Loaded with `await import()` alone.
 *
 * Before its first signature the library fills a table of multiples of the base point. One for windows of 4 bits takes
 * half as long as the library's own choice of 6, which a process that signs a few digests does not earn back.
 */
for (const { Point } of [p256, p384, p521]) Point.BASE.precompute(4);

export { p256, p384, p521 };
