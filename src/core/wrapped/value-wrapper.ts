import type { ValueWrapper } from '../../barrier/index.ts';
import { zero } from '../../bytes.ts';
import { systemEntropy } from '../../entropy/index.ts';
import { openRecord, type Seal, sealRecord } from '../../seal/index.ts';

const DATA_KEY_BYTES = 32;

/**
 * Seal wrap: each value under a fresh data key, which only the HSM can unwrap. The data key comes from the system alone,
 * since what it encrypts is the barrier's ciphertext already; HSM bytes would cost every write two more calls.
 */
export function sealWrapper(seal: Seal): ValueWrapper {
  return {
    async wrap(storedPath, value) {
      const key = await systemEntropy.bytes(DATA_KEY_BYTES);
      try {
        const wraps = [await seal.wrapKey(key)];
        return await sealRecord(seal, { key, wraps, context: new Uint8Array(0), body: value, place: storedPath });
      } finally {
        zero(key);
      }
    },
    async unwrap(storedPath, wrapped, name) {
      const { key, body } = await openRecord(seal, wrapped, storedPath, name);
      zero(key);
      return body;
    },
  };
}
