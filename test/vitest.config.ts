import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    // A TPM takes its time and six programs, Yubico's module is built by hand: npm run test:tpm2, test:yubihsm.
    exclude: ['tpm2', 'yubihsm']
      .filter((module) => module !== process.env['COFFER_TEST_MODULE'])
      .map((module) => `test/conformance/${module}.test.ts`),
    // A PKCS#11 module keeps state in its process and is not made for worker threads.
    pool: 'forks',
    // One core stays idle otherwise: of two it is half, and no test minds how fast it is.
    maxWorkers: '100%',
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
