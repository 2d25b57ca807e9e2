import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { KEY_BYTES } from '../../aead.ts';
import { zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import { decodeBase64 } from './input.ts';
import { wrapPadded } from './key-wrap.ts';

/**
 * What `unwrapImported` takes: RSA-OAEP with SHA-256 around a fresh AES-256 key, then the key under AES key wrap with padding.
 * @param publicKey the wrapping key in PEM
 * @param key base64 of a raw key, or of PKCS#8 in DER
 * @returns base64
 * @throws UsageError `bad_base64`, never with the key in it
 */
export async function wrapForImport(publicKey: string, key: string): Promise<string> {
  const bytes = keyBytes(key);
  const ephemeral = randomBytes(KEY_BYTES);
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const head = publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256' }, ephemeral);
    return Buffer.concat([head, await wrapPadded(ephemeral, bytes)]).toString('base64');
  } finally {
    zero(bytes, ephemeral);
  }
}

function keyBytes(text: string): Buffer {
  if (text.includes('-----BEGIN')) {
    throw new UsageError('bad_base64', 'the key is PEM; give base64 of its DER', {
      hint: 'convert it with: openssl pkcs8 -topk8 -nocrypt -outform DER -in KEY.pem | base64 -w0',
    });
  }
  const bytes = decodeBase64(text, 'the key');
  if (bytes.length > 0) return bytes;
  throw new UsageError('missing_parameter', 'the key is empty', {
    hint: 'give base64 of a raw key or of PKCS#8 in DER',
  });
}
