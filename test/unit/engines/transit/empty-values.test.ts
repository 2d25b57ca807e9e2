import { beforeAll, describe, expect, it } from 'vitest';
import { mount, type Mount } from './support.ts';

const CIPHER = ['context', 'associated_data', 'nonce', 'padding_scheme'];
const SIGN = ['hash_algorithm', 'algorithm', 'prehashed', 'signature_algorithm', 'marshaling_algorithm', 'salt_length'];
const CREATION = ['derived', 'exportable', 'allow_plaintext_backup', 'auto_rotate_period'];
const INPUT = { input: 'YQ==' };

/** A request that is answered, and the parameters that it could have beside what it has. */
const HANDLERS: [path: string, request: { [name: string]: string | number }, names: string[]][] = [
  [
    'keys/new',
    {},
    [
      'type',
      ...CREATION,
      'convergent_encryption',
      'key_size',
      'managed_key_name',
      'managed_key_id',
      'generate',
      'key_type',
    ],
  ],
  [
    'keys/new',
    { type: 'managed_key', managed_key_name: 'x' },
    ['managed_key_id', 'generate', 'key_type', 'derived', 'exportable'],
  ],
  ['keys/aes/rotate', {}, ['managed_key_name', 'managed_key_id']],
  [
    'keys/aes/config',
    {},
    [
      'min_decryption_version',
      'min_encryption_version',
      'deletion_allowed',
      'exportable',
      'allow_plaintext_backup',
      'auto_rotate_period',
    ],
  ],
  ['keys/aes/trim', { min_available_version: 1 }, []],
  ['keys/new/import', { ciphertext: 'YQ==' }, ['type', 'hash_function', 'public_key', 'allow_rotation', ...CREATION]],
  ['encrypt/aes', { plaintext: 'YQ==' }, ['key_version', 'type', 'convergent_encryption', ...CIPHER]],
  ['encrypt/new', { plaintext: 'YQ==' }, ['type', 'convergent_encryption', 'context']],
  ['decrypt/aes', { ciphertext: 'vault:v1:AAAA' }, CIPHER],
  ['rewrap/aes', { ciphertext: 'vault:v1:AAAA' }, ['key_version', ...CIPHER]],
  ['datakey/plaintext/aes', {}, ['bits', 'key_version', ...CIPHER]],
  ['datakey/wrapped/aes', {}, ['bits', 'key_version', ...CIPHER]],
  ['sign/rsa', INPUT, ['key_version', 'context', ...SIGN]],
  ['sign/rsa/sha2-256', INPUT, ['key_version', 'context', ...SIGN]],
  ['sign/ed25519', INPUT, ['key_version', 'context', ...SIGN]],
  ['verify/ed25519', { ...INPUT, signature: 'vault:v1:AAAA' }, ['context', ...SIGN]],
  ['verify/aes', { ...INPUT, hmac: 'vault:v1:AAAA' }, ['hash_algorithm', 'algorithm']],
  ['hmac/aes', INPUT, ['key_version', 'algorithm']],
  ['hmac/aes/sha2-512', INPUT, ['key_version', 'algorithm']],
  ['hash', INPUT, ['algorithm', 'format']],
  ['hash/sha2-512', INPUT, ['algorithm', 'format']],
  ['random', {}, ['bytes', 'source', 'format']],
  ['random/platform/8', {}, ['bytes', 'source', 'format']],
  ['restore', { backup: 'YQ==' }, ['name', 'force']],
  ['restore/new', { backup: 'YQ==' }, ['name', 'force']],
];

describe('an empty value', () => {
  let transit: Mount;
  beforeAll(async () => {
    transit = mount();
    for (const [name, type] of [
      ['aes', 'aes256-gcm96'],
      ['rsa', 'rsa-2048'],
      ['ed25519', 'ed25519'],
    ] as const) {
      await transit.write(`keys/${name}`, { type, exportable: true, allow_plaintext_backup: true });
    }
  });

  const cases = HANDLERS.flatMap(([path, request, names]) =>
    names.map((name): [string, string, typeof request] => [name, path, request]),
  );
  it.each(cases)('of %s is no default: write %s', async (name, path, request) => {
    const before = await transit.read('keys/aes');
    const error = await transit.failure('write', path, { ...request, [name]: '' });
    expect([error.code, error.exitStatus]).toEqual(['bad_parameter', 1]);
    if (!path.startsWith('keys/new') || !name.startsWith('managed')) expect(error.message).toContain(name);
    expect(await transit.call('read', 'keys/new'), 'nothing is created').toBeNull();
    expect(await transit.read('keys/aes'), 'nothing is changed').toEqual(before);
  });

  it.each([
    ['keys/ed25519', 'context'],
    ['backup/aes', 'dialect'],
  ])('of what is read with %s is no default: %s', async (path, name) => {
    expect(await transit.failure('read', path, { [name]: '' })).toMatchObject({ code: 'bad_parameter' });
  });

  it.each([
    ['decrypt/aes', 'ciphertext'],
    ['rewrap/aes', 'ciphertext'],
    ['verify/ed25519', 'signature'],
    ['verify/aes', 'hmac'],
    ['restore', 'backup'],
    ['keys/new/import', 'ciphertext'],
    ['keys/new/import', 'public_key'],
    ['keys/aes/trim', 'min_available_version'],
    ['encrypt/aes', 'batch_input'],
  ])('is not enough where something must be given: write %s %s=', async (path, name) => {
    const error = await transit.failure('write', path, { ...INPUT, [name]: '' });
    expect(['bad_parameter', 'missing_parameter', 'bad_batch']).toContain(error.code);
    expect(error.exitStatus).toBe(1);
  });

  it('is a message of no bytes, which can be encrypted, signed and hashed', async () => {
    const { ciphertext } = await transit.write('encrypt/aes', { plaintext: '' });
    expect(await transit.write('decrypt/aes', { ciphertext: ciphertext ?? '' })).toEqual({ plaintext: '' });
    for (const [path, verify] of [
      ['sign/ed25519', 'verify/ed25519'],
      ['hmac/aes', 'verify/aes'],
    ] as const) {
      const made = await transit.write(path, { input: '' });
      expect(await transit.write(verify, { input: '', ...made })).toEqual({ valid: true });
    }
    expect(await transit.write('hash', { input: '' })).toMatchObject({
      sum: expect.stringMatching(/^e3b0c442/) as string,
    });
  });

  it('of one item of a batch fails that item alone', async () => {
    const batch = [
      { plaintext: 'YQ==' },
      { plaintext: 'YQ==', associated_data: '' },
      { plaintext: 'YQ==', key_version: '' },
    ];
    expect(await transit.write('encrypt/aes', { batch_input: batch })).toMatchObject({
      batch_results: [{ key_version: 1 }, { error: 'associated_data is empty' }, { error: 'key_version is empty' }],
    });
  });
});
