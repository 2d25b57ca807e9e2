import { beforeAll, describe, expect, it } from 'vitest';
import { hintText } from '../../../../src/cli/remedies.ts';
import type { Operation } from '../../../../src/engines/index.ts';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, text } from '../../../support/encoding.ts';
import { mount, type Mount } from './support.ts';

const SECRET = 'c2VjcmV0LXBsYWludGV4dA=='; // shows up in no message

type Case = [
  what: string,
  operation: Operation,
  path: string,
  data: JsonObject | (() => JsonObject),
  code: string,
  exitStatus: 1 | 2,
];

/** Requests that take parameters of signatures, whether or not these mean anything to the key. */
const SIGNED: [path: string, more: JsonObject][] = [
  ...['ed25519', 'ecdsa-p256', 'rsa-2048'].flatMap((name): [string, JsonObject][] => [
    [`sign/${name}`, {}],
    [`sign/${name}`, { prehashed: true, signature_algorithm: 'pkcs1v15' }],
    [`verify/${name}`, { signature: 'vault:v1:AAAA' }],
  ]),
  ['verify/hmac', { hmac: 'vault:v1:AAAA' }],
];
const NONSENSE: [name: string, value: string | number][] = [
  ['salt_length', 'long'],
  ['salt_length', '-2'],
  ['salt_length', -2],
  ['salt_length', '1.5'],
  ['salt_length', '0x10'],
  ['salt_length', '1e999'],
  ['salt_length', '9'.repeat(17)],
  ['signature_algorithm', 'pkcs1'],
  ['marshaling_algorithm', 'asn2'],
  ['prehashed', 'perhaps'],
];

describe('bad input gives one clear line', () => {
  let transit: Mount;
  let good: JsonObject;
  beforeAll(async () => {
    transit = mount();
    for (const type of ['aes256-gcm96', 'ed25519', 'ecdsa-p256', 'rsa-2048', 'hmac'])
      await transit.write(`keys/${type}`, { type });
    await transit.write('keys/derived', { derived: true });
    good = await transit.write('encrypt/aes256-gcm96', { plaintext: SECRET });
  });

  const cut = (length: number) => () => `vault:v1:${b64(Buffer.alloc(length))}`;
  const table: Case[] = [
    ['an unknown key type', 'write', 'keys/k', { type: 'aes-256' }, 'unknown_key_type', 1],
    ['a key type of Vault that is not there', 'write', 'keys/k', { type: 'aes128-cmac' }, 'unknown_key_type', 1],
    [
      'a managed key without the HSM key that it stands for',
      'write',
      'keys/k',
      { type: 'managed_key' },
      'missing_parameter',
      1,
    ],
    ['a flag that is none', 'write', 'keys/k', { derived: 'perhaps' }, 'bad_parameter', 1],
    ['convergent without derived', 'write', 'keys/k', { convergent_encryption: true }, 'bad_parameter', 1],
    ['derived RSA', 'write', 'keys/k', { type: 'rsa-2048', derived: true }, 'unsupported_key_type', 1],
    [
      'convergent ed25519',
      'write',
      'keys/k',
      { type: 'ed25519', derived: true, convergent_encryption: true },
      'unsupported_key_type',
      1,
    ],
    ['key_size for AES', 'write', 'keys/k', { key_size: 32 }, 'bad_parameter', 1],
    ['a small key_size', 'write', 'keys/k', { type: 'hmac', key_size: 31 }, 'bad_parameter', 1],
    ['a large key_size', 'write', 'keys/k', { type: 'hmac', key_size: 513 }, 'bad_parameter', 1],
    ['auto rotation', 'write', 'keys/k', { auto_rotate_period: '24h' }, 'unsupported_parameter', 1],
    ['auto rotation later', 'write', 'keys/hmac/config', { auto_rotate_period: 3600 }, 'unsupported_parameter', 1],
    ['a key name with a slash', 'write', 'keys/team/k', {}, 'unsupported_path', 2],
    ['a slash in encrypt', 'write', 'encrypt/team/k', { plaintext: SECRET }, 'unsupported_path', 2],
    ['a key name with a space', 'write', 'keys/a b', {}, 'bad_key_name', 1],
    ['a key name that ends in a dot', 'write', 'encrypt/a.', { plaintext: SECRET }, 'bad_key_name', 1],
    ['no key to rotate', 'write', 'keys/none/rotate', {}, 'no_key', 2],
    ['no key to configure', 'write', 'keys/none/config', {}, 'no_key', 2],
    ['no key to decrypt with', 'write', 'decrypt/none', { ciphertext: 'vault:v1:AAAA' }, 'no_key', 2],
    ['no key to sign with', 'write', 'sign/none', { input: SECRET }, 'no_key', 2],
    ['no key for an HMAC', 'write', 'hmac/none', { input: SECRET }, 'no_key', 2],
    ['nothing to trim to', 'write', 'keys/hmac/trim', {}, 'missing_parameter', 1],
    ['no plaintext', 'write', 'encrypt/aes256-gcm96', {}, 'missing_parameter', 1],
    ['plaintext that is not base64', 'write', 'encrypt/aes256-gcm96', { plaintext: 'a secret!' }, 'bad_base64', 1],
    ['base64 without its padding', 'write', 'encrypt/aes256-gcm96', { plaintext: 'YQ' }, 'bad_base64', 1],
    ['URL-safe base64', 'write', 'encrypt/aes256-gcm96', { plaintext: '-_-_' }, 'bad_base64', 1],
    [
      'plaintext that is an object',
      'write',
      'encrypt/aes256-gcm96',
      { plaintext: { a: 'secret' } },
      'bad_parameter',
      1,
    ],
    ['a context that is not base64', 'write', 'encrypt/derived', { plaintext: SECRET, context: '*' }, 'bad_base64', 1],
    ['a missing context', 'write', 'encrypt/derived', { plaintext: SECRET }, 'missing_context', 1],
    [
      'associated data that is not base64',
      'write',
      'encrypt/derived',
      { plaintext: SECRET, context: 'YQ==', associated_data: '*' },
      'bad_base64',
      1,
    ],
    [
      'associated data with RSA',
      'write',
      'encrypt/rsa-2048',
      { plaintext: SECRET, associated_data: 'YQ==' },
      'unsupported_key_type',
      1,
    ],
    ['a nonce', 'write', 'encrypt/aes256-gcm96', { plaintext: SECRET, nonce: 'YQ==' }, 'unsupported_parameter', 1],
    [
      'another padding',
      'write',
      'encrypt/rsa-2048',
      { plaintext: SECRET, padding_scheme: 'pkcs1v15' },
      'unsupported_parameter',
      1,
    ],
    ['too much for RSA', 'write', 'encrypt/rsa-2048', { plaintext: b64(Buffer.alloc(191)) }, 'plaintext_too_long', 1],
    [
      'a version that does not exist',
      'write',
      'encrypt/aes256-gcm96',
      { plaintext: SECRET, key_version: 9 },
      'no_version',
      2,
    ],
    ['a version below 0', 'write', 'encrypt/aes256-gcm96', { plaintext: SECRET, key_version: -1 }, 'bad_parameter', 1],
    [
      'a version that is no number',
      'write',
      'encrypt/aes256-gcm96',
      { plaintext: SECRET, key_version: 'two' },
      'bad_parameter',
      1,
    ],
    ['encryption with ed25519', 'write', 'encrypt/ed25519', { plaintext: SECRET }, 'unsupported_key_type', 1],
    ['no ciphertext', 'write', 'decrypt/aes256-gcm96', {}, 'missing_parameter', 1],
    ['ciphertext of another kind', 'write', 'decrypt/aes256-gcm96', { ciphertext: SECRET }, 'ciphertext_malformed', 1],
    [
      'ciphertext without a version',
      'write',
      'decrypt/aes256-gcm96',
      { ciphertext: 'vault:vx:AAAA' },
      'ciphertext_malformed',
      1,
    ],
    [
      'ciphertext without an end',
      'write',
      'decrypt/aes256-gcm96',
      { ciphertext: 'vault:v1' },
      'ciphertext_malformed',
      1,
    ],
    [
      'ciphertext of a version to come',
      'write',
      'decrypt/aes256-gcm96',
      { ciphertext: 'vault:v2:AAAA' },
      'no_version',
      2,
    ],
    [
      'ciphertext that is not base64',
      'write',
      'decrypt/aes256-gcm96',
      { ciphertext: 'vault:v1:A*==' },
      'bad_base64',
      1,
    ],
    ['empty ciphertext', 'write', 'decrypt/aes256-gcm96', () => ({ ciphertext: cut(0)() }), 'ciphertext_malformed', 1],
    [
      'ciphertext of a nonce alone',
      'write',
      'decrypt/aes256-gcm96',
      () => ({ ciphertext: cut(12)() }),
      'ciphertext_malformed',
      1,
    ],
    [
      'ciphertext one byte short',
      'write',
      'decrypt/aes256-gcm96',
      () => ({ ciphertext: cut(27)() }),
      'ciphertext_malformed',
      1,
    ],
    [
      'ciphertext of nothing',
      'write',
      'decrypt/aes256-gcm96',
      () => ({ ciphertext: cut(28)() }),
      'ciphertext_invalid',
      1,
    ],
    [
      'ciphertext cut short',
      'write',
      'decrypt/aes256-gcm96',
      () => ({ ciphertext: text(good['ciphertext']).slice(0, -4) }),
      'ciphertext_invalid',
      1,
    ],
    [
      'ciphertext of another key',
      'write',
      'decrypt/derived',
      () => ({ ...good, context: 'YQ==' }),
      'ciphertext_invalid',
      1,
    ],
    [
      'RSA ciphertext cut short',
      'write',
      'decrypt/rsa-2048',
      () => ({ ciphertext: cut(255)() }),
      'ciphertext_invalid',
      1,
    ],
    [
      'RSA ciphertext of zeros',
      'write',
      'decrypt/rsa-2048',
      () => ({ ciphertext: cut(256)() }),
      'ciphertext_invalid',
      1,
    ],
    ['rewrapping nonsense', 'write', 'rewrap/aes256-gcm96', { ciphertext: 'x' }, 'ciphertext_malformed', 1],
    ['bits that are none of three', 'write', 'datakey/plaintext/aes256-gcm96', { bits: 192 }, 'bad_parameter', 1],
    ['a data key of a third kind', 'write', 'datakey/both/aes256-gcm96', {}, 'unsupported_path', 2],
    ['signing with AES', 'write', 'sign/aes256-gcm96', { input: SECRET }, 'unsupported_key_type', 1],
    ['signing nothing', 'write', 'sign/ed25519', {}, 'missing_parameter', 1],
    ['an unknown hash', 'write', 'sign/ecdsa-p256/sha256', { input: SECRET }, 'unknown_hash', 1],
    [
      'an unknown marshaling',
      'write',
      'sign/ecdsa-p256',
      { input: SECRET, marshaling_algorithm: 'asn2' },
      'bad_parameter',
      1,
    ],
    [
      'an unknown scheme',
      'write',
      'sign/rsa-2048',
      { input: SECRET, signature_algorithm: 'pkcs1' },
      'bad_parameter',
      1,
    ],
    ['a salt that is too long', 'write', 'sign/rsa-2048', { input: SECRET, salt_length: 223 }, 'bad_parameter', 1],
    ['a salt that is no length', 'write', 'sign/rsa-2048', { input: SECRET, salt_length: 'long' }, 'bad_parameter', 1],
    ['a salt below -1', 'write', 'sign/rsa-2048', { input: SECRET, salt_length: '-2' }, 'bad_parameter', 1],
    ...SIGNED.flatMap(([path, more]): Case[] =>
      NONSENSE.map(([name, value]) => [
        `${name}=${value}`,
        'write',
        path,
        { input: SECRET, ...more, [name]: value },
        'bad_parameter',
        1,
      ]),
    ),
    ['a digest of another length', 'write', 'sign/rsa-2048', { input: SECRET, prehashed: true }, 'bad_digest', 1],
    [
      'hash none without prehashed',
      'write',
      'sign/rsa-2048',
      { input: SECRET, hash_algorithm: 'none', signature_algorithm: 'pkcs1v15' },
      'bad_parameter',
      1,
    ],
    [
      'hash none with pss',
      'write',
      'sign/rsa-2048',
      { input: SECRET, hash_algorithm: 'none', prehashed: true },
      'bad_parameter',
      1,
    ],
    ['ed25519 prehashed', 'write', 'sign/ed25519', { input: SECRET, prehashed: true }, 'unsupported_key_type', 1],
    ['verifying nothing', 'write', 'verify/ed25519', { input: SECRET }, 'missing_parameter', 1],
    [
      'verifying both',
      'write',
      'verify/ed25519',
      { input: SECRET, signature: 'vault:v1:AAAA', hmac: 'vault:v1:AAAA' },
      'bad_parameter',
      1,
    ],
    [
      'a signature of another kind',
      'write',
      'verify/ed25519',
      { input: SECRET, signature: 'AAAA' },
      'ciphertext_malformed',
      1,
    ],
    [
      'a signature of a version to come',
      'write',
      'verify/ed25519',
      { input: SECRET, signature: 'vault:v2:AAAA' },
      'no_version',
      2,
    ],
    [
      'a signature in the wrong base64',
      'write',
      'verify/ed25519',
      { input: SECRET, signature: 'vault:v1:AA', marshaling_algorithm: 'asn1' },
      'bad_base64',
      1,
    ],
    [
      'a signature in the wrong base64url',
      'write',
      'verify/ed25519',
      { input: SECRET, signature: 'vault:v1:AA==', marshaling_algorithm: 'jws' },
      'bad_base64',
      1,
    ],
    ['an HMAC of another kind', 'write', 'verify/hmac', { input: SECRET, hmac: 'AAAA' }, 'ciphertext_malformed', 1],
    ['an unknown hash for an HMAC', 'write', 'hmac/hmac/md5', { input: SECRET }, 'unknown_hash', 1],
    ['an unknown hash', 'write', 'hash/sha1', { input: SECRET }, 'unknown_hash', 1],
    ['a hash of no input', 'write', 'hash', {}, 'missing_parameter', 1],
    ['an unknown format', 'write', 'hash', { input: SECRET, format: 'base32' }, 'bad_parameter', 1],
    ['no random bytes', 'write', 'random/0', {}, 'bad_parameter', 1],
    ['too many random bytes', 'write', 'random/131073', {}, 'bad_parameter', 1],
    ['random bytes of nowhere', 'write', 'random/moon/32', {}, 'bad_parameter', 1],
    ['random bytes in another format', 'write', 'random', { format: 'octal' }, 'bad_parameter', 1],
    ['a path that is not there', 'write', 'keys', {}, 'unsupported_path', 2],
  ];

  it.each(table)('%s: %s %s', async (_what, operation, path, data, code, exitStatus) => {
    const given = typeof data === 'function' ? data() : data;
    const error = await transit.failure(operation, path, given);
    expect([error.code, error.exitStatus]).toEqual([code, exitStatus]);
    expect(error.message).not.toMatch(/\n|^[A-Z]|\.$/);
    const shown = `${error.message} ${code === 'unsupported_path' ? '' : hintText(error.hint ?? '')}`;
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain('a secret!');
  });

  it('names the key type that was meant', async () => {
    expect((await transit.failure('write', 'keys/k', { type: 'aes256-gcm69' })).hint).toBe(
      'did you mean aes256-gcm96?',
    );
    expect(
      (await transit.failure('write', 'sign/ecdsa-p256', { input: SECRET, hash_algorithm: 'sha2_256' })).hint,
    ).toBe('did you mean sha2-256?');
  });

  it('takes a malformed signature for a false one', async () => {
    for (const [name, bytes] of [
      ['ecdsa-p256', 8],
      ['rsa-2048', 255],
      ['rsa-2048', 257],
      ['ed25519', 63],
      ['ed25519', 0],
    ] as const) {
      expect(
        await transit.write(`verify/${name}`, {
          input: SECRET,
          signature: `vault:v1:${b64(Buffer.alloc(bytes, 0x30))}`,
        }),
      ).toEqual({ valid: false });
    }
    const prehashed = { input: b64(Buffer.alloc(32)), prehashed: true };
    for (const bytes of [0, 8, 72, 256]) {
      const signature = `vault:v1:${b64(Buffer.alloc(bytes, 0x30))}`;
      for (const name of ['ecdsa-p256', 'rsa-2048'])
        expect(await transit.write(`verify/${name}`, { ...prehashed, signature })).toEqual({ valid: false });
    }
  });

  it('takes a salt_length that means something, and nothing for an elliptic curve', async () => {
    for (const name of ['ed25519', 'ecdsa-p256']) {
      for (const salt_length of ['auto', 'HASH', 20, '0', -1, 9999]) {
        const { signature } = await transit.write(`sign/${name}`, { input: SECRET, salt_length });
        expect(
          await transit.write(`verify/${name}`, { input: SECRET, signature: signature ?? '', salt_length }),
        ).toEqual({ valid: true });
      }
    }
    expect((await transit.failure('write', 'sign/ecdsa-p256', { input: SECRET, salt_length: 'long' })).message).toBe(
      'salt_length must be auto, hash, or a number of bytes',
    );
  });
});
