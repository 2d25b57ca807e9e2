import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { augmentedEntropy, HsmEntropy, systemEntropy } from '../../../../src/entropy/index.ts';
import { STARTUP_SAMPLES } from '../../../../src/entropy/health.ts';
import type { EngineContext } from '../../../../src/engines/index.ts';
import { b64, unb64 } from '../../../support/encoding.ts';
import { openssl } from '../../../support/openssl.ts';
import { mount } from './support.ts';

/** 0, 1, 2 and so on: no health test minds. */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at % 256);
}

/** What an engine is given where the configuration has an entropy stanza. */
function sources(hsmRandom: (length: number) => Uint8Array): EngineContext['random'] {
  const seal = new HsmEntropy(async (length) => hsmRandom(length));
  return { platform: systemEntropy, seal, all: augmentedEntropy(seal) };
}

describe('random', () => {
  it('is 32 bytes in base64 unless the path or the data say otherwise', async () => {
    const transit = mount();
    expect(unb64((await transit.write('random'))['random_bytes'])).toHaveLength(32);
    expect(unb64((await transit.write('random', { bytes: 7 }))['random_bytes'])).toHaveLength(7);
    expect(unb64((await transit.write('random/9'))['random_bytes'])).toHaveLength(9);
    expect(unb64((await transit.write('random/9', { bytes: 7 }))['random_bytes'])).toHaveLength(9);
    expect(unb64((await transit.write('random/platform', { bytes: 5 }))['random_bytes'])).toHaveLength(5);
    expect(unb64((await transit.write('random/platform/6'))['random_bytes'])).toHaveLength(6);
    expect((await transit.write('random/4', { format: 'hex' }))['random_bytes']).toMatch(/^[0-9a-f]{8}$/);
    expect(unb64((await transit.write('random/131072'))['random_bytes'])).toHaveLength(131_072);
  });

  it('differs every time', async () => {
    const transit = mount();
    expect(await transit.write('random')).not.toEqual(await transit.write('random'));
  });

  it('of the seal is what the HSM gave, in pieces that it can give', async () => {
    const asked: number[] = [];
    const transit = mount({ random: sources((length) => (asked.push(length), counting(length))) });
    expect(await transit.write('random/seal/4', { format: 'hex' })).toEqual({ random_bytes: '00010203' });
    expect(await transit.write('random/3', { source: 'seal', format: 'hex' })).toEqual({ random_bytes: '000102' });
    expect(await transit.write('random/seal', { bytes: 2, format: 'hex' })).toEqual({ random_bytes: '0001' });
    expect(asked).toEqual([STARTUP_SAMPLES, 4, 3, 2]);
    asked.length = 0;
    expect(
      unb64((await transit.write('random/seal/2500'))['random_bytes']).every((byte, at) => byte === at % 256),
    ).toBe(true);
    expect(asked).toEqual([1024, 1024, 452]);
    asked.length = 0;
    await transit.write('random/64');
    expect(asked).toEqual([]);
  });

  it('of all mixes both', async () => {
    const asked: number[] = [];
    const transit = mount({ random: sources((length) => (asked.push(length), counting(length))) });
    const [one, two] = [await transit.write('random/all/32'), await transit.write('random/all/32')];
    expect(one).not.toEqual(two); // the HSM gave the same both times, the platform did not
    expect(unb64(one['random_bytes'])).toHaveLength(32);
    expect(asked).toEqual([STARTUP_SAMPLES, 32, 32]);
  });

  it.each(['seal', 'all'])('of %s falls back to the platform without an entropy stanza, and warns', async (source) => {
    const answer = await mount().call('write', `random/${source}/8`);
    expect(answer?.warnings).toHaveLength(1);
    expect(unb64(answer?.data?.['random_bytes'])).toHaveLength(8);
  });
});

describe('hash', () => {
  it.each(['224', '256', '384', '512'])('sha2-%s and sha3-%s agree with openssl', async (bits) => {
    const transit = mount();
    for (const [algorithm, name] of [
      [`sha2-${bits}`, `sha${bits}`],
      [`sha3-${bits}`, `sha3-${bits}`],
    ] as const) {
      const expected = openssl(['dgst', `-${name}`, '-r', 'in'], { in: 'some text' })
        .toString()
        .split(' ')[0];
      expect(await transit.write(`hash/${algorithm}`, { input: b64('some text') })).toEqual({ sum: expected });
      expect(await transit.write('hash', { algorithm, input: b64('some text'), format: 'base64' })).toEqual({
        sum: Buffer.from(expected ?? '', 'hex').toString('base64'),
      });
    }
  });

  it('is SHA-256 in hex by default', async () => {
    expect(await mount().write('hash', { input: '' })).toEqual({ sum: createHash('sha256').digest('hex') });
  });
});
