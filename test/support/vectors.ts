import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder with the vectors and the Python that makes them. */
export const VECTORS = fileURLToPath(new URL('../../fixtures/formats/', import.meta.url));

/** One file of vectors; bytes in it are hexadecimal. */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(`${VECTORS}${name}.json`, 'utf8'));
}

/** What must be there. */
export function the<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('it is not there');
  return value;
}

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** What `use` throws; null when it returns. */
export function thrown(use: () => unknown): unknown {
  try {
    use();
    return null;
  } catch (error) {
    return error;
  }
}

/** Every copy of `whole` that has one bit changed. */
export function* withOneBitChanged(whole: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const copy = whole.slice();
    copy[bit >> 3] = the(whole[bit >> 3]) ^ (1 << (bit & 7));
    yield copy;
  }
}

/** Every beginning of `whole` that is shorter than it, and `whole` with a byte more. */
export function* withOtherLength(whole: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < whole.length; length++) yield whole.slice(0, length);
  yield Uint8Array.of(...whole, 0);
}
