import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { hintText } from '../../../../src/cli/remedies.ts';
import type { Operation } from '../../../../src/engines/index.ts';
import { addVersion, newKey } from '../../../../src/engines/transit/key.ts';
import { storeKey } from '../../../../src/engines/transit/key-row.ts';
import type { JsonObject } from '../../../../src/json.ts';
import { b64, text } from '../../../support/encoding.ts';
import { mount, type Mount, vaultBackup } from './support.ts';
import { wrapForImport } from './wrapping.ts';

const KEY = JSON.stringify(b64(Buffer.alloc(32, 7)));

describe('a hint of transit', () => {
  let transit: Mount;
  beforeAll(async () => {
    transit = mount({ mountPath: 'team a/crypt/' });
    const fixed = vaultBackup('aes256-gcm96', { key: KEY, hmac_key: null }, { Imported: true });
    await transit.write('restore/bare', { backup: vaultBackup('aes256-gcm96', { key: KEY, hmac_key: null }) });
    await transit.write('restore/fixed', { backup: fixed });
    await transit.write('keys/plain');
    await transit.write('keys/signer', { type: 'ecdsa-p256' });
    const { public_key } = await transit.read('wrapping_key');
    await transit.write('keys/imported/import', { ciphertext: wrapForImport(text(public_key), Buffer.alloc(32)) });
    for (const [name, type, label] of [
      ['mine', 'aes256-gcm96', "it's"],
      ['pair', 'ecdsa-p256', ''],
    ] as const) {
      const key = newKey(name, type, { managed: { label, id: '0a', oaepHash: null } });
      await storeKey(transit.context, addVersion(key, { created: 0, key: null, public: null, hmac: null }));
    }
  });

  it('names the key object of an RSA key that does not decrypt', async () => {
    const spki = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'der' });
    const key = newKey('rsa', 'rsa-2048', { managed: { label: 'signer', id: '0b', oaepHash: null } });
    await storeKey(transit.context, addVersion(key, { created: 0, key: null, public: spki, hmac: null }));
    const { hint } = await transit.failure('write', 'encrypt/rsa', { plaintext: 'YQ==' });
    expect(hint).toContain(
      "coffer write 'team a/crypt/keys/rsa' type=managed_key managed_key_name=signer managed_key_id=0b",
    );
  });

  it.each<[Operation, string, JsonObject, string | null]>([
    ['write', 'hmac/bare', { input: 'YQ==' }, "add one with: coffer write -f 'team a/crypt/keys/bare/rotate'"],
    ['read', 'export/hmac-key/bare', {}, "add one with: coffer write -f 'team a/crypt/keys/bare/rotate'"],
    ['write', 'hmac/fixed', { input: 'YQ==' }, "coffer transit import-version 'team a/crypt/keys/fixed' @FILE"],
    ['write', 'keys/fixed/rotate', {}, "coffer transit import-version 'team a/crypt/keys/fixed' @FILE"],
    ['write', 'keys/imported/import', {}, "coffer transit import-version 'team a/crypt/keys/imported' @FILE"],
    ['write', 'keys/new', { auto_rotate_period: '24h' }, "coffer write -f 'team a/crypt/keys/new/rotate'"],
    ['write', 'keys/plain/config', { auto_rotate_period: '24h' }, "coffer write -f 'team a/crypt/keys/plain/rotate'"],
    [
      'write',
      'keys/new/import',
      { type: 'managed_key' },
      "coffer write 'team a/crypt/keys/new' type=managed_key managed_key_name=...",
    ],
    [
      'write',
      'encrypt/new',
      { plaintext: 'YQ==', type: 'managed_key' },
      "coffer write 'team a/crypt/keys/new' type=managed_key managed_key_name=...",
    ],
    [
      'write',
      'keys/plain/trim',
      { min_available_version: 1 },
      "coffer write 'team a/crypt/keys/plain/config' min_encryption_version=1",
    ],
    ['read', 'backup/plain', {}, "coffer write 'team a/crypt/keys/plain/config' exportable=true"],
    [
      'read',
      'backup/mine',
      {},
      String.raw`coffer write 'team a/crypt/keys/mine' type=managed_key 'managed_key_name=it'\''s' managed_key_id=0a`,
    ],
    ['read', 'backup/pair', {}, "coffer write 'team a/crypt/keys/pair' type=managed_key managed_key_id=0a"],
    ['read', 'export/signing-key/pair', {}, "coffer read 'team a/crypt/export/public-key/pair'"],
    ['read', 'export/encryption-key/mine', {}, null],
    ['delete', 'keys/plain', {}, "coffer write 'team a/crypt/keys/plain/config' deletion_allowed=true"],
    ['write', 'decrypt/none', { ciphertext: 'vault:v1:AAAA' }, "coffer list 'team a/crypt/keys'"],
    ['write', 'sign/none', { input: 'YQ==' }, "coffer path-help 'team a/crypt/keys/none'"],
    [
      'write',
      'decrypt/plain',
      { ciphertext: 'vault:v1:A*==' },
      'give the ciphertext whole, as coffer or Vault printed it',
    ],
    ['write', 'verify/plain', { input: 'YQ==', hmac: 'vault:v1:A*==' }, 'give the hmac whole'],
    [
      'write',
      'verify/signer',
      { input: 'YQ==', signature: 'vault:v1:A*==' },
      'the marshaling_algorithm that it was made with',
    ],
  ])('names the mount and the key: %s %s', async (operation, path, data, command) => {
    const { hint: given } = await transit.failure(operation, path, data);
    const hint = given === null ? null : hintText(given);
    if (command === null) expect(hint).toBeNull();
    else expect(hint).toContain(command);
    expect(hint ?? '').not.toMatch(/MOUNT|NAME|LABEL|=N\b/);
  });

  it('is one that works: each version that it leads to has what was missing', async () => {
    await transit.write('keys/bare/rotate');
    expect(await transit.write('hmac/bare', { input: 'YQ==' })).toMatchObject({
      hmac: expect.stringMatching(/^vault:v2:/) as string,
    });
    await transit.write('keys/plain/config', { min_encryption_version: 1 });
    expect(await transit.write('keys/plain/trim', { min_available_version: 1 })).toMatchObject({
      min_available_version: 1,
    });
  });
});
