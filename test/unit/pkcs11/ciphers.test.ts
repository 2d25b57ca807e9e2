import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CKM, isCiphertextInvalid, type Key, type Mechanism, type Session } from '../../../src/pkcs11/index.ts';
import { importKey, type SoftHsm } from '../../support/softhsm.ts';
import { failure, freshToken, onToken, present } from './fixture.ts';

const VALUE = randomBytes(32);
const IV = new Uint8Array(randomBytes(16));
const NONCE = IV.subarray(0, 12);
const AAD = new Uint8Array(randomBytes(20));

const CBC_PAD: Mechanism = { type: CKM.AES_CBC_PAD, iv: IV };
const CBC: Mechanism = { type: CKM.AES_CBC, iv: IV };
const GCM: Mechanism = { type: CKM.AES_GCM, iv: NONCE, aad: AAD };

let hsm: SoftHsm;
beforeAll(() => {
  hsm = freshToken();
  importKey(hsm, { label: 'known', id: '01', type: 'aes', value: VALUE });
  importKey(hsm, { label: 'no decrypt', id: '02', type: 'aes', value: VALUE, without: ['decrypt'] });
});

function withKey<T>(label: string, use: (session: Session, key: Key) => T): Promise<T> {
  return onToken(hsm, (session) => {
    const [key] = session.findKeys({ class: 'secret', label, id: null });
    return use(session, present(key));
  });
}

function cipher(name: 'aes-256-cbc' | 'aes-256-gcm', padded: boolean, data: Uint8Array): Uint8Array {
  if (name === 'aes-256-gcm') {
    const gcm = createCipheriv(name, VALUE, NONCE).setAAD(AAD);
    return new Uint8Array(Buffer.concat([gcm.update(data), gcm.final(), gcm.getAuthTag()]));
  }
  const cbc = createCipheriv(name, VALUE, IV).setAutoPadding(padded);
  return new Uint8Array(Buffer.concat([cbc.update(data), cbc.final()]));
}

describe('encrypt and decrypt', () => {
  it.each([
    ['CKM_AES_CBC_PAD', CBC_PAD, 'aes-256-cbc', true, [0, 1, 15, 16, 17, 32, 1000, 100_000]],
    ['CKM_AES_CBC', CBC, 'aes-256-cbc', false, [16, 32, 1024]],
    ['CKM_AES_GCM', GCM, 'aes-256-gcm', false, [0, 1, 32, 1000, 100_000]],
  ] as const)('%s makes what OpenSSL makes, and opens it', async (_name, mechanism, openssl, padded, lengths) => {
    for (const length of lengths) {
      const data = new Uint8Array(randomBytes(length));
      const theirs = cipher(openssl, padded, data);
      const [ours, opened] = await withKey('known', (session, key) => [
        session.encrypt(key, mechanism, data),
        session.decrypt(key, mechanism, theirs),
      ]);
      expect(ours).toEqual(theirs);
      expect(opened).toEqual(data);
    }
  });

  it('takes data that is a view into a larger buffer', async () => {
    const view = new Uint8Array(randomBytes(64)).subarray(5, 37);
    const sealed = await withKey('known', (session, key) => session.encrypt(key, CBC_PAD, view));
    const cbc = createDecipheriv('aes-256-cbc', VALUE, IV);
    expect(new Uint8Array(Buffer.concat([cbc.update(sealed), cbc.final()]))).toEqual(new Uint8Array(view));
  });

  it('leaves the input as it was', async () => {
    const data = new Uint8Array(randomBytes(32));
    const before = data.slice();
    await withKey('known', (session, key) => session.encrypt(key, CBC_PAD, data));
    expect(data).toEqual(before);
  });

  it('leaves no plaintext in a buffer of its own', async () => {
    const data = new Uint8Array(randomBytes(32));
    const sealed = cipher('aes-256-cbc', true, data);
    const alloc = vi.spyOn(Buffer, 'alloc');
    const opened = await withKey('known', (session, key) => session.decrypt(key, CBC_PAD, sealed));
    const buffers = alloc.mock.results.map(({ value }) => value as Buffer);
    alloc.mockRestore();
    expect(opened).toEqual(data);
    expect(buffers.some((buffer) => buffer.length > sealed.length)).toBe(true);
    expect(buffers.every((buffer) => buffer.every((byte) => byte === 0))).toBe(true);
  });

  it('names function, mechanism, key, CKR_ value and remedy when a key may not be used so', async () => {
    const sealed = cipher('aes-256-cbc', true, randomBytes(32));
    const error = await failure(withKey('no decrypt', (session, key) => session.decrypt(key, CBC_PAD, sealed)));
    expect(error.message).toBe(
      'C_DecryptInit (CKM_AES_CBC_PAD, key "no decrypt") failed: CKR_KEY_FUNCTION_NOT_PERMITTED (0x68)',
    );
    expect(error.code).toBe('key_use');
    expect(error.hint).toContain('CKA_DECRYPT');
    expect(isCiphertextInvalid(error)).toBe(false);
  });

  it('names an unknown mechanism by its number', async () => {
    const error = await failure(withKey('known', (session, key) => session.encrypt(key, { type: 0x80001234 }, IV)));
    expect(error.message).toBe(
      'C_EncryptInit (mechanism 0x80001234, key "known") failed: CKR_MECHANISM_INVALID (0x70)',
    );
  });

  it('refuses an IV of the wrong length before it reaches the module', async () => {
    await expect(
      withKey('known', (session, key) => session.encrypt(key, { type: CKM.AES_CBC, iv: NONCE }, IV)),
    ).rejects.toThrow(RangeError);
    await expect(
      withKey('known', (session, key) => session.encrypt(key, { type: CKM.AES_GCM, iv: IV.subarray(1), aad: AAD }, IV)),
    ).rejects.toThrow('CKM_AES_GCM takes an IV of 12 or 16 bytes, not 15');
  });
});

describe('isCiphertextInvalid', () => {
  const data = randomBytes(48);
  const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, i) => (i === (at + bytes.length) % bytes.length ? byte ^ 0x80 : byte));

  it.each([
    ['a changed GCM tag', GCM, flipped(cipher('aes-256-gcm', false, data), -1)],
    ['a changed GCM body', GCM, flipped(cipher('aes-256-gcm', false, data), 0)],
    ['other additional data', { ...GCM, aad: IV }, cipher('aes-256-gcm', false, data)],
    ['a GCM ciphertext shorter than its tag', GCM, IV.subarray(0, 10)],
    ['an empty GCM ciphertext', GCM, new Uint8Array(0)],
    ['bad CBC padding', CBC_PAD, flipped(cipher('aes-256-cbc', true, data), -17)],
    ['CBC bytes that are not whole blocks', CBC_PAD, IV.subarray(1)],
    ['an empty CBC ciphertext', CBC_PAD, new Uint8Array(0)],
  ] as const)('is true for %s', async (_what, mechanism, ciphertext) => {
    const error = await failure(withKey('known', (session, key) => session.decrypt(key, mechanism, ciphertext)));
    expect(isCiphertextInvalid(error)).toBe(true);
  });

  it('leaves the session usable', async () => {
    const opened = await withKey('known', (session, key) => {
      expect(() => session.decrypt(key, GCM, flipped(cipher('aes-256-gcm', false, data), -1))).toThrow('C_Decrypt');
      return session.decrypt(key, GCM, cipher('aes-256-gcm', false, data));
    });
    expect(opened).toEqual(new Uint8Array(data));
  });
});
