import { createCipheriv, randomBytes } from 'node:crypto';
import { b64, hexed } from '../../../support/encoding.ts';
import { openssl } from '../../../support/openssl.ts';

/** What an operator sends to import a key: the ephemeral key under RSA-OAEP by openssl, then the key under AES-KWP. */
export function wrapForImport(
  wrappingKey: string,
  key: Uint8Array,
  hash = 'sha256',
  ephemeral: Uint8Array = randomBytes(32),
): string {
  const options = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', `rsa_oaep_md:${hash}`];
  const files = { 'key.pem': wrappingKey, 'aes.bin': ephemeral };
  const head = openssl(['pkeyutl', '-encrypt', '-pubin', '-inkey', 'key.pem', ...options, '-in', 'aes.bin'], files);
  return b64(Buffer.concat([head, ephemeral.length === 32 ? keyWrapPad(ephemeral, key) : Buffer.alloc(24)]));
}

/** AES key wrap with padding, RFC 5649 section 4.1, from AES blocks alone. */
function keyWrapPad(key: Uint8Array, plaintext: Uint8Array): Buffer {
  const block = (bytes: Uint8Array) => createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(bytes);
  const padded = Buffer.concat([plaintext, Buffer.alloc((8 - (plaintext.length % 8)) % 8)]);
  let a: Uint8Array = Buffer.concat([hexed('a65959a6'), hexed(plaintext.length.toString(16).padStart(8, '0'))]);
  if (padded.length === 8) return block(Buffer.concat([a, padded]));
  const parts = Array.from({ length: padded.length / 8 }, (_, at): Uint8Array => padded.subarray(8 * at, 8 * at + 8));
  for (let round = 0; round < 6; round++) {
    for (const [at, part] of parts.entries()) {
      const output = block(Buffer.concat([a, part]));
      const count = Buffer.alloc(8);
      count.writeUInt32BE(parts.length * round + at + 1, 4);
      a = Buffer.from(output.subarray(0, 8).map((byte, index) => byte ^ (count[index] ?? 0)));
      parts[at] = output.subarray(8);
    }
  }
  return Buffer.concat([a, ...parts]);
}
