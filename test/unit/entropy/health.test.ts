import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { augmentedEntropy, type Entropy, HsmEntropy } from '../../../src/entropy/index.ts';
import { HealthTest, STARTUP_SAMPLES } from '../../../src/entropy/health.ts';

/** Bytes without two equal neighbours, in which none of 256 values is rarer or more frequent than another. */
function even(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at % 256);
}

describe('the repetition count test (NIST SP 800-90B section 4.4.1)', () => {
  it('passes five equal bytes and fails six, its cutoff for 8 bits a byte and 2^-40', () => {
    expect(() => new HealthTest().feed(Uint8Array.of(1, 7, 7, 7, 7, 7, 2))).not.toThrow();
    expect(() => new HealthTest().feed(Uint8Array.of(1, 7, 7, 7, 7, 7, 7))).toThrow(/repetition count/);
  });

  it('counts on from one call to the next', () => {
    const health = new HealthTest();
    health.feed(Uint8Array.of(7, 7, 7));
    expect(() => health.feed(Uint8Array.of(7, 7, 7))).toThrow(/repetition count/);
  });
});

describe('the adaptive proportion test (NIST SP 800-90B section 4.4.2)', () => {
  const biased = (times: number): Uint8Array => {
    const window = even(512).map((byte) => (byte === 0 ? 1 : byte)); // no 0 but those put in
    for (let at = 0; at < times; at++) window[at * 20] = 0;
    return window;
  };

  it('passes 18 occurrences of the first byte in 512 and fails 19, its cutoff', () => {
    expect(() => new HealthTest().feed(biased(18))).not.toThrow();
    expect(() => new HealthTest().feed(biased(19))).toThrow(/adaptive proportion/);
  });

  it('begins anew after 512 bytes', () => {
    const health = new HealthTest();
    for (let window = 0; window < 20; window++) health.feed(biased(18));
  });
});

function augmented(hsmRandom: (length: number) => Promise<Uint8Array>): Entropy {
  return augmentedEntropy(new HsmEntropy(hsmRandom));
}

describe('augmented entropy', () => {
  it('passes a million bytes of a good generator', async () => {
    const entropy = augmented(async (length) => new Uint8Array(randomBytes(length)));
    expect((await entropy.bytes(1_000_000)).length).toBe(1_000_000);
  });

  it('asks the HSM for the start-up samples and as many bytes as it gives', async () => {
    const asked: number[] = [];
    const entropy = augmented(async (length) => {
      asked.push(length);
      return new Uint8Array(randomBytes(length));
    });
    await entropy.bytes(32);
    await entropy.bytes(64);
    expect(asked).toEqual([STARTUP_SAMPLES, 32, 64]);
  });

  it('is not what either source gave', async () => {
    const given: Uint8Array[] = [];
    const entropy = augmented(async (length) => {
      const bytes = new Uint8Array(randomBytes(length));
      given.push(bytes.slice());
      return bytes;
    });
    const first = await entropy.bytes(32);
    expect(first).not.toEqual(given[1]);
    expect(await entropy.bytes(32)).not.toEqual(first);
  });

  it('differs between two calls even where the HSM repeats itself, since the system does not', async () => {
    const stuck = even(4096);
    const entropy = augmented(async (length) => stuck.slice(0, length));
    expect(await entropy.bytes(32)).not.toEqual(await entropy.bytes(32));
  });

  it.each([
    ['a stuck generator', (length: number) => new Uint8Array(length).fill(0xaa), 'rng_unhealthy'],
    ['a generator that gives too few', (length: number) => new Uint8Array(randomBytes(length - 1)), 'rng_short'],
  ])('gives nothing from %s', async (_, hsm, code) => {
    const entropy = augmented(async (length) => hsm(length));
    await expect(entropy.bytes(32)).rejects.toMatchObject({ code, exitStatus: 3 });
    await expect(entropy.bytes(32)).rejects.toMatchObject({ code });
  });
});
