import { aessiv } from '@noble/ciphers/aes.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AesSiv } from '../../src/aes-siv.ts';
import { hex } from '../../src/bytes.ts';
import { bytes, readVectors, withOneBitChanged } from '../support/vectors.ts';

// @noble/ciphers, whose AES-SIV was made by others from the same RFC, is the oracle.

const { aes_siv: vectors } = readVectors('standards') as {
  readonly aes_siv: readonly {
    name: string;
    key: string;
    associated_data: string[];
    plaintext: string;
    output: string;
  }[];
};

function sivEncrypt(secret: Uint8Array, texts: readonly Uint8Array[], plaintext: Uint8Array): Uint8Array {
  const siv = new AesSiv(secret);
  return siv.encrypt(siv.bind(texts), plaintext);
}

function sivDecrypt(secret: Uint8Array, texts: readonly Uint8Array[], sealed: Uint8Array): Uint8Array | null {
  const siv = new AesSiv(secret);
  return siv.decrypt(siv.bind(texts), sealed);
}

const key = fc.constantFrom(32, 48, 64).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const data = fc.uint8Array({ maxLength: 80 });
const associatedData = fc.array(data, { maxLength: 6 });

describe('AES-SIV', () => {
  it.each(vectors)('$name', (vector) => {
    const [vectorKey, texts] = [bytes(vector.key), vector.associated_data.map(bytes)];
    expect(hex(sivEncrypt(vectorKey, texts, bytes(vector.plaintext)))).toBe(vector.output);
    expect(sivDecrypt(vectorKey, texts, bytes(vector.output))).toEqual(bytes(vector.plaintext));
  });

  it('gives what the library gives, and takes it back', () => {
    fc.assert(
      fc.property(key, associatedData, data, (secret, texts, plaintext) => {
        const sealed = sivEncrypt(secret, texts, plaintext);
        expect(hex(sealed)).toBe(hex(aessiv(secret, ...texts).encrypt(plaintext)));
        expect(hex(sivDecrypt(secret, texts, sealed) ?? new Uint8Array(1))).toBe(hex(plaintext));
      }),
      { numRuns: 4000 },
    );
  });

  it.each([0, 1, 15, 16, 17, 31, 32, 33, 4095, 4096, 4097, 1_000_003])(
    'agrees on a plaintext and a string of %i bytes',
    (length) => {
      const secret = Uint8Array.from({ length: 64 }, (_, at) => at);
      const [plaintext, text] = [new Uint8Array(length).fill(0xa5), new Uint8Array(length).fill(0x5a)];
      const sealed = sivEncrypt(secret, [text], plaintext);
      expect(Buffer.compare(sealed, aessiv(secret, text).encrypt(plaintext))).toBe(0);
      expect(Buffer.compare(sivDecrypt(secret, [text], sealed) ?? Buffer.of(0, 0), plaintext)).toBe(0);
    },
  );

  it('is the same whatever the key encrypted before', () => {
    const secret = Uint8Array.from({ length: 64 }, (_, at) => at);
    const siv = new AesSiv(secret);
    fc.assert(
      fc.property(associatedData, data, (texts, plaintext) => {
        const bound = siv.bind(texts);
        const sealed = siv.encrypt(bound, plaintext);
        expect(hex(sealed)).toBe(hex(aessiv(secret, ...texts).encrypt(plaintext)));
        expect(
          siv.decrypt(
            bound,
            sealed.map((byte) => byte ^ 1),
          ),
        ).toBeNull();
        expect(hex(siv.decrypt(bound, sealed) ?? new Uint8Array(1))).toBe(hex(plaintext));
      }),
      { numRuns: 1000 },
    );
  });

  it('carries within the counter as the library does', () => {
    // 300 blocks carry out of the last byte of the counter, whichever IV they begin with.
    const plaintext = new Uint8Array(16 * 300).fill(1);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (secret) => {
        expect(Buffer.compare(sivEncrypt(secret, [], plaintext), aessiv(secret).encrypt(plaintext))).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it('leaves what it is given as it was', () => {
    const given = [new Uint8Array(64).fill(3), new Uint8Array(32).fill(4), new Uint8Array(32).fill(5)] as const;
    const [secret, text, plaintext] = given;
    const sealed = Buffer.from(sivEncrypt(secret, [text], plaintext));
    const copy = Buffer.from(sealed);
    sivDecrypt(secret, [text], sealed);
    expect([...given, sealed]).toEqual([
      new Uint8Array(64).fill(3),
      new Uint8Array(32).fill(4),
      new Uint8Array(32).fill(5),
      copy,
    ]);
    const pooled = Buffer.from('as much as two blocks, in a pool');
    const before = pooled.toString();
    sivEncrypt(secret, [pooled], pooled);
    expect(pooled.toString()).toBe(before);
  });

  it('tells no string, an empty one, two, and their order apart', () => {
    const secret = new Uint8Array(64);
    const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)];
    const made = [[], [new Uint8Array(0)], [one], [one, two], [two, one], [Uint8Array.of(1, 2)]].map((texts) =>
      hex(sivEncrypt(secret, texts, one)),
    );
    expect(new Set(made).size).toBe(6);
  });

  it('gives null for any bit changed, another string, another key, and fewer than 16 bytes', () => {
    const [secret, text] = [new Uint8Array(64).fill(7), Uint8Array.of(1, 2, 3)];
    for (const plaintext of [new Uint8Array(0), new Uint8Array(5), new Uint8Array(40)]) {
      const sealed = Uint8Array.from(sivEncrypt(secret, [text], plaintext));
      expect(sivDecrypt(secret, [text], sealed)).toEqual(Uint8Array.from(plaintext));
      for (const changed of withOneBitChanged(sealed)) expect(sivDecrypt(secret, [text], changed)).toBeNull();
      // Half of the key is that of CTR, which an empty plaintext does not use.
      const used = plaintext.length === 0 ? 32 : 64;
      for (const changed of withOneBitChanged(secret.subarray(0, used))) {
        expect(sivDecrypt(Buffer.concat([changed, secret.subarray(used)]), [text], sealed)).toBeNull();
      }
      expect(sivDecrypt(secret, [], sealed)).toBeNull();
      expect(sivDecrypt(secret, [text, text], sealed)).toBeNull();
      for (let length = 0; length < 16; length++)
        expect(sivDecrypt(secret, [text], sealed.subarray(0, length))).toBeNull();
    }
  });

  it('takes keys of 32, 48 and 64 bytes and at most 126 strings', () => {
    for (const length of [0, 16, 31, 33, 63, 65, 128]) {
      expect(() => sivEncrypt(new Uint8Array(length), [], new Uint8Array(0))).toThrow(RangeError);
      expect(() => sivDecrypt(new Uint8Array(length), [], new Uint8Array(16))).toThrow(RangeError);
    }
    const texts = Array.from({ length: 126 }, (_, at) => Uint8Array.of(at));
    const secret = new Uint8Array(32);
    expect(hex(sivEncrypt(secret, texts, secret))).toBe(hex(aessiv(secret, ...texts).encrypt(secret)));
    expect(() => sivEncrypt(secret, [...texts, secret], secret)).toThrow(RangeError);
  });
});
