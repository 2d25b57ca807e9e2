import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CKA } from '../../../src/pkcs11/constants.ts';
import { CKK, CKM, type Key, type KeyQuery, onlyKey, type Session, withSession } from '../../../src/pkcs11/index.ts';
import { importKey, readKeyFlags, type SoftHsm } from '../../support/softhsm.ts';
import { failure, freshToken, onToken, optionsFor, shimmed, present } from './fixture.ts';

const secret = (label: string | null, id: Uint8Array | null = null) => ({ class: 'secret', label, id }) as const;

const find = (session: Session, query: KeyQuery, what: string): Key =>
  onlyKey(session, session.findKeys(query), query, what);

describe('findKeys', () => {
  let hsm: SoftHsm;
  beforeAll(() => {
    hsm = freshToken();
    importKey(hsm, { label: 'twin', id: '0a0b', type: 'aes', value: randomBytes(32) });
    importKey(hsm, { label: 'twin', id: '0c0d', type: 'aes', value: randomBytes(32) });
    importKey(hsm, { label: 'padded  ', id: '', type: 'generic', value: randomBytes(32) });
  });

  it('finds by label, by id and by both', async () => {
    const counts = await onToken(hsm, (session) =>
      [
        secret('twin'),
        secret(null, Buffer.from('0c0d', 'hex')),
        secret('twin', Buffer.from('0a0b', 'hex')),
        secret('twin', Buffer.from('0f', 'hex')),
        secret(null, Buffer.from('000c0d', 'hex')),
        secret(null, Buffer.from('0f', 'hex')),
      ].map((query) => session.findKeys(query).length),
    );
    expect(counts).toEqual([2, 1, 1, 0, 1, 0]);
  });

  it('tells type, label as the token has it, and id', async () => {
    const keys = await onToken(hsm, (session) =>
      session
        .findKeys(secret(null))
        .map(({ type, label, id }) => ({ type, label, id: Buffer.from(id).toString('hex') })),
    );
    expect(keys).toHaveLength(3);
    expect(keys).toContainEqual({ type: CKK.AES, label: 'twin', id: '0a0b' });
    expect(keys).toContainEqual({ type: CKK.AES, label: 'twin', id: '0c0d' });
    expect(keys).toContainEqual({ type: CKK.GENERIC_SECRET, label: 'padded  ', id: '' });
  });

  it('keeps to the class', async () => {
    expect(await onToken(hsm, (session) => session.findKeys({ class: 'private', label: 'twin', id: null }))).toEqual(
      [],
    );
  });

  it('lists more keys than one C_FindObjects gives', async () => {
    const many = freshToken();
    const labels = await onToken(many, (session) => {
      for (let i = 0; i < 33; i++) {
        session.generateHmacKey('same', null);
      }
      return [session.findKeys(secret('same')).length, session.findKeys(secret(null)).length];
    });
    expect(labels).toEqual([33, 33]);
  });

  it('fetches attributes only when they are read, and once', async () => {
    const shim = shimmed(hsm);
    await withSession(optionsFor(hsm, shim), async (session) => {
      shim.clear();
      const [key] = session.findKeys(secret('twin', Buffer.from('0a0b', 'hex')));
      expect([key?.label, Buffer.from(present(key).id).toString('hex')]).toEqual(['twin', '0a0b']);
      expect(shim.calls()).toEqual(['C_FindObjectsInit', 'C_FindObjects', 'C_FindObjectsFinal']);
      shim.clear();
      expect([key?.type, key?.type]).toEqual([CKK.AES, CKK.AES]);
      expect(shim.calls()).toEqual(['C_GetAttributeValue', 'C_GetAttributeValue']);
    });
  });

  it('ends the search when C_FindObjects fails, and says so', async () => {
    const shim = shimmed(hsm, 'fail:C_FindObjects:0x30');
    const error = await failure(
      withSession(optionsFor(hsm, shim), async (session) => session.findKeys(secret('twin'))),
    );
    expect(error.message).toBe('C_FindObjects failed: CKR_DEVICE_ERROR (0x30)');
    expect(shim.calls().slice(-3)).toEqual(['C_FindObjects', 'C_FindObjectsFinal', 'C_Finalize']);
  });
});

describe('onlyKey', () => {
  let hsm: SoftHsm;
  beforeAll(() => {
    hsm = freshToken('vault');
    importKey(hsm, { label: 'twin', id: '0a0b', type: 'aes', value: randomBytes(32) });
    importKey(hsm, { label: 'twin', id: '0c0d', type: 'aes', value: randomBytes(32) });
  });

  it('gives the one key that there is', async () => {
    const label = await onToken(
      hsm,
      (session) => find(session, secret('twin', Buffer.from('0c0d', 'hex')), 'HMAC key').label,
    );
    expect(label).toBe('twin');
  });

  it('lists the keys that are there when none matches', async () => {
    const error = await failure(
      onToken(hsm, (session) => find(session, secret('hsm_demo'), 'wrapping key (key_label)')),
    );
    expect(error.code).toBe('key_not_found');
    expect(error.exitStatus).toBe(3);
    expect(error.message).toBe(
      'no key on token "vault" has label "hsm_demo", and it is needed as wrapping key (key_label)',
    );
    expect(error.hint).toContain('\n  label "twin", id 0a0b');
    expect(error.hint).toContain('\n  label "twin", id 0c0d');
  });

  it('says that a token is empty', async () => {
    const empty = freshToken();
    const error = await failure(
      onToken(empty, (session) => find(session, secret('a', Uint8Array.of(1)), 'wrapping key')),
    );
    expect(error.message).toContain('label "a" and id 01');
    expect(error.hint).toContain('there are no secret keys on the token');
  });

  it('lists the ids to choose from when several match', async () => {
    const error = await failure(onToken(hsm, (session) => find(session, secret('twin'), 'wrapping key')));
    expect(error.code).toBe('key_ambiguous');
    expect(error.message).toContain('2 keys on token "vault" have label "twin"');
    expect(error.hint).toContain('set key_id');
    expect(error.hint).toContain('id 0a0b');
    expect(error.hint).toContain('id 0c0d');
  });
});

describe('generated keys', () => {
  let hsm: SoftHsm;
  beforeAll(async () => {
    hsm = freshToken();
    await onToken(hsm, (session) => {
      session.generateAesKey('wrapping', null);
      session.generateHmacKey('mac', Uint8Array.of(1, 2, 3));
    });
  });

  const COMMON = [CKA.TOKEN, CKA.PRIVATE, CKA.SENSITIVE, CKA.EXTRACTABLE];

  it('are on the token, private, sensitive and not extractable', () => {
    expect(readKeyFlags(hsm, 'wrapping', COMMON)).toEqual([true, true, true, false]);
    expect(readKeyFlags(hsm, 'mac', COMMON)).toEqual([true, true, true, false]);
  });

  it('may do what they are for', () => {
    expect(readKeyFlags(hsm, 'wrapping', [CKA.ENCRYPT, CKA.DECRYPT, CKA.WRAP, CKA.UNWRAP])).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(readKeyFlags(hsm, 'mac', [CKA.SIGN, CKA.VERIFY])).toEqual([true, true]);
  });

  it('have the id that was asked for, or 16 random bytes', async () => {
    const [wrapping, mac] = await onToken(hsm, (session) =>
      ['wrapping', 'mac'].map((label) => {
        const key = find(session, secret(label), 'key');
        return { type: key.type, id: key.id };
      }),
    );
    expect(present(wrapping).type).toBe(CKK.AES);
    expect(present(wrapping).id).toHaveLength(16);
    expect(new Set(present(wrapping).id).size).toBeGreaterThan(4);
    expect(mac).toEqual({ type: CKK.GENERIC_SECRET, id: Uint8Array.of(1, 2, 3) });
  });

  it('work in a later session', async () => {
    const iv = new Uint8Array(16);
    const data = new Uint8Array(32).fill(7);
    const cbc = { type: CKM.AES_CBC_PAD, iv };
    const sealed = await onToken(hsm, (session) =>
      session.encrypt(find(session, secret('wrapping'), 'key'), cbc, data),
    );
    expect(
      await onToken(hsm, (session) => session.decrypt(find(session, secret('wrapping'), 'key'), cbc, sealed)),
    ).toEqual(data);
    const mac = await onToken(hsm, (session) =>
      session.sign(find(session, secret('mac'), 'key'), { type: CKM.SHA256_HMAC }, data),
    );
    expect(mac).toHaveLength(32);
  });

  it('need a read-write session, and the error says how to get one', async () => {
    const error = await failure(withSession(optionsFor(hsm), async (session) => session.generateAesKey('x', null)));
    expect(error.message).toBe('C_GenerateKey (CKM_AES_KEY_GEN, label "x") failed: CKR_SESSION_READ_ONLY (0xb5)');
    expect(error.hint).toContain('force_rw_session');
  });
});
