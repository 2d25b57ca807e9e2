import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { unwrapPadded, wrapPadded } from '../../../../src/engines/transit/key-wrap.ts';
import { wrapForImport } from '../../../../src/engines/transit/wrap.ts';
import { UsageError } from '../../../../src/errors.ts';
import { b64 } from '../../../support/encoding.ts';
import { mount } from './support.ts';

describe('a key that is wrapped for import', () => {
  it('is what the engine unwraps', async () => {
    const transit = mount();
    const { public_key } = await transit.read('wrapping_key');
    const key = randomBytes(32);
    const ciphertext = await wrapForImport(public_key as string, `${b64(key)}\n`);
    await transit.write('keys/k/import', { ciphertext, exportable: true });
    expect((await transit.read('export/encryption-key/k'))['keys']).toEqual({ 1: b64(key) });
  });

  it.each([
    ['a key!', 'bad_base64'],
    ['-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----\n', 'bad_base64'],
    ['', 'missing_parameter'],
    ['\n', 'missing_parameter'],
  ])('has to be base64, which %j is not', async (text, code) => {
    const wrapped = wrapForImport('no key', text).catch((error: unknown) => error);
    expect(await wrapped).toBeInstanceOf(UsageError);
    expect(await wrapped).toMatchObject({ code });
  });

  it('comes back whatever its length', async () => {
    const kek = randomBytes(32);
    for (const length of [1, 7, 8, 9, 16, 31, 32, 33, 1200, 4097]) {
      const key = randomBytes(length);
      const wrapped = await wrapPadded(kek, key);
      expect(wrapped).toHaveLength(8 * Math.ceil(length / 8) + 8);
      expect(Buffer.from(await unwrapPadded(kek, wrapped))).toEqual(key);
    }
  });
});
