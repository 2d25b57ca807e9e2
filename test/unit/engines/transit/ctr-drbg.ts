import { createCipheriv } from 'node:crypto';

/** CTR_DRBG with AES-256 and without a derivation function, NIST SP 800-90A section 10.2.1, written out for comparison. */
export class CtrDrbg {
  #key = Buffer.alloc(32);
  #counter = 0n;

  /** @param personalization shorter than the seed of 48 bytes */
  constructor(seed: Uint8Array, personalization = '') {
    const padded = Buffer.alloc(48);
    padded.write(personalization);
    this.#update(padded.map((byte, at) => byte ^ (seed[at] ?? 0)));
  }

  bytes(length: number): Buffer {
    const output = this.#blocks(Math.ceil(length / 16));
    this.#update(new Uint8Array(48));
    return output.subarray(0, length);
  }

  #update(data: Uint8Array): void {
    const state = this.#blocks(3).map((byte, at) => byte ^ (data[at] ?? 0));
    this.#key = Buffer.from(state.subarray(0, 32));
    this.#counter = BigInt(`0x${Buffer.from(state.subarray(32)).toString('hex')}`);
  }

  #blocks(count: number): Buffer {
    const blocks = Array.from({ length: count }, () => {
      this.#counter = BigInt.asUintN(128, this.#counter + 1n);
      const block = Buffer.from(this.#counter.toString(16).padStart(32, '0'), 'hex');
      return createCipheriv('aes-256-ecb', this.#key, null).setAutoPadding(false).update(block);
    });
    return Buffer.concat(blocks);
  }
}
