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
export const systemEntropy: Entropy = { bytes: async (length) => randomFillSync(new Uint8Array(length)) };

/** The most that is asked of the HSM in one call. */
const HSM_CHUNK = 1024;

/** The HSM's bytes alone, behind the continuous health tests of NIST SP 800-90B section 4.4. */
export class HsmEntropy implements Entropy {
  readonly #hsmRandom: (length: number) => Promise<Uint8Array>;
  readonly #health = new HealthTest();
  #started = false;

  /** @param hsmRandom gives that many bytes from C_GenerateRandom */
  constructor(hsmRandom: (length: number) => Promise<Uint8Array>) {
    this.#hsmRandom = hsmRandom;
  }

  /** @throws HsmError `rng_unhealthy`, `rng_short`, or what `hsmRandom` throws */
  async bytes(length: number): Promise<Uint8Array> {
    if (!this.#started) zero(await this.#tested(STARTUP_SAMPLES));
    this.#started = true;
    const bytes = new Uint8Array(length);
    for (let offset = 0; offset < length; offset += HSM_CHUNK) {
      const chunk = await this.#tested(Math.min(HSM_CHUNK, length - offset));
      bytes.set(chunk, offset);
      zero(chunk);
    }
    return bytes;
  }

  async #tested(length: number): Promise<Uint8Array> {
    const bytes = await this.#hsmRandom(length);
    if (bytes.length !== length) {
      const problem = `the HSM gave ${bytes.length} random bytes where ${length} were asked for (C_GenerateRandom)`;
      throw new HsmError('rng_short', problem);
    }
    this.#health.feed(bytes);
    return bytes;
  }
}

/**
 * System bytes XOR as many HSM bytes, so that the result is no weaker than the better of the two.
 * @throws HsmError from `bytes`, as `hsm` does
 */
export function augmentedEntropy(hsm: HsmEntropy): Entropy {
  return {
    async bytes(length) {
      const mixed = await systemEntropy.bytes(length);
      const share = await hsm.bytes(length);
      share.forEach((byte, at) => (mixed[at] = (mixed[at] ?? 0) ^ byte));
      zero(share);
      return mixed;
    },
  };
}
