import { createHmac } from 'node:crypto';
import { concat, zero } from '../../bytes.ts';

/** Of one request, NIST SP 800-90A table 2. */
const MOST_BYTES = 65_536;
const OUTPUT_BYTES = 32;

/**
 * HMAC_DRBG with SHA-256 (NIST SP 800-90A section 10.1.2), security strength 256 bits. Without reseeding: an instance
 * serves one key and is then zeroed, far below the 2^48 requests that a seed may serve.
 */
export class HmacDrbg {
  #key: Buffer = Buffer.alloc(OUTPUT_BYTES);
  #value: Buffer = Buffer.alloc(OUTPUT_BYTES, 1);

  /** @param seed entropy input of at least 32 bytes, then a nonce of at least 16; copied */
  constructor(seed: Uint8Array) {
    if (seed.length < 48) throw new RangeError('the seed is too short');
    this.#update(seed);
  }

  /** The caller's to zero. */
  bytes(length: number): Uint8Array {
    if (length > MOST_BYTES) throw new RangeError('too many bytes for one request');
    const output = Buffer.alloc(Math.ceil(length / OUTPUT_BYTES) * OUTPUT_BYTES);
    for (let at = 0; at < output.length; at += OUTPUT_BYTES) {
      this.#value = hmac(this.#key, this.#value);
      this.#value.copy(output, at);
    }
    this.#update(new Uint8Array(0));
    return output.subarray(0, length);
  }

  zero(): void {
    zero(this.#key, this.#value);
  }

  #update(data: Uint8Array): void {
    for (const round of data.length === 0 ? [0] : [0, 1]) {
      const input = concat(this.#value, Uint8Array.of(round), data);
      const [oldKey, oldValue] = [this.#key, this.#value];
      this.#key = hmac(oldKey, input);
      this.#value = hmac(this.#key, oldValue);
      zero(input, oldKey, oldValue);
    }
  }
}

function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
