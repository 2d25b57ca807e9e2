import type { Seal } from '../../seal/index.ts';

/** Values of a batch that finds out how fast one way is. */
export const TRIAL_VALUES = 8;
/** Such batches for each way; the first finds the keys and does not count. */
const TRIAL_BATCHES = 2;

/**
 * Whether sessions side by side are faster: not where a module has one lock for all of them. Small batches are done in each
 * way, and the faster way does the rest.
 */
export class Pace {
  readonly #single: readonly Seal[];
  readonly #parallel: readonly Seal[];
  /** Milliseconds a value, by way. */
  readonly #times = new Map<readonly Seal[], number[]>();

  constructor(seal: Seal, parallel: readonly Seal[]) {
    this.#single = [seal];
    this.#parallel = parallel;
  }

  seals(): readonly Seal[] {
    if (this.#parallel.length === 0) return this.#single;
    const undecided = [this.#single, this.#parallel].find((way) => this.#of(way).length < TRIAL_BATCHES);
    if (undecided !== undefined) return undecided;
    return this.#best(this.#parallel) < this.#best(this.#single) ? this.#parallel : this.#single;
  }

  isDecided(): boolean {
    return this.#parallel.length === 0 || this.#of(this.#parallel).length >= TRIAL_BATCHES;
  }

  took(seals: readonly Seal[], milliseconds: number, values: number): void {
    this.#times.set(seals, [...this.#of(seals), milliseconds / Math.max(1, values)]);
  }

  #of(way: readonly Seal[]): readonly number[] {
    return this.#times.get(way) ?? [];
  }

  #best(way: readonly Seal[]): number {
    return Math.min(...this.#of(way).slice(1, TRIAL_BATCHES));
  }
}
