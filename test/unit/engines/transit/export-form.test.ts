import { createPrivateKey, createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Mount, mount } from './support.ts';

const PAIRS = ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048'];

let transit: Mount;
beforeAll(async () => {
  transit = mount();
  for (const type of [...PAIRS, 'aes256-gcm96', 'hmac'])
    await transit.write(`keys/${type}`, { type, exportable: true });
  await transit.write('keys/derived', { type: 'ed25519', derived: true, exportable: true });
});

async function exported(kind: string, name: string, format?: string): Promise<string> {
  const { keys } = await transit.read(`export/${kind}/${name}`, format === undefined ? {} : { format });
  return (keys as { 1: string })[1];
}

describe('the format of an exported key', () => {
  it.each(PAIRS)('is SubjectPublicKeyInfo for der and pem of a public %s key', async (type) => {
    const der = Buffer.from(await exported('public-key', type, 'der'), 'base64');
    const pem = await exported('public-key', type, 'pem');
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    expect(createPublicKey(pem).equals(key)).toBe(true);
    expect(pem).toMatch(/^-----BEGIN PUBLIC KEY-----\n[^]*\n-----END PUBLIC KEY-----$/);
    const plain = await exported('public-key', type);
    if (type === 'ed25519') {
      expect(plain).toBe(der.subarray(-32).toString('base64'));
      expect(await exported('public-key', type, 'raw')).toBe(plain);
    } else {
      expect(plain).toBe(pem);
    }
  });

  it.each([...PAIRS, 'derived'])('is PKCS#8 for der and pem of a private %s key', async (name) => {
    const der = Buffer.from(await exported('signing-key', name, 'der'), 'base64');
    const pem = await exported('signing-key', name, 'pem');
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    expect(createPrivateKey(pem).equals(key)).toBe(true);
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n[^]*-----END PRIVATE KEY-----\n?$/);
    expect(pem.endsWith('\n')).toBe(name.startsWith('rsa'));
    const plain = await exported('signing-key', name);
    if (key.asymmetricKeyType === 'ed25519') {
      expect(Buffer.from(plain, 'base64').subarray(0, 32)).toEqual(der.subarray(-32));
      expect(await exported('signing-key', name, 'raw')).toBe(plain);
    } else {
      expect(plain).toMatch(/^-----BEGIN (EC|RSA) PRIVATE KEY-----/);
      expect(createPrivateKey(plain).equals(key)).toBe(true);
    }
  });

  it('is raw for symmetric keys, as it is without one', async () => {
    for (const [kind, name] of [
      ['encryption-key', 'aes256-gcm96'],
      ['hmac-key', 'hmac'],
      ['hmac-key', 'rsa-2048'],
    ] as const)
      expect(await exported(kind, name, 'raw')).toBe(await exported(kind, name));
  });

  it.each([
    ['encryption-key/aes256-gcm96', 'der'],
    ['encryption-key/aes256-gcm96', 'pem'],
    ['hmac-key/hmac', 'pem'],
    ['hmac-key/ecdsa-p256', 'der'],
    ['signing-key/ecdsa-p256', 'raw'],
    ['public-key/ecdsa-p256', 'raw'],
    ['public-key/rsa-2048', 'raw'],
    ['encryption-key/rsa-2048', 'raw'],
    ['signing-key/ed25519', 'PEM'],
    ['signing-key/ed25519', ''],
  ])('of %s is not %j', async (path, format) => {
    expect(await transit.failure('read', `export/${path}`, { format })).toMatchObject({
      code: 'bad_parameter',
      exitStatus: 1,
    });
  });

  it('is nothing where only the public key is there', async () => {
    const public_key = await exported('public-key', 'ecdsa-p256', 'pem');
    await transit.write('keys/half/import', { type: 'ecdsa-p256', public_key, exportable: true });
    for (const format of ['der', 'pem']) expect(await exported('signing-key', 'half', format)).toBe('');
  });
});

describe('the last backup of a key', () => {
  it('is told by read, in the backup, and after a restore', async () => {
    const name = 'kept';
    await transit.write(`keys/${name}`, { exportable: true, allow_plaintext_backup: true });
    expect(await transit.read(`keys/${name}`)).not.toHaveProperty('backup_info');
    await transit.write(`keys/${name}/rotate`);
    const { backup } = await transit.read(`backup/${name}`);
    const backup_info = { time: '2026-02-03T04:05:06.789Z', version: 2 };
    expect(await transit.read(`keys/${name}`)).toMatchObject({ backup_info });
    const { policy } = JSON.parse(Buffer.from(backup as string, 'base64').toString()) as { policy: unknown };
    expect(policy).toMatchObject({ backup_info, restore_info: null });
    await transit.write('restore/again', { backup: backup ?? '' });
    expect(await transit.read('keys/again')).toMatchObject({ backup_info, restore_info: { version: 2 } });
  });
});
