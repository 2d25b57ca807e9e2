import { createPrivateKey } from 'node:crypto';
import type * as Crypto from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { b64, text } from '../../../support/encoding.ts';
import { mount } from './support.ts';

vi.mock('node:crypto', async (original) => {
  const real = await original<typeof Crypto>();
  return { ...real, createPrivateKey: vi.fn(real.createPrivateKey) };
});
const parse = vi.mocked(createPrivateKey);
afterEach(() => parse.mockClear());

const INPUTS = ['YQ==', 'Yg==', 'Yw==', 'ZA=='];

describe('a batch', () => {
  it.each(['ed25519', 'ecdsa-p256', 'rsa-2048'])('of signatures with %s parses the private key once', async (type) => {
    const transit = mount();
    await transit.write('keys/k', { type });
    parse.mockClear();
    const { batch_results } = await transit.write('sign/k', { batch_input: INPUTS.map((input) => ({ input })) });
    expect(parse).toHaveBeenCalledTimes(1);
    const signed = (batch_results as { signature: string }[]).map(({ signature }, at) => ({
      signature,
      input: INPUTS[at] ?? '',
    }));
    const { batch_results: verdicts } = await transit.write('verify/k', { batch_input: signed });
    expect(verdicts).toEqual(INPUTS.map(() => ({ valid: true, reference: '' })));
    expect(parse).toHaveBeenCalledTimes(1);
  });

  it('of RSA ciphertexts parses the private key of each version once', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'rsa-2048' });
    const encrypted = async (plaintext: string) => ({
      ciphertext: text((await transit.write('encrypt/k', { plaintext }))['ciphertext']),
    });
    const first = await Promise.all(INPUTS.map(encrypted));
    await transit.write('keys/k/rotate');
    const second = await Promise.all(INPUTS.map(encrypted));
    parse.mockClear();
    const { batch_results } = await transit.write('decrypt/k', {
      batch_input: [...first, ...second, { ciphertext: `vault:v1:${b64('x')}` }],
    });
    expect(batch_results).toMatchObject([
      ...[...INPUTS, ...INPUTS].map((plaintext) => ({ plaintext })),
      { error: 'the ciphertext was not made with this key' },
    ]);
    expect(parse).toHaveBeenCalledTimes(2);
    parse.mockClear();
    await transit.write('rewrap/k', { batch_input: first });
    expect(parse).toHaveBeenCalledTimes(1);
  });

  it('of a derived key has a key for each context', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519', derived: true });
    const items = ['YQ==', 'Yg=='].map((context) => ({ input: 'YQ==', context }));
    const { batch_results } = await transit.write('sign/k', { batch_input: items });
    const [one, other] = batch_results as { signature: string; publickey: string }[];
    expect(one?.publickey).not.toBe(other?.publickey);
    expect(one?.signature).not.toBe(other?.signature);
  });
});
