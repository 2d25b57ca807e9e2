import { createHmac } from 'node:crypto';
import { zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { Key } from './key.ts';

const HASH_BYTES = 32;

/**
 * HKDF-SHA256 without salt (RFC 5869), as Vault derives keys. Written out because node:crypto refuses an info of more
 * than 1024 bytes and Vault does not.
 * @param info the context, of any length @param length at most 8160 bytes
 */
export function hkdf(key: Uint8Array, info: Uint8Array, length: number): Buffer {
  const extracted = createHmac('sha256', Buffer.alloc(HASH_BYTES)).update(key).digest();
  const output = Buffer.alloc(Math.ceil(length / HASH_BYTES) * HASH_BYTES);
  let block = Buffer.alloc(0);
  for (let at = 0; at * HASH_BYTES < length; at++) {
    block = createHmac('sha256', extracted)
      .update(block)
      .update(info)
      .update(Buffer.of(at + 1))
      .digest();
    block.copy(output, at * HASH_BYTES);
  }
  zero(extracted, block);
  return output.subarray(0, length);
}

/**
 * The key derivation that Vault had before HKDF, and has for derived keys that were imported: counter mode (NIST SP
 * 800-108r1 section 4.1) of HMAC-SHA256 with a counter of 32 bits that starts at 0, the context, and the output's length
 * of 256 bits in 32 bits.
 * @returns 32 bytes
 */
function counterKdf(key: Uint8Array, context: Uint8Array): Buffer {
  const [counter, outputBits] = [Buffer.alloc(4), Buffer.alloc(4)];
  outputBits.writeUInt32BE(8 * HASH_BYTES);
  return createHmac('sha256', key).update(counter).update(context).update(outputBits).digest();
}

/**
 * The key bytes to use: a copy of those of the version, or for a derived key the first `length` bytes that are derived of
 * them with the context. The caller's to zero.
 * @throws UsageError `missing_context`
 */
export function keyBytes(key: Key, secret: Uint8Array, context: Uint8Array | null, length: number): Buffer {
  return key.derived ? derivedBytes(key, secret, context, length) : Buffer.from(secret);
}

/** @param length at most 32 where the key derives in counter mode @returns the caller's to zero @throws UsageError `missing_context` */
export function derivedBytes(key: Key, secret: Uint8Array, context: Uint8Array | null, length: number): Buffer {
  if (context === null || context.length === 0) {
    throw new UsageError('missing_context', `the key "${key.name}" is derived and needs a context`, {
      hint: 'give context=BASE64',
    });
  }
  return key.kdf === 'counter' ? counterKdf(secret, context).subarray(0, length) : hkdf(secret, context, length);
}
