/** What coffer uses of the library, so that the bundle leaves out the rest. Loaded with `await import()` alone. */
export { p256, p384, p521 } from '@noble/curves/nist.js';
