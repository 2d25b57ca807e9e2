import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hex } from '../../../src/bytes.ts';
import type { Pkcs11SealConfig } from '../../../src/config/types.ts';
import { IntegrityError } from '../../../src/errors.ts';
import { withSession } from '../../../src/pkcs11/index.ts';
import { openRecord, pkcs11Seal } from '../../../src/seal/index.ts';
import type { Seal } from '../../../src/seal/index.ts';
import { createSoftHsm, importKey, type SoftHsm } from '../../support/softhsm.ts';
import { readRecords } from './records.ts';
import { bytes } from './vectors.ts';

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

function withSeal<T>(withHmacKey: boolean, use: (seal: Seal) => Promise<T>): Promise<T> {
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
    defaultKeyLabel: null,
    defaultHmacKeyLabel: null,
    rsaOaepHash: null,
    rsaEncryptLocal: false,
    maxParallel: 1,
    mechanism: null,
    hmacMechanism: null,
    generateKey: false,
    forceRwSession: false,
  };
  const options = {
    module: { lib: hsm.lib, parameters: null },
    token,
    readWrite: false,
    pin: async () => hsm.pin,
    pinPad: () => undefined,
    forceLogin: false,
  };
  return withSession(options, (session) => use(pkcs11Seal(config, session)));
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
