import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Cipher, CKM, type Key, type Session, withSession } from '../../../src/pkcs11/index.ts';
import { failure, freshToken, onToken, optionsFor, present, shimmed } from './fixture.ts';

const hsm = freshToken();
const cbc = { type: CKM.AES_CBC_PAD, iv: new Uint8Array(16) };
const hmac = { type: CKM.SHA256_HMAC };
const data = new Uint8Array(randomBytes(100));
const long = new Uint8Array(randomBytes(1000));

interface Keys {
  readonly wrapping: Key;
  readonly mac: Key;
}

function withKeys<T>(faults: readonly string[], use: (session: Session, keys: Keys) => Promise<T>): Promise<T> {
  const shim = shimmed(hsm, ...faults);
  return withSession(optionsFor(hsm, shim, { readWrite: true }), async (session) => {
    const label = randomBytes(8).toString('hex');
    return use(session, { wrapping: session.generateAesKey(label, null), mac: session.generateHmacKey(label, null) });
  });
}

describe('sessions side by side', () => {
  it('do what the first one does', async () => {
    await withKeys([], async (session, { wrapping, mac }) => {
      const ciphers = session.openCiphers(3);
      expect(ciphers).toHaveLength(3);
      await Promise.all(
        Array.from({ length: 60 }, async (_, at) => {
          const cipher = present(ciphers[at % 3]);
          if (at >= 3) return;
          for (let turn = 0; turn < 20; turn++) {
            const sealed = await cipher.encrypt(wrapping, cbc, data);
            expect(sealed).toEqual(session.encrypt(wrapping, cbc, data));
            expect(await cipher.decrypt(wrapping, cbc, sealed)).toEqual(data);
            const tag = await cipher.sign(mac, hmac, sealed);
            expect(await cipher.verify(mac, hmac, sealed, tag)).toBe(true);
            expect(await cipher.verify(mac, hmac, data, tag)).toBe(false);
          }
        }),
      );
    });
  });

  it('are as many as the token has', async () => {
    await withKeys(['max-sessions:2'], async (session) => expect(session.openCiphers(4)).toHaveLength(1));
    await withKeys(['max-sessions:1'], async (session) => expect(session.openCiphers(4)).toHaveLength(0));
  });

  it('are read-write where the first one has to be', async () => {
    await withKeys(['ro-forbidden'], async (session) => expect(session.openCiphers(2)).toHaveLength(2));
  });

  it('name the function and the key in an error', async () => {
    await withKeys(['fail:C_Decrypt:0x30'], async (session, { wrapping }) => {
      const [cipher] = session.openCiphers(1);
      const error = await failure(Promise.resolve(present(cipher).decrypt(wrapping, cbc, data)));
      expect(error.message).toBe(
        `C_Decrypt (CKM_AES_CBC_PAD, key "${wrapping.label}") failed: CKR_DEVICE_ERROR (0x30)`,
      );
    });
  });

  it.each([
    ['no habit'],
    ['buffer-too-small'],
    ['input-limit:256'],
    ['input-limit:256,keeps-failed'],
    ['fail:C_Verify:0x7'],
    ['fail:C_Verify:0x30'],
    ['fail:C_VerifyInit:0x68'],
    ['fail:C_VerifyInit:0x54'],
  ])('go the same way as the first one with %s', async (habit) => {
    const label = randomBytes(8).toString('hex');
    const right = await onToken(hsm, (session) => {
      session.generateAesKey(label, null);
      return session.sign(session.generateHmacKey(`${label}-mac`, null), hmac, long);
    });
    const shim = shimmed(hsm, ...(habit === 'no habit' ? [] : habit.split(',')));
    await withSession(optionsFor(hsm, shim), async (session) => {
      const [wrapping, mac] = [label, `${label}-mac`].map((name) =>
        present(session.findKeys({ class: 'secret', label: name, id: null })[0]),
      );
      const work = async (cipher: Cipher): Promise<unknown> => {
        shim.clear();
        const short = data.subarray(0, 32);
        const opened = await cipher.decrypt(
          present(wrapping),
          cbc,
          await cipher.encrypt(present(wrapping), cbc, short),
        );
        const tag = await cipher.sign(present(mac), hmac, short);
        const signed = [
          [short, tag],
          [long, right],
          [long, tag],
        ] as const;
        const verdicts = [];
        for (const [message, signature] of signed)
          verdicts.push(await cipher.verify(present(mac), hmac, message, signature));
        return { opened, verdicts, calls: shim.calls() };
      };
      const [background] = session.openCiphers(1);
      const expected = await work(session);
      expect(expected).toMatchObject({ opened: data.subarray(0, 32), verdicts: [true, true, false] });
      expect(await work(present(background))).toEqual(expected);
    });
  });
});
