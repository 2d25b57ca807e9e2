import { createPrivateKey, createPublicKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { View } from '../../../../src/barrier/index.ts';
import type { Operation } from '../../../../src/engines/index.ts';
import { usingKey } from '../../../../src/engines/transit/key.ts';
import { loadKey } from '../../../../src/engines/transit/key-row.ts';
import { systemEntropy } from '../../../../src/entropy/index.ts';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, hexed, text } from '../../../support/encoding.ts';
import { mount, type Mount, vaultBackup } from './support.ts';
import { wrapForImport } from './wrapping.ts';

// Buffers that hold key material are seen where they come from: the store, the decoding of base64, the generator.

const SECRET = Buffer.from('0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f1', 'hex');
const HMAC_SECRET = Buffer.from(SECRET).reverse();
const TEXTS = [SECRET, HMAC_SECRET].flatMap((secret) => [secret, Buffer.from(b64(secret))]);

/** Buffers that were seen with key material in them. */
let seen: Uint8Array[];
const holds = (bytes: Uint8Array): boolean =>
  TEXTS.some((secret) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(secret));
const see = (bytes: Uint8Array): void => {
  if (holds(bytes)) seen.push(bytes);
};

/** A mount whose rows and whose decoding of base64 are watched. */
function watched(): Mount {
  const { view } = mount().context;
  const seeing: View = {
    ...view,
    async get(path) {
      const bytes = await view.get(path);
      if (bytes !== null) see(bytes);
      return bytes;
    },
    async put(path, bytes) {
      see(bytes);
      await view.put(path, bytes);
    },
  };
  return mount({ view: seeing });
}

const entry = { key: JSON.stringify(b64(SECRET)), hmac_key: JSON.stringify(b64(HMAC_SECRET)) };
const policy = { exportable: true, allow_plaintext_backup: true, Imported: true, AllowImportedKeyRotation: true };

async function stand(): Promise<Mount> {
  const transit = watched();
  await transit.write('restore/aes', { backup: vaultBackup('aes256-gcm96', entry, policy) });
  await transit.write('restore/derived', {
    backup: vaultBackup('aes256-gcm96', entry, {
      ...policy,
      derived: true,
      kdf: 1,
      convergent_encryption: true,
      convergent_version: 3,
    }),
  });
  await transit.write('restore/hmac', {
    backup: vaultBackup('hmac', { key: entry.key, hmac_key: entry.key }, { ...policy, key_size: 32 }),
  });
  const seed = createPrivateKey({
    key: Buffer.concat([hexed('302e020100300506032b657004220420'), SECRET]),
    format: 'der',
    type: 'pkcs8',
  });
  const pair = Buffer.concat([SECRET, createPublicKey(seed).export({ type: 'spki', format: 'der' }).subarray(-32)]);
  await transit.write('restore/ed', {
    backup: vaultBackup('ed25519', { key: JSON.stringify(b64(pair)), hmac_key: entry.hmac_key }, policy),
  });
  await transit.write('restore/eds', {
    backup: vaultBackup(
      'ed25519',
      { key: JSON.stringify(b64(pair)), hmac_key: entry.hmac_key },
      { ...policy, derived: true, kdf: 1 },
    ),
  });
  return transit;
}

beforeEach(() => {
  seen = [];
  const from = Buffer.from.bind(Buffer) as (...args: unknown[]) => Buffer;
  vi.spyOn(Buffer, 'from').mockImplementation(((...args: unknown[]) => {
    const bytes = from(...args);
    if (args[1] === 'base64') see(bytes);
    return bytes;
  }) as typeof Buffer.from);
});
afterEach(() => vi.restoreAllMocks());

function expectZeroed(): void {
  expect(seen.length, 'key material was seen').toBeGreaterThan(0);
  expect(seen.filter(holds)).toEqual([]);
}

describe('key material', () => {
  it('is bytes while a key is used, and zeros afterwards', async () => {
    const transit = await stand();
    const secrets = await usingKey(await loadKey(transit.context, 'aes'), (key) => {
      const version = key?.versions['1'];
      expect(Buffer.compare(version?.key ?? Buffer.alloc(0), SECRET)).toBe(0);
      expect(Buffer.compare(version?.hmac ?? Buffer.alloc(0), HMAC_SECRET)).toBe(0);
      return [version?.key, version?.hmac];
    });
    for (const secret of secrets) expect(secret).toEqual(Buffer.alloc(32));
  });

  it('is zeros after a restore', async () => {
    await stand();
    expectZeroed();
  });

  it.each<[Operation, string, JsonObject]>([
    ['write', 'encrypt/aes', { plaintext: 'YQ==' }],
    ['write', 'encrypt/derived', { plaintext: 'YQ==', context: 'YQ==' }],
    ['write', 'encrypt/aes', { batch_input: [{ plaintext: 'YQ==' }, { plaintext: 'Yg==' }, { plaintext: '!' }] }],
    ['write', 'datakey/plaintext/aes', {}],
    ['write', 'hmac/aes', { input: 'YQ==' }],
    ['write', 'hmac/hmac', { input: 'YQ==' }],
    ['write', 'verify/aes', { input: 'YQ==', hmac: 'vault:v1:AAAA' }],
    ['write', 'sign/ed', { input: 'YQ==' }],
    ['write', 'sign/eds', { input: 'YQ==', context: 'YQ==' }],
    ['write', 'verify/ed', { input: 'YQ==', signature: 'vault:v1:AAAA' }],
    ['write', 'verify/eds', { input: 'YQ==', signature: 'vault:v1:AAAA', context: 'YQ==' }],
    ['read', 'keys/aes', {}],
    ['read', 'keys/eds', { context: 'YQ==' }],
    ['read', 'export/encryption-key/aes', {}],
    ['read', 'export/signing-key/ed', {}],
    ['read', 'export/hmac-key/aes', {}],
    ['read', 'export/public-key/ed', {}],
    ['read', 'backup/aes', {}],
    ['read', 'backup/ed', {}],
    ['write', 'keys/aes', {}],
    ['write', 'keys/aes/rotate', {}],
    ['write', 'keys/aes/config', { deletion_allowed: true }],
    ['write', 'keys/aes', { type: 'managed_key', managed_key_name: 'x' }],
  ])('is zeros after %s %s', async (operation, path, data) => {
    const transit = await stand();
    seen = [];
    await transit.call(operation, path, data);
    expectZeroed();
  });

  it('is zeros after decrypt, rewrap, trim and delete', async () => {
    const transit = await stand();
    const { ciphertext = '' } = await transit.write('encrypt/aes', { plaintext: 'YQ==' });
    await transit.write('keys/aes/rotate');
    const steps: [Operation, string, JsonObject][] = [
      ['write', 'decrypt/aes', { ciphertext }],
      ['write', 'rewrap/aes', { ciphertext }],
      ['write', 'keys/aes/config', { min_decryption_version: 2, min_encryption_version: 2, deletion_allowed: true }],
      ['write', 'keys/aes/trim', { min_available_version: 2 }],
    ];
    for (const [operation, path, data] of steps) {
      seen = [];
      await transit.call(operation, path, data);
      expectZeroed();
    }
    await transit.call('delete', 'keys/aes');
    expectZeroed();
  });

  it.each<[Operation, string, JsonObject]>([
    ['write', 'decrypt/aes', { ciphertext: 'vault:v1:AAAA' }],
    ['write', 'encrypt/derived', { plaintext: 'YQ==' }],
    ['write', 'encrypt/aes', { plaintext: 'YQ==', key_version: 9 }],
    ['write', 'sign/aes', { input: 'YQ==' }],
    ['write', 'hmac/aes/md5', { input: 'YQ==' }],
    ['write', 'keys/aes/trim', {}],
    ['delete', 'keys/aes', {}],
    ['read', 'export/signing-key/aes', {}],
    ['write', 'restore/aes', { backup: vaultBackup('aes256-gcm96', entry, policy) }],
    ['write', 'keys/aes/import', { ciphertext: 'YQ==' }],
  ])('is zeros after %s %s failed', async (operation, path, data) => {
    const transit = await stand();
    seen = [];
    await transit.failure(operation, path, data);
    expectZeroed();
  });

  it.each(['aes256-gcm96', 'ed25519', 'hmac'])('that is generated (%s) is zeros once it is stored', async (type) => {
    const given: Uint8Array[] = [];
    const bytes = async (length: number) => {
      const made = await systemEntropy.bytes(length);
      given.push(made);
      return made;
    };
    const transit = mount({ entropy: { ...systemEntropy, bytes } });
    await transit.write('keys/k', { type });
    await transit.write('keys/k/rotate');
    expect(given.length).toBe(4);
    for (const made of given) expect(Buffer.from(made).equals(Buffer.alloc(made.length))).toBe(true);
  });

  it('that is imported is zeros once it is stored', async () => {
    const transit = watched();
    const { public_key } = await transit.read('wrapping_key');
    const ciphertext = wrapForImport(text(public_key), SECRET);
    await transit.write('keys/k/import', { ciphertext });
    await transit.write('keys/k/import_version', { ciphertext });
    expectZeroed();
    expect(await transit.write('encrypt/k', { plaintext: 'YQ==' })).toMatchObject({ key_version: 2 });
  });
});
