/** Which folders a walk through rows has come into, each of which is checked once. */
export class Walk {
  readonly #check: (folder: string) => Promise<void>;
  /** Found right. */
  readonly #walked = new Set<string>();
  /** Told to be wrong on the present walk. */
  readonly #told = new Set<string>();
  #isInterrupted = false;

  /** @param check throws where a folder is not as it should be */
  constructor(check: (folder: string) => Promise<void>) {
    this.#check = check;
  }

  /** Who asks once more after an error goes on with the walk. @param after null at the beginning of a walk */
  step(after: string | null): void {
    if (after === null && !this.#isInterrupted) this.#told.clear();
    this.#isInterrupted = false;
  }

  /** What `check` throws is thrown once on each walk. */
  async enter(folder: string): Promise<void> {
    if (this.#walked.has(folder) || this.#told.has(folder)) return;
    try {
      await this.#check(folder);
      this.#walked.add(folder);
    } catch (error) {
      this.#told.add(folder);
      this.#isInterrupted = true;
      throw error;
    }
  }
}
