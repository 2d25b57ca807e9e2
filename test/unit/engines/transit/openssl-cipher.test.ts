import { describe, expect, it } from 'vitest';
import { b64, text } from '../../../support/encoding.ts';
import { openssl } from '../../../support/openssl.ts';
import { mount } from './support.ts';

const MESSAGE = Buffer.from('a message of more than two blocks of sixteen bytes');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * openssl's command line has no AEAD, but under the tag AES-GCM is counter mode from block 2 (NIST SP 800-38D section
 * 7.1), and ChaCha20-Poly1305 is ChaCha20 from block 1 (RFC 8439 section 2.8).
 */
const STREAMS = [
  ['aes128-gcm96', '-aes-128-ctr', (nonce: string) => `${nonce}00000002`],
  ['aes256-gcm96', '-aes-256-ctr', (nonce: string) => `${nonce}00000002`],
  ['chacha20-poly1305', '-chacha20', (nonce: string) => `01000000${nonce}`],
] as const;

describe('a vault:v1: ciphertext', () => {
  it.each(STREAMS)(
    'of %s is a nonce, what openssl decrypts with the exported key, and a tag',
    async (type, cipher, counter) => {
      const transit = mount();
      await transit.write('keys/k', { type, exportable: true });
      const { keys } = await transit.read('export/encryption-key/k');
      const key = Buffer.from((keys as { 1: string })[1], 'base64').toString('hex');
      const { ciphertext } = await transit.write('encrypt/k', { plaintext: b64(MESSAGE) });
      const [vault, version, encoded = ''] = text(ciphertext).split(':');
      expect([vault, version]).toEqual(['vault', 'v1']);
      const bytes = Buffer.from(encoded, 'base64');
      expect(bytes).toHaveLength(NONCE_BYTES + MESSAGE.length + TAG_BYTES);
      const iv = counter(bytes.subarray(0, NONCE_BYTES).toString('hex'));
      const body = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
      const opened = openssl(['enc', '-d', cipher, '-K', key, '-iv', iv, '-in', 'ct.bin'], { 'ct.bin': body });
      expect(opened.toString()).toBe(MESSAGE.toString());
    },
  );
});
