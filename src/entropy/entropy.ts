import { randomFillSync } from 'node:crypto';
import { zero } from '../bytes.ts';
import { HsmError } from '../errors.ts';
import { HealthTest, STARTUP_SAMPLES } from './health.ts';

/** Where key material comes from. */
export interface Entropy {
  /** That many fresh random bytes, the caller's to zero. */
  bytes(length: number): Promise<Uint8Array>;
}

/** The operating system's generator alone. */
export const systemEntropy: Entropy = {
  bytes: async (length) => randomFillSync(new Uint8Array(length)),
};

/** The most that is asked of the HSM in one call. */
const HSM_CHUNK = 1024;

/**
 * The HSM's bytes alone, behind the continuous health tests of NIST SP 800-90B section 4.4.
 * @param hsmRandom gives that many bytes from C_GenerateRandom
 * @throws HsmError `rng_unhealthy` or `rng_short` from `bytes`, or what `hsmRandom` throws
 */
export function testedEntropy(hsmRandom: (length: number) => Promise<Uint8Array>): Entropy {
  const health = new HealthTest();
  let started = false;

  async function tested(length: number): Promise<Uint8Array> {
    const bytes = await hsmRandom(length);
    if (bytes.length !== length) {
      throw new HsmError('rng_short', `the HSM gave ${bytes.length} random bytes where ${length} were asked for (C_GenerateRandom)`);
    }
    health.feed(bytes);
    return bytes;
  }

  return {
    async bytes(length) {
      if (!started) zero(await tested(STARTUP_SAMPLES));
      started = true;
      return tested(length);
    },
  };
}

/**
 * System bytes XOR as many HSM bytes, so that the result is no weaker than the better of the two. The HSM's bytes pass
 * the continuous health tests of NIST SP 800-90B section 4.4 first.
 * @param hsmRandom gives that many bytes from C_GenerateRandom
 * @throws HsmError `rng_unhealthy` from `bytes`, or what `hsmRandom` throws
 */
export function augmentedEntropy(hsmRandom: (length: number) => Promise<Uint8Array>): Entropy {
  const hsm = testedEntropy(hsmRandom);
  return {
    async bytes(length) {
      const mixed = await systemEntropy.bytes(length);
      for (let offset = 0; offset < length; offset += HSM_CHUNK) {
        const share = await hsm.bytes(Math.min(HSM_CHUNK, length - offset));
        share.forEach((byte, at) => {
          mixed[offset + at] = (mixed[offset + at] ?? 0) ^ byte;
        });
        zero(share);
      }
      return mixed;
    },
  };
}
