import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { gcmDecrypt, gcmEncrypt } from '../../src/aead.ts';
import { hex } from '../../src/bytes.ts';
import { rootMac } from '../../src/core/unsealed/root-mac.ts';
import { bytes, readVectors, the } from '../support/vectors.ts';

interface Standards {
  readonly aes_gcm: readonly {
    name: string;
    key: string;
    iv: string;
    additional_data: string;
    plaintext: string;
    ciphertext: string;
    tag: string;
  }[];
  readonly hkdf_sha256: readonly {
    name: string;
    key: string;
    salt: string;
    info: string;
    length: number;
    output: string;
  }[];
}

const standards = readVectors('standards') as Standards;

describe('AES-256-GCM', () => {
  it.each(standards.aes_gcm)('$name', (vector) => {
    const key = bytes(vector.key);
    const iv = bytes(vector.iv);
    const additionalData = bytes(vector.additional_data);
    const plaintext = bytes(vector.plaintext);
    const sealed = bytes(vector.ciphertext + vector.tag);
    expect(gcmEncrypt(key, iv, additionalData, plaintext)).toEqual(sealed);
    expect(gcmDecrypt(key, iv, additionalData, sealed)).toEqual(plaintext);
  });

  it('gives null for fewer bytes than a tag has', () => {
    for (let length = 0; length < 16; length++) {
      expect(gcmDecrypt(new Uint8Array(32), new Uint8Array(12), new Uint8Array(0), new Uint8Array(length))).toBeNull();
    }
  });
});

describe('HKDF-SHA256', () => {
  it.each(standards.hkdf_sha256)('$name', ({ key, salt, info, length, output }) => {
    expect(hex(new Uint8Array(hkdfSync('sha256', bytes(key), bytes(salt), bytes(info), length)))).toBe(output);
  });

  it('gives the key of rootMac: no salt, the purpose as info, 32 bytes', () => {
    const vector = the(standards.hkdf_sha256.find(({ salt, info }) => salt === '' && info === ''));
    const message = bytes('00ff');
    const expected = createHmac('sha256', bytes(vector.output).subarray(0, 32)).update(message).digest();
    expect(hex(rootMac(bytes(vector.key), '', message))).toBe(hex(expected));
  });
});
