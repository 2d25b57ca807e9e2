import { describe, expect, it } from 'vitest';
import { mount } from './support.ts';

describe('keys/NAME', () => {
  it('creates an aes256-gcm96 key by default and describes it as Vault does', async () => {
    const transit = mount();
    expect(await transit.write('keys/orders')).toEqual({
      allow_plaintext_backup: false,
      auto_rotate_period: 0,
      deletion_allowed: false,
      derived: false,
      exportable: false,
      imported_key: false,
      keys: { 1: 1770091506 },
      latest_version: 1,
      min_available_version: 0,
      min_decryption_version: 1,
      min_encryption_version: 0,
      name: 'orders',
      supports_decryption: true,
      supports_derivation: true,
      supports_encryption: true,
      supports_signing: false,
      type: 'aes256-gcm96',
    });
    expect(await transit.read('keys/orders')).toEqual(await transit.write('keys/orders'));
  });

  it.each([
    ['aes128-gcm96', true, false, true],
    ['aes256-gcm96', true, false, true],
    ['chacha20-poly1305', true, false, true],
    ['ed25519', false, true, true],
    ['ecdsa-p256', false, true, false],
    ['ecdsa-p384', false, true, false],
    ['ecdsa-p521', false, true, false],
    ['rsa-2048', true, true, false],
    ['rsa-3072', true, true, false],
    ['hmac', false, false, false],
  ])(
    'of type %s says what it supports: encryption %s, signing %s, derivation %s',
    async (type, encryption, signing, derivation) => {
      const transit = mount();
      const key = await transit.write('keys/k', { type });
      expect(key).toMatchObject({
        type,
        supports_encryption: encryption,
        supports_decryption: encryption,
        supports_signing: signing,
        supports_derivation: derivation,
      });
      expect(JSON.stringify(key)).not.toContain('PRIVATE');
    },
  );

  it('says when the key was there already, and leaves it alone', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519' });
    const again = await transit.call('write', 'keys/k', { type: 'rsa-2048' });
    expect(again?.warnings).toEqual(['key k already existed']);
    expect(again?.data).toMatchObject({ type: 'ed25519', latest_version: 1 });
  });

  it('takes settings as text or literals', async () => {
    const transit = mount();
    const key = await transit.write('keys/k', {
      derived: 'true',
      convergent_encryption: true,
      exportable: '1',
      allow_plaintext_backup: 'T',
    });
    expect(key).toMatchObject({
      derived: true,
      convergent_encryption: true,
      convergent_encryption_version: -1,
      kdf: 'hkdf_sha256',
      exportable: true,
      allow_plaintext_backup: true,
    });
  });

  it('makes an hmac key of the size that is asked for', async () => {
    const transit = mount();
    expect(await transit.write('keys/k', { type: 'hmac', key_size: 64, exportable: true })).toMatchObject({
      key_size: 64,
    });
    const { keys } = await transit.read('export/hmac-key/k');
    expect(Buffer.from((keys as { 1: string })[1], 'base64')).toHaveLength(64);
    expect(await transit.write('keys/other', { type: 'hmac' })).toMatchObject({ key_size: 32 });
  });

  it('answers nothing for a key that is not there', async () => {
    expect(await mount().call('read', 'keys/none')).toBeNull();
  });

  it('shows the public keys of a derived ed25519 key for a context only', async () => {
    const transit = mount();
    await transit.write('keys/k', { type: 'ed25519', derived: true });
    expect((await transit.read('keys/k'))['keys']).toMatchObject({ 1: { public_key: '' } });
    const shown = await transit.read('keys/k', { context: 'YWJj' });
    const signed = await transit.write('sign/k', { context: 'YWJj', input: 'YQ==' });
    expect(shown['keys']).toMatchObject({ 1: { public_key: signed['public_key'] } });
  });

  it('is listed with its like, sorted, without the wrapping key', async () => {
    const transit = mount();
    expect(await transit.call('list', 'keys')).toBeNull();
    for (const name of ['b', 'a-1', 'c.d']) await transit.write(`keys/${name}`);
    await transit.read('wrapping_key');
    expect((await transit.call('list', 'keys'))?.data).toEqual({ keys: ['a-1', 'b', 'c.d'] });
  });

  it('is deleted when its configuration allows it', async () => {
    const transit = mount();
    await transit.write('keys/k');
    const refused = await transit.failure('delete', 'keys/k');
    expect(refused).toMatchObject({ code: 'deletion_not_allowed', exitStatus: 2 });
    expect(refused.hint).toContain('transit/keys/k/config deletion_allowed=true');
    await transit.write('keys/k/config', { deletion_allowed: true });
    await transit.call('delete', 'keys/k');
    expect(await transit.call('read', 'keys/k')).toBeNull();
    expect(await transit.failure('delete', 'keys/k')).toMatchObject({ code: 'no_key', exitStatus: 2 });
  });
});

describe('keys/NAME/rotate, config and trim', () => {
  async function rotated(times: number) {
    const transit = mount();
    await transit.write('keys/k');
    for (let at = 0; at < times; at++) await transit.write('keys/k/rotate');
    return transit;
  }

  it('adds versions', async () => {
    const transit = await rotated(2);
    expect(await transit.read('keys/k')).toMatchObject({
      latest_version: 3,
      keys: { 1: 1770091506, 2: 1770091506, 3: 1770091506 },
    });
  });

  it('bounds decryption from below, and takes the bound back', async () => {
    const transit = await rotated(0);
    const { ciphertext: old } = await transit.write('encrypt/k', { plaintext: 'YQ==' });
    await transit.write('keys/k/rotate');
    expect(await transit.write('keys/k/config', { min_decryption_version: 2 })).toMatchObject({
      keys: { 2: 1770091506 },
      min_decryption_version: 2,
    });
    expect(await transit.failure('write', 'decrypt/k', { ciphertext: old ?? '' })).toMatchObject({
      code: 'version_too_old',
      exitStatus: 2,
    });
    expect(await transit.failure('write', 'encrypt/k', { plaintext: 'YQ==', key_version: 1 })).toMatchObject({
      code: 'version_too_old',
    });
    await transit.write('keys/k/config', { min_decryption_version: 1 });
    expect(await transit.write('decrypt/k', { ciphertext: old ?? '' })).toEqual({ plaintext: 'YQ==' });
  });

  it('bounds encryption from below', async () => {
    const transit = await rotated(2);
    await transit.write('keys/k/config', { min_encryption_version: 2 });
    expect(await transit.failure('write', 'encrypt/k', { plaintext: 'YQ==', key_version: 1 })).toMatchObject({
      code: 'version_too_old',
      exitStatus: 2,
    });
    expect(await transit.write('encrypt/k', { plaintext: 'YQ==', key_version: 2 })).toMatchObject({ key_version: 2 });
    expect(await transit.write('encrypt/k', { plaintext: 'YQ==' })).toMatchObject({ key_version: 3 });
    expect(await transit.failure('write', 'hmac/k', { input: 'YQ==', key_version: 1 })).toMatchObject({
      code: 'version_too_old',
    });
  });

  it('refuses bounds that do not fit', async () => {
    const transit = await rotated(2);
    const fail = async (data: Record<string, number>) => (await transit.failure('write', 'keys/k/config', data)).code;
    expect(await fail({ min_decryption_version: 4 })).toBe('bad_parameter');
    expect(await fail({ min_encryption_version: 4 })).toBe('bad_parameter');
    expect(await fail({ min_decryption_version: -1 })).toBe('bad_parameter');
    expect(await fail({ min_decryption_version: 3, min_encryption_version: 2 })).toBe('bad_parameter');
    expect(await transit.read('keys/k')).toMatchObject({ min_decryption_version: 1, min_encryption_version: 0 });
  });

  it('keeps exportable and allow_plaintext_backup once they are set', async () => {
    const transit = await rotated(0);
    await transit.write('keys/k/config', { exportable: true, allow_plaintext_backup: true });
    const answer = await transit.call('write', 'keys/k/config', { exportable: false, allow_plaintext_backup: false });
    expect(answer?.data).toMatchObject({ exportable: true, allow_plaintext_backup: true });
    expect(answer?.warnings).toEqual([
      'exportable cannot be taken back',
      'allow_plaintext_backup cannot be taken back',
    ]);
  });

  it('trims old versions for good', async () => {
    const transit = await rotated(3);
    const fail = async (oldest: number) =>
      (await transit.failure('write', 'keys/k/trim', { min_available_version: oldest })).message;
    expect(await fail(1)).toContain('min_encryption_version');
    await transit.write('keys/k/config', { min_encryption_version: 4, min_decryption_version: 3 });
    expect(await fail(4)).toContain('at most 3');
    expect(await transit.write('keys/k/trim', { min_available_version: 3 })).toMatchObject({
      min_available_version: 3,
    });
    expect(await fail(2)).toContain('cannot be lowered');
    expect((await transit.failure('write', 'keys/k/config', { min_decryption_version: 2 })).message).toContain(
      'trimmed',
    );
    const { ciphertext } = await transit.write('encrypt/k', { plaintext: 'YQ==' });
    await transit.write('keys/k/rotate');
    expect(await transit.write('decrypt/k', { ciphertext: ciphertext ?? '' })).toEqual({ plaintext: 'YQ==' });
    const stored = JSON.parse(Buffer.from((await transit.context.view.get(['policy', 'k'])) ?? []).toString()) as {
      versions: object;
    };
    expect(Object.keys(stored.versions)).toEqual(['3', '4', '5']);
  });
});
