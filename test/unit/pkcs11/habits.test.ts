import { constants, createPrivateKey, privateDecrypt, publicEncrypt, type KeyObject } from 'node:crypto';
import pkcs11js from 'pkcs11js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PKCS11, Template } from 'pkcs11js';
import { CKM, withSession, type Key, type Session } from '../../../src/pkcs11/index.ts';
import type { Shim } from '../../support/shim.ts';
import type { SoftHsm } from '../../support/softhsm.ts';
import { failure, freshToken, onToken, optionsFor, present, shimmed } from './fixture.ts';

/** Each habit of test/shim as a module shows it to somebody who does nothing about it. */
describe('the shim', () => {
  let hsm: SoftHsm;
  beforeAll(() => {
    hsm = freshToken();
  });

  const RW = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;

  /** Between C_Initialize and C_Finalize. */
  function initialised<T>(shim: Shim, use: (api: PKCS11, slot: Buffer) => T, parameters?: string): T {
    Object.assign(process.env, shim.env);
    const api = new pkcs11js.PKCS11();
    api.load(shim.lib);
    api.C_Initialize(parameters === undefined ? {} : { flags: 0, libraryParameters: `${parameters} ` });
    try {
      return use(
        api,
        present(api.C_GetSlotList(true).find((slot) => api.C_GetTokenInfo(slot).label.trim() === hsm.label)),
      );
    } finally {
      api.C_Finalize();
      api.close();
    }
  }

  /** In a read-write session after C_Login. */
  function loggedIn<T>(use: (api: PKCS11, session: Buffer) => T, ...faults: string[]): T {
    return initialised(shimmed(hsm, ...faults), (api, slot) => {
      const session = api.C_OpenSession(slot, RW);
      api.C_Login(session, pkcs11js.CKU_USER, hsm.pin);
      return use(api, session);
    });
  }

  const TEMPORARY = { type: pkcs11js.CKA_TOKEN, value: false };

  function aesKey(api: PKCS11, session: Buffer, ...more: Template): Buffer {
    const uses = [pkcs11js.CKA_ENCRYPT, pkcs11js.CKA_DECRYPT].map((type) => ({ type, value: true }));
    const template = [
      TEMPORARY,
      { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
      { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
      ...uses,
      ...more,
    ];
    return api.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, template);
  }

  function genericKey(api: PKCS11, session: Buffer): Buffer {
    const template = [
      TEMPORARY,
      { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_GENERIC_SECRET },
      { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
      { type: pkcs11js.CKA_SIGN, value: true },
      { type: pkcs11js.CKA_VERIFY, value: true },
    ];
    return api.C_GenerateKey(session, { mechanism: pkcs11js.CKM_GENERIC_SECRET_KEY_GEN }, template);
  }

  const data = Buffer.from('what goes in');
  const TAG_BYTES = 16;
  const HMAC = { mechanism: pkcs11js.CKM_SHA256_HMAC };
  const CBC_PAD = { mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter: Buffer.alloc(16, 1) };

  describe('CKM_AES_GCM', () => {
    const aad = Buffer.from('aad');
    const withIvBits = (iv: Buffer) => ({
      mechanism: pkcs11js.CKM_AES_GCM,
      parameter: { type: 7, iv, ivBits: 8 * iv.length, aad, tagBits: 128 },
    });
    /** pkcs11js's own number for this layout sends the other one with ulIvBits not set; these parameters have the same shape. */
    const withoutIvBits = (iv: Buffer) => ({
      mechanism: pkcs11js.CKM_AES_GCM,
      parameter: { type: 28, wrapOID: iv, ukm: aad, key: Buffer.of(128, 0, 0, 0, 0, 0, 0, 0) },
    });
    const iv = Buffer.alloc(12, 2);

    it.each([
      ['gcm-no-iv-bits', withoutIvBits, withIvBits],
      ['gcm-iv-bits-only', withIvBits, withoutIvBits],
    ])('%s: takes one layout of the parameters and refuses the other', (fault, taken, refused) => {
      loggedIn((api, session) => {
        const key = aesKey(api, session);
        expect(() => api.C_EncryptInit(session, refused(iv), key)).toThrow('CKR_MECHANISM_PARAM_INVALID');
        expect(() => api.C_DecryptInit(session, refused(iv), key)).toThrow('CKR_MECHANISM_PARAM_INVALID');
        api.C_EncryptInit(session, taken(iv), key);
        const made = api.C_Encrypt(session, data, Buffer.alloc(100));
        expect(made).toHaveLength(data.length + TAG_BYTES);
        api.C_DecryptInit(session, taken(iv), key);
        expect(api.C_Decrypt(session, made, Buffer.alloc(100))).toEqual(data);
      }, fault);
    });

    it.each([
      ['gcm-own-iv', 12],
      ['gcm-own-iv:12', 12],
      ['gcm-own-iv:16', 16],
    ])("%s: the IV is the module's and stands behind the tag", (fault, bytes) => {
      loggedIn((api, session) => {
        const key = aesKey(api, session);
        const encrypt = (): Buffer => {
          api.C_EncryptInit(session, withIvBits(iv), key);
          return Buffer.from(api.C_Encrypt(session, data, Buffer.alloc(100)));
        };
        const decrypt = (made: Buffer, given: Buffer): Buffer => {
          api.C_DecryptInit(session, withIvBits(given), key);
          return Buffer.from(api.C_Decrypt(session, made, Buffer.alloc(100)));
        };
        const made = encrypt();
        const length = data.length + TAG_BYTES;
        expect(made).toHaveLength(length + bytes);
        expect(encrypt().subarray(length)).not.toEqual(made.subarray(length));
        expect(decrypt(made.subarray(0, length), made.subarray(length))).toEqual(data);
        expect(() => decrypt(made.subarray(0, length), iv)).toThrow('CKR_');
        expect(() => decrypt(made, made.subarray(length))).toThrow('CKR_');
      }, fault);
    });
  });

  describe('oaep-hash', () => {
    const SHA256 = { hashAlg: pkcs11js.CKM_SHA256, mgf: pkcs11js.CKG_MGF1_SHA256 };
    const SHA384 = { hashAlg: pkcs11js.CKM_SHA384, mgf: pkcs11js.CKG_MGF1_SHA384 };
    const SHA1 = { hashAlg: pkcs11js.CKM_SHA_1, mgf: pkcs11js.CKG_MGF1_SHA1 };
    const oaep = (hash: typeof SHA1) => ({
      mechanism: pkcs11js.CKM_RSA_PKCS_OAEP,
      parameter: { type: pkcs11js.CK_PARAMS_RSA_OAEP, source: 1, ...hash },
    });

    function pair(api: PKCS11, session: Buffer): pkcs11js.KeyPair {
      return api.C_GenerateKeyPair(
        session,
        { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN },
        [
          TEMPORARY,
          { type: pkcs11js.CKA_MODULUS_BITS, value: 2048 },
          { type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.of(1, 0, 1) },
          { type: pkcs11js.CKA_ENCRYPT, value: true },
        ],
        [
          TEMPORARY,
          { type: pkcs11js.CKA_DECRYPT, value: true },
          { type: pkcs11js.CKA_SENSITIVE, value: false },
          { type: pkcs11js.CKA_EXTRACTABLE, value: true },
        ],
      );
    }

    it('does OAEP with the hashes that are listed and no other, as OpenSSL does', () => {
      loggedIn(
        (api, session) => {
          const { publicKey, privateKey } = pair(api, session);
          const decrypt = (hash: typeof SHA1, made: Buffer): Buffer => {
            api.C_DecryptInit(session, oaep(hash), privateKey);
            return Buffer.from(api.C_Decrypt(session, made, Buffer.alloc(512)));
          };
          const key = openKey(api, session, privateKey);
          for (const [hash, oaepHash] of [
            [SHA256, 'sha256'],
            [SHA384, 'sha384'],
          ] as const) {
            api.C_EncryptInit(session, oaep(hash), publicKey);
            const made = Buffer.from(api.C_Encrypt(session, data, Buffer.alloc(512)));
            expect(made).toHaveLength(256);
            expect(decrypt(hash, made)).toEqual(data);
            expect(privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, made)).toEqual(data);
            const theirs = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, data);
            expect(decrypt(hash, theirs)).toEqual(data);
            expect(() => decrypt(hash === SHA256 ? SHA384 : SHA256, theirs)).toThrow('CKR_ENCRYPTED_DATA_INVALID');
          }
          expect(() => api.C_EncryptInit(session, oaep(SHA1), publicKey)).toThrow('CKR_ARGUMENTS_BAD');
          expect(() => api.C_DecryptInit(session, oaep(SHA1), privateKey)).toThrow('CKR_ARGUMENTS_BAD');
        },
        'oaep-hash:0x250',
        'oaep-hash:0x260',
      );
    });

    function openKey(api: PKCS11, session: Buffer, key: Buffer): KeyObject {
      const names = {
        n: 'CKA_MODULUS',
        e: 'CKA_PUBLIC_EXPONENT',
        d: 'CKA_PRIVATE_EXPONENT',
        p: 'CKA_PRIME_1',
        q: 'CKA_PRIME_2',
        dp: 'CKA_EXPONENT_1',
        dq: 'CKA_EXPONENT_2',
        qi: 'CKA_COEFFICIENT',
      } as const;
      const values = Object.entries(names).map(([name, attribute]) => {
        const [found] = api.C_GetAttributeValue(session, key, [{ type: pkcs11js[attribute] }]);
        return [name, present(found).value.toString('base64url')] as const;
      });
      return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(values) }, format: 'jwk' });
    }
  });

  it('buffer-too-small: wants more room, and the operation stays active', () => {
    loggedIn((api, session) => {
      const key = aesKey(api, session);
      api.C_EncryptInit(session, CBC_PAD, key);
      expect(() => api.C_Encrypt(session, data, Buffer.alloc(1024))).toThrow('CKR_BUFFER_TOO_SMALL');
      const made = Buffer.from(api.C_Encrypt(session, data, Buffer.alloc(data.length + 4096)));
      api.C_DecryptInit(session, CBC_PAD, key);
      expect(() => api.C_Decrypt(session, made, Buffer.alloc(1024))).toThrow('CKR_BUFFER_TOO_SMALL');
      expect(api.C_Decrypt(session, made, Buffer.alloc(8192))).toEqual(data);
      api.C_SignInit(session, HMAC, genericKey(api, session));
      expect(() => api.C_Sign(session, data, Buffer.alloc(1024))).toThrow('CKR_BUFFER_TOO_SMALL');
      expect(api.C_Sign(session, data, Buffer.alloc(4096))).toHaveLength(32);
    }, 'buffer-too-small');
  });

  it('input-limit: refuses longer input, which ends the operation', () => {
    loggedIn((api, session) => {
      const [key, mac] = [aesKey(api, session), genericKey(api, session)];
      const long = Buffer.alloc(65);
      api.C_EncryptInit(session, CBC_PAD, key);
      expect(() => api.C_Encrypt(session, long, Buffer.alloc(512))).toThrow('CKR_DATA_LEN_RANGE');
      expect(() => api.C_Encrypt(session, data, Buffer.alloc(512))).toThrow('CKR_OPERATION_NOT_INITIALIZED');
      api.C_DecryptInit(session, CBC_PAD, key);
      expect(() => api.C_Decrypt(session, long, Buffer.alloc(512))).toThrow('CKR_DATA_LEN_RANGE');
      expect(() => api.C_Decrypt(session, data, Buffer.alloc(512))).toThrow('CKR_OPERATION_NOT_INITIALIZED');
      api.C_SignInit(session, HMAC, mac);
      expect(() => api.C_Sign(session, long, Buffer.alloc(512))).toThrow('CKR_DATA_LEN_RANGE');
      expect(() => api.C_SignUpdate(session, data)).toThrow('CKR_OPERATION_NOT_INITIALIZED');
      api.C_SignInit(session, HMAC, mac);
      api.C_SignUpdate(session, long.subarray(0, 64));
      api.C_SignUpdate(session, long.subarray(64));
      const made = Buffer.from(api.C_SignFinal(session, Buffer.alloc(512)));
      api.C_VerifyInit(session, HMAC, mac);
      expect(() => api.C_Verify(session, long, made)).toThrow('CKR_DATA_LEN_RANGE');
      expect(() => api.C_VerifyUpdate(session, data)).toThrow('CKR_OPERATION_NOT_INITIALIZED');
      api.C_VerifyInit(session, HMAC, mac);
      api.C_VerifyUpdate(session, long.subarray(0, 32));
      api.C_VerifyUpdate(session, long.subarray(32, 65));
      expect(api.C_VerifyFinal(session, made)).toBe(true);
      for (const [init, update] of [
        ['C_SignInit', 'C_SignUpdate'],
        ['C_VerifyInit', 'C_VerifyUpdate'],
      ] as const) {
        api[init](session, HMAC, mac);
        expect(() => api[update](session, long)).toThrow('CKR_DATA_LEN_RANGE');
        expect(() => api[update](session, data)).toThrow('CKR_OPERATION_NOT_INITIALIZED');
      }
    }, 'input-limit:64');
  });

  it('no-random: has no C_GenerateRandom', () => {
    loggedIn(
      (api, session) =>
        expect(() => api.C_GenerateRandom(session, Buffer.alloc(8))).toThrow('CKR_FUNCTION_NOT_SUPPORTED'),
      'no-random',
    );
  });

  it('no-generic-hmac: refuses a generic secret for an HMAC and takes an AES key', () => {
    loggedIn((api, session) => {
      const generic = genericKey(api, session);
      expect(() => api.C_SignInit(session, HMAC, generic)).toThrow('CKR_KEY_TYPE_INCONSISTENT');
      expect(() => api.C_VerifyInit(session, HMAC, generic)).toThrow('CKR_KEY_TYPE_INCONSISTENT');
      const key = aesKey(
        api,
        session,
        { type: pkcs11js.CKA_SIGN, value: true },
        { type: pkcs11js.CKA_VERIFY, value: true },
      );
      expect(present(api.C_GetAttributeValue(session, key, [{ type: pkcs11js.CKA_KEY_TYPE }])[0]).value[0]).toBe(
        pkcs11js.CKK_AES,
      );
      api.C_SignInit(session, HMAC, key);
      const made = Buffer.from(api.C_Sign(session, data, Buffer.alloc(64)));
      api.C_VerifyInit(session, HMAC, key);
      expect(api.C_Verify(session, data, made)).toBe(true);
    }, 'no-generic-hmac');
  });

  it('no-generic-keygen: makes no generic secret', () => {
    loggedIn(
      (api, session) => expect(() => genericKey(api, session)).toThrow('CKR_MECHANISM_INVALID'),
      'no-generic-keygen',
    );
  });

  it('without-mechanism: neither lists nor starts it', () => {
    const shim = shimmed(hsm, 'without-mechanism:0x1085', 'without-mechanism:0x251');
    initialised(shim, (api, slot) => {
      const types = api.C_GetMechanismList(slot);
      expect(types).not.toContain(pkcs11js.CKM_AES_CBC_PAD);
      expect(types).not.toContain(pkcs11js.CKM_SHA256_HMAC);
      expect(types).toContain(pkcs11js.CKM_AES_CBC);
      expect(() => api.C_GetMechanismInfo(slot, pkcs11js.CKM_AES_CBC_PAD)).toThrow('CKR_MECHANISM_INVALID');
      const session = api.C_OpenSession(slot, RW);
      api.C_Login(session, pkcs11js.CKU_USER, hsm.pin);
      const key = aesKey(api, session);
      const mac = genericKey(api, session);
      for (const init of ['C_EncryptInit', 'C_DecryptInit'] as const)
        expect(() => api[init](session, CBC_PAD, key)).toThrow('CKR_MECHANISM_INVALID');
      for (const init of ['C_SignInit', 'C_VerifyInit'] as const)
        expect(() => api[init](session, HMAC, mac)).toThrow('CKR_MECHANISM_INVALID');
      api.C_EncryptInit(session, { ...CBC_PAD, mechanism: pkcs11js.CKM_AES_CBC }, key);
    });
  });

  it('padded-labels: tells and finds labels with blanks only', () => {
    loggedIn((api, session) => {
      const key = aesKey(api, session, { type: pkcs11js.CKA_LABEL, value: 'short' });
      const [label] = api.C_GetAttributeValue(session, key, [{ type: pkcs11js.CKA_LABEL }]);
      expect(present(label).value.toString()).toBe('short'.padEnd(32));
      const count = (value: string): number => {
        api.C_FindObjectsInit(session, [
          { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
          { type: pkcs11js.CKA_LABEL, value },
        ]);
        const found = api.C_FindObjects(session, 10);
        api.C_FindObjectsFinal(session);
        return found.length;
      };
      expect([count('short'), count('short'.padEnd(32)), count('other'.padEnd(32))]).toEqual([0, 1, 0]);
    }, 'padded-labels');
  });

  it('rw-forbidden, ro-forbidden, max-sessions: limit C_OpenSession', () => {
    const RO = pkcs11js.CKF_SERIAL_SESSION;
    initialised(shimmed(hsm, 'rw-forbidden'), (api, slot) => {
      expect(() => api.C_OpenSession(slot, RW)).toThrow('CKR_TOKEN_WRITE_PROTECTED');
      api.C_OpenSession(slot, RO);
    });
    initialised(shimmed(hsm, 'ro-forbidden'), (api, slot) => {
      expect(() => api.C_OpenSession(slot, RO)).toThrow('CKR_FUNCTION_FAILED');
      api.C_OpenSession(slot, RW);
    });
    initialised(shimmed(hsm, 'max-sessions:2'), (api, slot) => {
      const first = api.C_OpenSession(slot, RO);
      api.C_OpenSession(slot, RO);
      expect(() => api.C_OpenSession(slot, RO)).toThrow('CKR_SESSION_COUNT');
      api.C_CloseSession(first);
      api.C_OpenSession(slot, RO);
      api.C_CloseAllSessions(slot);
      api.C_OpenSession(slot, RO);
    });
  });

  it('already-initialised, already-logged-in: does it, and says that it was done before', () => {
    const shim = shimmed(hsm, 'already-initialised', 'already-logged-in');
    expect(() => initialised(shim, () => null)).toThrow('CKR_CRYPTOKI_ALREADY_INITIALIZED');
    const api = new pkcs11js.PKCS11();
    api.load(shim.lib);
    const slot = present(api.C_GetSlotList(true)[0]); // still initialised
    const session = api.C_OpenSession(slot, RW);
    expect(() => api.C_Login(session, pkcs11js.CKU_USER, hsm.pin)).toThrow('CKR_USER_ALREADY_LOGGED_IN');
    expect(aesKey(api, session)).toHaveLength(8);
    api.C_Finalize();
    api.close();
  });

  it('library-parameters: starts with that text only', () => {
    const text = "configdir='sql:/a b' flags=readOnly";
    const shim = shimmed(hsm, `library-parameters:${text}`);
    expect(initialised(shim, () => 'started', text)).toBe('started');
    expect(() => initialised(shim, () => null, `${text},more`)).toThrow('CKR_ARGUMENTS_BAD');
    expect(() => initialised(shim, () => null)).toThrow('CKR_ARGUMENTS_BAD');
  });

  it('logs mechanisms and flags where it is told to', () => {
    const shim = shimmed(hsm);
    process.env['COFFER_SHIM_LOG_DETAIL'] = '1';
    try {
      initialised(shim, (api, slot) => {
        const session = api.C_OpenSession(slot, RW);
        api.C_Login(session, pkcs11js.CKU_USER, hsm.pin);
        api.C_SignInit(session, HMAC, genericKey(api, session));
      });
    } finally {
      delete process.env['COFFER_SHIM_LOG_DETAIL'];
    }
    expect(shim.calls()).toEqual(
      expect.arrayContaining([
        'C_Initialize',
        'C_OpenSession 0x6',
        'C_GenerateKey 0x350',
        'C_SignInit 0x251',
        'C_Finalize',
      ]),
    );
  });
});

describe('a session copes', () => {
  let hsm: SoftHsm;
  beforeAll(async () => {
    hsm = freshToken();
    await onToken(hsm, (session) => {
      session.generateAesKey('wrapping', null);
      session.generateHmacKey('mac', null);
    });
  });

  function through<T>(
    use: (session: Session, wrapping: Key, mac: Key) => T,
    ...faults: string[]
  ): Promise<{ result: T; calls: string[] }> {
    const shim = shimmed(hsm, ...faults);
    return withSession(optionsFor(hsm, shim), async (session) => {
      const [wrapping, mac] = ['wrapping', 'mac'].map((label) =>
        present(session.findKeys({ class: 'secret', label, id: null })[0]),
      );
      shim.clear();
      return { result: use(session, present(wrapping), present(mac)), calls: shim.calls() };
    });
  }

  const data = new Uint8Array(10_000).fill(3);
  const altered = new Uint8Array(10_000).fill(3).fill(4, 9_999);
  const hmac = { type: CKM.SHA256_HMAC };
  const gcm = { type: CKM.AES_GCM, iv: new Uint8Array(12), aad: new Uint8Array(0) };

  it('with a limit on input: a long message is verified in parts, and an altered one is not right', async () => {
    const { result: tag } = await through((session, _, mac) => session.sign(mac, hmac, data));
    const { result, calls } = await through(
      (session, _, mac) => [session.verify(mac, hmac, data, tag), session.verify(mac, hmac, altered, tag)],
      'input-limit:256',
    );
    expect(result).toEqual([true, false]);
    expect(calls.filter((name) => name === 'C_VerifyFinal')).toHaveLength(2);
    await through(
      (session, _, mac) => expect(() => session.sign(mac, hmac, data)).toThrow('CKR_DATA_LEN_RANGE'),
      'input-limit:256',
    );
  });

  it('with the other layout of CK_GCM_PARAMS: it is refused once, and remembered', async () => {
    const { result, calls } = await through((session, wrapping) => {
      const made = session.encrypt(wrapping, gcm, data);
      return session.decrypt(wrapping, gcm, made);
    }, 'gcm-no-iv-bits');
    expect(result).toEqual(data);
    expect(calls).toEqual(['C_EncryptInit', 'C_EncryptInit', 'C_Encrypt', 'C_DecryptInit', 'C_Decrypt']);
  });

  it('with CKR_BUFFER_TOO_SMALL: the same operation gets more room', async () => {
    const { result, calls } = await through(
      (session, wrapping) => session.decrypt(wrapping, gcm, session.encrypt(wrapping, gcm, data)),
      'buffer-too-small',
    );
    expect(result).toEqual(data);
    expect(calls).toEqual(['C_EncryptInit', 'C_Encrypt', 'C_Encrypt', 'C_DecryptInit', 'C_Decrypt', 'C_Decrypt']);
  });

  it('with a token that forbids read-write sessions, where one was only wanted', async () => {
    const shim = shimmed(hsm, 'rw-forbidden');
    await withSession(optionsFor(hsm, shim, { readWrite: 'wanted' }), async (session) =>
      expect(session.findKeys({ class: 'secret', label: 'mac', id: null })).toHaveLength(1),
    );
    expect(shim.calls().filter((name) => name === 'C_OpenSession')).toHaveLength(2);
    const error = await failure(withSession(optionsFor(hsm, shim, { readWrite: true }), async () => null));
    expect(error.message).toContain('CKR_TOKEN_WRITE_PROTECTED');
  });

  it('with padded labels: a second search finds what the first does not', async () => {
    const { result } = await through(
      (session) => session.findKeys({ class: 'secret', label: 'mac', id: null }).map(({ label }) => label),
      'padded-labels',
    );
    expect(result).toEqual(['mac'.padEnd(32)]);
  });
});
