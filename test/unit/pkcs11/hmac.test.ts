import { createHmac, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CKM, type Key, type Mechanism, type Session } from '../../../src/pkcs11/index.ts';
import { importKey, type SoftHsm } from '../../support/softhsm.ts';
import { freshToken, onToken, present } from './fixture.ts';

const HMAC: Mechanism = { type: CKM.SHA256_HMAC };

/** RFC 4231 section 4.7: a key longer than the block, and one that SoftHSM accepts by length. */
const RFC_KEY = Buffer.alloc(131, 0xaa);
const RFC_DATA = Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First');
const RFC_HMAC = '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54';

const VALUE = randomBytes(32);
let hsm: SoftHsm;
beforeAll(() => {
  hsm = freshToken();
  importKey(hsm, { label: 'rfc', id: '01', type: 'generic', value: RFC_KEY });
  importKey(hsm, { label: 'known', id: '02', type: 'generic', value: VALUE });
});

function withKey<T>(label: string, use: (session: Session, key: Key) => T): Promise<T> {
  return onToken(hsm, (session) => use(session, present(session.findKeys({ class: 'secret', label, id: null })[0])));
}

describe('sign and verify with CKM_SHA256_HMAC', () => {
  it('makes the HMAC of RFC 4231 test case 6', async () => {
    const mac = await withKey('rfc', (session, key) => session.sign(key, HMAC, RFC_DATA));
    expect(Buffer.from(mac).toString('hex')).toBe(RFC_HMAC);
  });

  it.each([0, 1, 64, 1000, 1_000_000])('agrees with node:crypto over %i bytes', async (length) => {
    const data = randomBytes(length);
    const theirs = createHmac('sha256', VALUE).update(data).digest();
    const [ours, verdict] = await withKey('known', (session, key) => [
      session.sign(key, HMAC, data),
      session.verify(key, HMAC, data, theirs),
    ]);
    expect(ours).toEqual(new Uint8Array(theirs));
    expect(verdict).toBe(true);
  });

  it('is false for another signature, other data, and a signature of the wrong length', async () => {
    const data = randomBytes(40);
    const mac = createHmac('sha256', VALUE).update(data).digest();
    const verdicts = await withKey('known', (session, key) => [
      session.verify(
        key,
        HMAC,
        data,
        mac.map((byte, i) => (i === 31 ? byte ^ 1 : byte)),
      ),
      session.verify(key, HMAC, randomBytes(40), mac),
      session.verify(key, HMAC, data, mac.subarray(0, 31)),
      session.verify(key, HMAC, data, new Uint8Array(0)),
      session.verify(key, HMAC, data, mac),
    ]);
    expect(verdicts).toEqual([false, false, false, false, true]);
  });
});
