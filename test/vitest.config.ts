import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    // A TPM takes its time and six programs: npm run test:tpm2.
    exclude: process.env['COFFER_TEST_MODULE'] === 'tpm2' ? [] : ['test/conformance/tpm2.test.ts'],
    // A PKCS#11 module keeps state in its process and is not made for worker threads.
    pool: 'forks',
    // One core stays idle otherwise: of two it is half, and no test minds how fast it is.
    maxWorkers: '100%',
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
