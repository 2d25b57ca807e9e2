import { hash } from 'node:crypto';

const FIRST_SLOTS = 1024;

/** Which texts there were, in 16 to 32 bytes each, however long they are: 64 bits of their SHA-256. */
export class Seen {
  /** Two numbers a slot; the first is 0 in an empty one. */
  #slots = new Uint32Array(2 * FIRST_SLOTS);
  #count = 0;

  /** @returns whether it was there before */
  add(text: string): boolean {
    if (this.#count * 4 >= this.#slots.length) this.#grow();
    const digest = hash('sha256', text, 'buffer');
    if (!insert(this.#slots, digest.readUInt32LE(0) || 1, digest.readUInt32LE(4))) return true;
    this.#count++;
    return false;
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#slots.length);
    for (let at = 0; at < this.#slots.length; at += 2)
      if (this.#slots[at] !== 0) insert(larger, this.#slots[at] ?? 0, this.#slots[at + 1] ?? 0);
    this.#slots = larger;
  }
}

/** @param slots a power of two, not all of them taken @param first not 0 @returns false where both are there already */
function insert(slots: Uint32Array, first: number, second: number): boolean {
  const mask = slots.length / 2 - 1;
  for (let slot = first & mask; ; slot = (slot + 1) & mask) {
    const at = 2 * slot;
    if (slots[at] === first && slots[at + 1] === second) return false;
    if (slots[at] !== 0) continue;
    slots[at] = first;
    slots[at + 1] = second;
    return true;
  }
}
