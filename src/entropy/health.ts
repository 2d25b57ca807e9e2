import { HsmError } from '../errors.ts';

/**
 * False-positive probability of 2^-40 per sample (NIST SP 800-90B section 4.4 allows 2^-20 to 2^-40), for a source that
 * claims 8 bits of entropy per byte, as an HSM's conditioned generator does.
 */
const REPETITION_CUTOFF = 6; // 1 + ceil(40 / 8), section 4.4.1
const WINDOW = 512; // bytes, for a non-binary source, section 4.4.2
const PROPORTION_CUTOFF = 19; // 1 + critbinom(512, 2^-8, 1 - 2^-40), section 4.4.2

/** Bytes to test before the first are used (section 4.3: at least 1024 samples). */
export const STARTUP_SAMPLES = 1024;

/** The continuous health tests of NIST SP 800-90B section 4.4, over everything one source gives. */
export class HealthTest {
  #repeated: number | null = null;
  #repetitions = 0;
  #reference = 0;
  #occurrences = 0;
  #seen = 0;

  /** @throws HsmError `rng_unhealthy` as soon as a cutoff is reached. */
  feed(samples: Uint8Array): void {
    for (const sample of samples) {
      this.#countRepetition(sample);
      this.#countProportion(sample);
    }
  }

  #countRepetition(sample: number): void {
    this.#repetitions = sample === this.#repeated ? this.#repetitions + 1 : 1;
    this.#repeated = sample;
    if (this.#repetitions >= REPETITION_CUTOFF) throw unhealthy('repetition count');
  }

  #countProportion(sample: number): void {
    if (this.#seen === 0) {
      this.#reference = sample;
      this.#occurrences = 0;
    }
    if (sample === this.#reference) this.#occurrences++;
    this.#seen = (this.#seen + 1) % WINDOW;
    if (this.#occurrences >= PROPORTION_CUTOFF) throw unhealthy('adaptive proportion');
  }
}

function unhealthy(test: string): HsmError {
  return new HsmError('rng_unhealthy', `the HSM's random number generator failed the ${test} test (C_GenerateRandom)`, {
    hint: 'no key was made; have the HSM checked before it is used again',
  });
}
