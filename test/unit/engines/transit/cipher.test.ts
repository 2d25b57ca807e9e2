import { createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, hexed, payload, text, unb64 } from '../../../support/encoding.ts';
import { fixture, giveKey, mount, type Mount } from './support.ts';

const CONTEXT = b64('a context');

describe('encrypt, decrypt and rewrap', () => {
  const kinds: { type: string; derived?: boolean; convergent_encryption?: boolean }[] = [
    { type: 'aes128-gcm96' },
    { type: 'aes256-gcm96' },
    { type: 'chacha20-poly1305' },
    { type: 'aes128-gcm96', derived: true },
    { type: 'aes256-gcm96', derived: true },
    { type: 'chacha20-poly1305', derived: true },
    { type: 'aes128-gcm96', derived: true, convergent_encryption: true },
    { type: 'aes256-gcm96', derived: true, convergent_encryption: true },
    { type: 'chacha20-poly1305', derived: true, convergent_encryption: true },
    { type: 'rsa-2048' },
  ];

  it.each(kinds)('bring any plaintext back over any versions: %j', async (kind) => {
    const transit = mount();
    await transit.write('keys/k', kind);
    for (let at = 0; at < 2; at++) await transit.write('keys/k/rotate');
    const isRsa = kind.type.startsWith('rsa');
    const lengths = isRsa ? { maxLength: 190 } : { maxLength: 5000 };
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array(lengths),
        fc.uint8Array({ minLength: 1, maxLength: 2000 }),
        fc.option(fc.uint8Array({ minLength: 1 })),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 3 }),
        async (plaintext, context, associated, from, to) => {
          const options: JsonObject = {
            ...(kind.derived === true ? { context: b64(context) } : {}),
            ...(isRsa || associated === null ? {} : { associated_data: b64(associated) }),
          };
          const first = await transit.write('encrypt/k', { plaintext: b64(plaintext), key_version: from, ...options });
          expect(first['key_version']).toBe(from || 3);
          expect(text(first['ciphertext'])).toMatch(new RegExp(`^vault:v${from || 3}:`));
          expect(payload(first['ciphertext'])).toHaveLength(isRsa ? 256 : 12 + plaintext.length + 16);
          const second = await transit.write('rewrap/k', {
            ciphertext: first['ciphertext'] ?? '',
            key_version: to,
            ...options,
          });
          expect(second['key_version']).toBe(to || 3);
          for (const { ciphertext } of [first, second]) {
            expect(await transit.write('decrypt/k', { ciphertext: ciphertext ?? '', ...options })).toEqual({
              plaintext: b64(plaintext),
            });
          }
        },
      ),
      { numRuns: isRsa ? 20 : 40 },
    );
  });

  it('never makes the same ciphertext twice without convergent encryption', async () => {
    const transit = mount();
    const made = new Set<unknown>();
    for (let at = 0; at < 50; at++) made.add((await transit.write('encrypt/k', { plaintext: 'YQ==' }))['ciphertext']);
    expect(made.size).toBe(50);
  });

  it('separates contexts', async () => {
    const transit = mount();
    await transit.write('keys/k', { derived: true });
    const { ciphertext } = await transit.write('encrypt/k', { plaintext: 'YQ==', context: CONTEXT });
    expect(
      await transit.failure('write', 'decrypt/k', { ciphertext: ciphertext ?? '', context: b64('other') }),
    ).toMatchObject({ code: 'ciphertext_invalid' });
    expect(await transit.failure('write', 'decrypt/k', { ciphertext: ciphertext ?? '' })).toMatchObject({
      code: 'missing_context',
      exitStatus: 1,
    });
  });

  it('takes vault:v0: for version 1, as Vault does', async () => {
    const transit = mount();
    const { ciphertext } = await transit.write('encrypt/k', { plaintext: 'YQ==' });
    expect(await transit.write('decrypt/k', { ciphertext: text(ciphertext).replace('v1', 'v0') })).toEqual({
      plaintext: 'YQ==',
    });
  });

  it('creates a missing key and says so; derived if there is a context', async () => {
    const transit = mount();
    const made = await transit.call('write', 'encrypt/k', {
      plaintext: 'YQ==',
      type: 'chacha20-poly1305',
      context: CONTEXT,
      convergent_encryption: true,
    });
    expect(made?.warnings).toEqual(['there was no key "k"; it was created, of type chacha20-poly1305']);
    expect(await transit.read('keys/k')).toMatchObject({
      type: 'chacha20-poly1305',
      derived: true,
      convergent_encryption: true,
    });
    expect((await transit.call('write', 'encrypt/k', { plaintext: 'YQ==', context: CONTEXT }))?.warnings).toEqual([]);
    await transit.write('encrypt/plain', { plaintext: 'YQ==' });
    expect(await transit.read('keys/plain')).toMatchObject({ type: 'aes256-gcm96', derived: false });
    expect(await transit.failure('write', 'encrypt/other', { plaintext: 'YQ==', type: 'rsa-2048' })).toMatchObject({
      code: 'unsupported_key_type',
    });
  });
});

describe('derived and convergent keys', () => {
  const KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';

  it('are made by HKDF-SHA256 with the context as info: the same key, given plain, decrypts', async () => {
    const transit = mount();
    await giveKey(transit, 'derived', 'aes256-gcm96', KEY, { derived: true, kdf: 1 });
    const derived = Buffer.from(hkdfSync('sha256', Buffer.from(KEY, 'hex'), '', 'a context', 32));
    await giveKey(transit, 'plain', 'aes256-gcm96', derived.toString('hex'));
    const { ciphertext } = await transit.write('encrypt/derived', { plaintext: b64('hello'), context: CONTEXT });
    expect(await transit.write('decrypt/plain', { ciphertext: ciphertext ?? '' })).toEqual({ plaintext: b64('hello') });
  });

  it.each([
    ['aes128-gcm96', 16],
    ['aes256-gcm96', 32],
    ['chacha20-poly1305', 32],
  ])('%s: the convergent nonce is an HMAC of the plaintext under the next 32 bytes of HKDF', async (type, keyBytes) => {
    const transit = mount();
    await giveKey(transit, 'k', type, KEY.slice(0, 2 * keyBytes), {
      derived: true,
      kdf: 1,
      convergent_encryption: true,
      convergent_version: 3,
    });
    const bytes = Buffer.from(
      hkdfSync('sha256', Buffer.from(KEY, 'hex').subarray(0, keyBytes), '', 'a context', keyBytes + 32),
    );
    const nonce = createHmac('sha256', bytes.subarray(keyBytes)).update('hello').digest().subarray(0, 12);
    const first = await transit.write('encrypt/k', { plaintext: b64('hello'), context: CONTEXT });
    expect(payload(first['ciphertext']).subarray(0, 12).toString('hex')).toBe(nonce.toString('hex'));
    expect(await transit.write('encrypt/k', { plaintext: b64('hello'), context: CONTEXT })).toEqual(first);
    const others = [
      await transit.write('encrypt/k', { plaintext: b64('hello!'), context: CONTEXT }),
      await transit.write('encrypt/k', { plaintext: b64('hello'), context: b64('other') }),
    ];
    for (const other of others) expect(payload(other['ciphertext']).subarray(0, 12)).not.toEqual(nonce);
  });
});

describe('convergent encryption', () => {
  interface Convergent {
    readonly key: string;
    readonly without: string;
    readonly with: readonly { associated_data: string; ciphertext: string; vault: string }[];
  }
  const { convergent } = fixture('derived') as { convergent: Convergent };
  const INPUT = { plaintext: b64('hello'), context: CONTEXT };
  const settings = { derived: true, kdf: 1, convergent_encryption: true, convergent_version: 3 };

  async function convergentKey(): Promise<Mount> {
    const transit = mount();
    await giveKey(transit, 'k', 'aes256-gcm96', convergent.key, settings);
    return transit;
  }

  it.each(['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305'])(
    'of type %s has one nonce for each associated data',
    async (type) => {
      const transit = mount();
      await transit.write('keys/k', { type, derived: true, convergent_encryption: true });
      // The second and the last would be one text, were the length not before it.
      const requests: JsonObject[] = [
        INPUT,
        { ...INPUT, associated_data: b64('one') },
        { ...INPUT, associated_data: b64('oneh') },
        { ...INPUT, plaintext: b64('ello'), associated_data: b64('oneh') },
      ];
      const nonces = [];
      for (const request of requests) {
        const made = await transit.write('encrypt/k', request);
        expect(await transit.write('encrypt/k', request)).toEqual(made);
        nonces.push(payload(made['ciphertext']).subarray(0, 12).toString('hex'));
        const { plaintext, ...options } = request;
        expect(await transit.write('decrypt/k', { ...options, ciphertext: made['ciphertext'] ?? '' })).toEqual({
          plaintext,
        });
      }
      expect(new Set(nonces).size).toBe(requests.length);
    },
  );

  it('gives what was made outside from its description, and without associated data what Vault gives', async () => {
    const transit = await convergentKey();
    expect(payload((await transit.write('encrypt/k', INPUT))['ciphertext']).toString('hex')).toBe(convergent.without);
    for (const { associated_data, ciphertext } of convergent.with) {
      const made = await transit.write('encrypt/k', { ...INPUT, associated_data: b64(hexed(associated_data)) });
      expect(payload(made['ciphertext']).toString('hex')).toBe(ciphertext);
    }
  });

  it('decrypts what Vault made with associated data, and coffer once did', async () => {
    const transit = await convergentKey();
    for (const { associated_data, vault } of convergent.with) {
      const request = {
        ciphertext: `vault:v1:${b64(hexed(vault))}`,
        context: CONTEXT,
        associated_data: b64(hexed(associated_data)),
      };
      expect(await transit.write('decrypt/k', request)).toEqual({ plaintext: b64('hello') });
    }
  });
});

describe('batch_input', () => {
  it('answers item by item, with references, and leaves the others alone when one fails', async () => {
    const transit = mount();
    await transit.write('keys/k');
    const encrypted = await transit.call('write', 'encrypt/k', {
      batch_input: [
        { plaintext: 'YQ==', reference: 'one' },
        { plaintext: '!!', reference: 'two' },
        { plaintext: '', reference: null },
        { plaintext: 'YQ==', key_version: 7 },
      ],
    });
    expect(encrypted?.warnings).toEqual(['failed items: 2 of 4; see the error of each']);
    const results = encrypted?.data?.['batch_results'] as JsonObject[];
    expect(results).toMatchObject([
      { key_version: 1, reference: 'one' },
      { error: 'plaintext is not base64', reference: 'two' },
      { key_version: 1, reference: '' },
      { error: 'the key "k" has no version 7' },
    ]);
    const batch = [
      { ciphertext: results[0]?.['ciphertext'] ?? '' },
      { ciphertext: 'vault:v1:AAAA' },
      { ciphertext: results[2]?.['ciphertext'] ?? '' },
    ];
    const decrypted = await transit.write('decrypt/k', { batch_input: batch });
    expect(decrypted['batch_results']).toMatchObject([
      { plaintext: 'YQ==' },
      { error: 'the ciphertext is malformed: it is cut short' },
      { plaintext: '' },
    ]);
    await transit.write('keys/k/rotate');
    const rewrapped = await transit.write('rewrap/k', { batch_input: [batch[0] ?? {}] });
    expect(rewrapped['batch_results']).toMatchObject([{ key_version: 2 }]);
  });

  it('may be JSON text, as the command line gives it', async () => {
    const transit = mount();
    const answer = await transit.write('encrypt/k', { batch_input: '[{"plaintext":"YQ==","key_version":1}]' });
    expect(answer['batch_results']).toMatchObject([{ key_version: 1 }]);
  });

  it.each([
    ['encrypt', [{ plaintext: 'YQ==' }], undefined, false],
    ['encrypt', [{ plaintext: 'YQ==' }, { plaintext: '!' }], undefined, true],
    ['encrypt', [{ plaintext: 'YQ==' }, { plaintext: '!' }], 200, false],
    ['encrypt', [{ plaintext: 'YQ==' }, { plaintext: '!' }], '399', false],
    ['encrypt', [{ plaintext: 'YQ==' }, { plaintext: '!' }], 404, true],
    ['encrypt', [{ plaintext: '!' }, { plaintext: '!' }], 200, true],
    ['decrypt', [{ ciphertext: 'x' }, { ciphertext: 'vault:v9:AAAA' }], undefined, true],
    ['decrypt', [{ ciphertext: '' }], undefined, true],
    ['rewrap', [{ ciphertext: 'x' }, {}], undefined, false],
    ['sign', [{ input: '!' }, {}], undefined, false],
    ['hmac', [{ input: '!' }, {}], undefined, false],
  ])('of %s, %j with the response code %s: the request has failed: %s', async (operation, items, code, failed) => {
    const transit = mount();
    await transit.write('keys/k', operation === 'sign' ? { type: 'ed25519' } : {});
    const asked = { batch_input: items, ...(code === undefined ? {} : { partial_failure_response_code: code }) };
    const response = await transit.call('write', `${operation}/k`, asked);
    expect(response?.data?.['batch_results']).toHaveLength(items.length);
    expect(response?.failed).toBe(failed);
  });

  it('says when the response code for some failures is none, and heeds it not', async () => {
    const transit = mount();
    const batch_input = [{ plaintext: 'YQ==' }, { plaintext: '!' }];
    for (const code of [0, 600, -1]) {
      const response = await transit.call('write', 'encrypt/k', { batch_input, partial_failure_response_code: code });
      expect(response?.failed).toBe(true);
      expect(response?.warnings.at(-1)).toBe(
        'invalid HTTP response code override from partial_failure_response_code, reverting to 400',
      );
    }
    const wrong = { batch_input, partial_failure_response_code: 'ok' };
    expect(await transit.failure('write', 'encrypt/k', wrong)).toMatchObject({
      code: 'bad_parameter',
      message: 'partial_failure_response_code must be a whole number',
    });
  });

  it.each<[string, JsonObject[], string]>([
    ['encrypt', [{ plaintext: 'YQ==' }, {}], 'item 1 of the batch has no plaintext'],
    ['encrypt', [{ plaintext: null }], 'item 0 of the batch has no plaintext'],
    ['decrypt', [{}], 'item 0 of the batch has no ciphertext'],
    ['encrypt', [{ plaintext: 'YQ==', reference: 7 }], 'reference of item 0 of the batch must be text'],
    ['hmac', [{ input: 'YQ==' }, { input: '', reference: {} }], 'reference of item 1 of the batch must be text'],
  ])('of %s fails as a whole when it is %j', async (operation, batch_input, message) => {
    const transit = mount();
    if (operation !== 'encrypt') await transit.write('keys/k');
    expect(await transit.failure('write', `${operation}/k`, { batch_input })).toMatchObject({
      code: 'bad_batch',
      message,
    });
    if (operation === 'encrypt') expect(transit.rows()).toEqual([]);
  });

  it.each([[[]], ['[]'], ['{'], [7], [['x']], [{}]])('is refused when it is %j', async (batch) => {
    const transit = mount();
    expect(await transit.failure('write', 'encrypt/k', { batch_input: batch as JsonObject[] })).toMatchObject({
      code: 'bad_batch',
      exitStatus: 1,
    });
  });

  it('has a context in all items or in none', async () => {
    const transit = mount();
    const batch = [{ plaintext: 'YQ==', context: CONTEXT }, { plaintext: 'YQ==' }];
    expect(await transit.failure('write', 'encrypt/k', { batch_input: batch })).toMatchObject({ code: 'bad_batch' });
  });
});

describe('datakey', () => {
  it.each([
    [undefined, 32],
    [128, 16],
    [256, 32],
    [512, 64],
  ])('of %s bits is a key that decrypt shows again', async (bits, length) => {
    const transit = mount();
    await transit.write('keys/k');
    const made = await transit.write('datakey/plaintext/k', bits === undefined ? {} : { bits });
    expect(unb64(made['plaintext'])).toHaveLength(length);
    expect(await transit.write('decrypt/k', { ciphertext: made['ciphertext'] ?? '' })).toEqual({
      plaintext: made['plaintext'],
    });
  });

  it('wrapped does not show the key, and takes a context', async () => {
    const transit = mount();
    await transit.write('keys/k', { derived: true });
    const made = await transit.write('datakey/wrapped/k', { context: CONTEXT });
    expect(Object.keys(made).sort()).toEqual(['ciphertext', 'key_version']);
    expect(
      unb64(
        (await transit.write('decrypt/k', { ciphertext: made['ciphertext'] ?? '', context: CONTEXT }))['plaintext'],
      ),
    ).toHaveLength(32);
  });

  it('does not create the key that encrypts it', async () => {
    expect(await mount().failure('write', 'datakey/plaintext/none')).toMatchObject({ code: 'no_key', exitStatus: 2 });
  });
});
