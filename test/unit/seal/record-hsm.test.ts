import crypto from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import type { Pkcs11SealConfig } from '../../../src/config/types.ts';
import { IntegrityError } from '../../../src/errors.ts';
import { type Cipher, CKM, withSession } from '../../../src/pkcs11/index.ts';
import { type MacStanza, openRecord, pkcs11Seal, readRecord, type Seal, type Wrap } from '../../../src/seal/index.ts';
import { encodeHeader, RECORD_VERSION } from '../../../src/seal/record.ts';
import { NO_MEMORY, PLAIN_LOGIN } from '../../support/login.ts';
import { createSoftHsm, importKey, type SoftHsm } from '../../support/softhsm.ts';
import { readRecords } from './records.ts';
import { bytes } from '../../support/vectors.ts';

/** The vectors with the HSM keys that made them, in a real token. */

const { cases, hsmKeys, hmacKey } = readRecords();
const dir = mkdtempSync(join(tmpdir(), 'coffer-formats-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let hsm: SoftHsm;
beforeAll(() => {
  hsm = createSoftHsm({ dir });
  for (const { label, id, value } of hsmKeys) importKey(hsm, { label, id, type: 'aes', value: bytes(value) });
  importKey(hsm, { label: hmacKey.label, id: hmacKey.id, type: 'generic', value: bytes(hmacKey.value) });
});

function withSeal<T>(
  withHmacKey: boolean,
  use: (seal: Seal) => Promise<T>,
  verify: Cipher['verify'] | null = null,
): Promise<T> {
  Object.assign(process.env, hsm.env);
  const token = { slot: null, label: hsm.label, serial: null, manufacturer: null, model: null };
  const config: Pkcs11SealConfig = {
    type: 'pkcs11',
    name: 'pkcs11',
    lib: hsm.lib,
    libraryParameters: null,
    token,
    pin: null,
    key: { label: 'hsm_demo', id: null, class: null },
    hmacKey: withHmacKey ? { label: hmacKey.label, id: null } : null,
    previousKeys: [],
    previousHmacKeys: [],
    defaultKeyLabel: null,
    defaultHmacKeyLabel: null,
    rsaOaepHash: null,
    rsaEncryptLocal: false,
    maxParallel: 1,
    mechanism: null,
    hmacMechanism: null,
    generateKey: false,
    forceRwSession: false,
    anchor: 'off',
    timeout: null,
  };
  const options = {
    module: { lib: hsm.lib, parameters: null },
    token,
    readWrite: false,
    pin: async () => hsm.pin,
    ...PLAIN_LOGIN,
    pinMemory: NO_MEMORY,
  };
  return withSession(options, (session) =>
    use(pkcs11Seal(config, session, verify === null ? {} : { cipher: { ...session, verify } })),
  );
}

describe('a token with the keys of the vectors', () => {
  it.each(cases)('opens $name', async ({ bytes: whole, place, key, body, context, mac_stanza: stanza }) => {
    const opened = await withSeal(stanza !== null, (seal) => openRecord(seal, bytes(whole), place, 'the vector'));
    expect(hex(opened.key)).toBe(key);
    expect(hex(opened.body)).toBe(body);
    expect(hex(opened.context)).toBe(context);
  });

  it.each(cases)('refuses $name at another place', async ({ bytes: whole, place, mac_stanza: stanza }) => {
    const opening = withSeal(stanza !== null, (seal) => openRecord(seal, bytes(whole), `${place}x`, 'the vector'));
    await expect(opening).rejects.toThrow(IntegrityError);
  });
});

/** A vector with another header in front of its body. */
function withHeader(
  whole: Uint8Array,
  change: (was: { wraps: readonly Wrap[]; macStanza: MacStanza | null }) => {
    wraps: readonly Wrap[];
    macStanza: MacStanza | null;
  },
): Uint8Array {
  const record = readRecord(whole, 'the vector');
  const { wraps, macStanza } = change(record);
  return new Uint8Array([...encodeHeader(record.context, wraps, macStanza), ...whole.subarray(record.header.length)]);
}

/** How often a body is decrypted meanwhile. */
async function decipherments(run: () => Promise<unknown>): Promise<number> {
  const real = crypto.createDecipheriv;
  const counted = vi.fn(real);
  Object.assign(crypto, { createDecipheriv: counted });
  syncBuiltinESMExports();
  try {
    await run();
    return counted.mock.calls.length;
  } finally {
    Object.assign(crypto, { createDecipheriv: real });
    syncBuiltinESMExports();
  }
}

async function failure(withHmacKey: boolean, record: Uint8Array, place: string): Promise<unknown> {
  return withSeal(withHmacKey, (seal) => openRecord(seal, record, place, 'the vector')).catch(
    (error: unknown) => error,
  );
}

describe('a record that no HMAC vouches for', () => {
  const present = cases.filter(({ version }) => version === RECORD_VERSION);
  const [plain] = present.filter(({ mac_stanza: stanza }) => stanza === null);
  const [vouched] = present.filter(({ mac_stanza: stanza }) => stanza !== null);
  if (plain === undefined || vouched === undefined) throw new Error('the vectors lack a record of each kind');
  const otherCiphertext = (wrap: Wrap): Wrap => ({ ...wrap, ciphertext: wrap.ciphertext.map((byte) => byte ^ 0x55) });
  const nowhere = (stanza: MacStanza | null): MacStanza | null =>
    stanza === null ? null : { ...stanza, keyLabel: 'nowhere', keyId: new Uint8Array(0) };

  it('fails in one way, whether the HSM rejects its wrap or its body does not authenticate', async () => {
    const whole = bytes(plain.bytes);
    const rejected = withHeader(whole, ({ wraps }) => ({ wraps: wraps.map(otherCiphertext), macStanza: null }));
    const altered = whole.map((byte, at) => (at === whole.length - 1 ? byte ^ 1 : byte));
    expect(await failure(false, rejected, plain.place)).toEqual(await failure(false, altered, plain.place));
    expect(await failure(false, rejected, plain.place)).toBeInstanceOf(IntegrityError);
  });

  // The count is of calls that vi.spyOn sees, and Bun's named imports of node:crypto stay as they are.
  it.skipIf(process.versions['bun'] !== undefined)(
    'is worked on alike, whether the HSM rejects its wrap or its body does not authenticate',
    async () => {
      const whole = bytes(plain.bytes);
      const rejected = withHeader(whole, ({ wraps }) => ({ wraps: wraps.map(otherCiphertext), macStanza: null }));
      const altered = whole.map((byte, at) => (at === whole.length - 1 ? byte ^ 1 : byte));
      expect(await decipherments(() => failure(false, rejected, plain.place))).toBe(1);
      expect(await decipherments(() => failure(false, altered, plain.place))).toBe(1);
    },
  );

  it('fails in the same way when the HMAC key that it names is not there', async () => {
    const whole = bytes(vouched.bytes);
    const unnamed = withHeader(whole, ({ wraps, macStanza }) => ({ wraps, macStanza: nowhere(macStanza) }));
    const rejected = withHeader(whole, ({ wraps, macStanza }) => ({
      wraps: wraps.map(otherCiphertext),
      macStanza: nowhere(macStanza),
    }));
    expect(await failure(true, unnamed, vouched.place)).toBeInstanceOf(IntegrityError);
    expect(await failure(true, rejected, vouched.place)).toEqual(await failure(true, unnamed, vouched.place));
  });

  it.each([CKM.AES_CBC_PAD, CKM.AES_CBC])('is never decrypted with the malleable mechanism %i', async (mechanism) => {
    const iv = new Uint8Array(16);
    const record = withHeader(bytes(plain.bytes), ({ wraps }) => ({
      wraps: wraps.map((wrap) => ({ ...wrap, mechanism, parameters: iv, ciphertext: new Uint8Array(48) })),
      macStanza: null,
    }));
    let decryptions = 0;
    const opening = withSeal(false, (seal) =>
      openRecord(
        { ...seal, unwrapKey: async (wrap) => (decryptions++, seal.unwrapKey(wrap)) },
        record,
        plain.place,
        'the vector',
      ),
    );
    await expect(opening).rejects.toThrow(IntegrityError);
    expect(decryptions).toBe(0);
  });
});

describe('an HMAC of another length', () => {
  const vouched = cases.filter(({ mac_stanza: stanza }) => stanza !== null);
  const lengths = [0, 1, 31, 33].flatMap((length) => vouched.map((vector) => [length, vector.name, vector] as const));

  it.each(lengths)(
    'is refused with %i bytes, also where the module takes a part of one for the whole: %s',
    async (length, _, { bytes: whole, place }) => {
      const { authenticated, mac } = readRecord(bytes(whole), 'the vector');
      const other = Uint8Array.from({ length }, (_, at) => mac[at] ?? 0);
      const record = new Uint8Array([...authenticated, length, ...other]);
      let asked = 0;
      const opening = withSeal(
        true,
        (seal) => openRecord(seal, record, place, 'the vector'),
        () => ++asked > 0,
      );
      await expect(opening).rejects.toMatchObject({ code: 'record_altered' });
      expect(asked).toBe(0);
    },
  );
});
