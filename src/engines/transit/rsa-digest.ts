import {
  constants,
  createHash,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { concat } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import { DER, writeDer } from './der.ts';
import type { Hash } from './hashes.ts';
import { SALT_AUTO, SALT_HASH } from './sign-options.ts';

/* RSA signatures over a digest that somebody else made (RFC 8017). node:crypto hashes what it signs, so the encodings are here. */

/** RSASSA-PKCS1-v1_5 (section 8.2). @param hash null signs the bytes as they are, without a DigestInfo */
export function signDigestPkcs1(key: KeyObject, hash: Hash | null, digest: Uint8Array): Uint8Array {
  const most = modulusBytes(key) - 11;
  const info = digestInfo(hash, digest);
  if (info.length > most) throw new UsageError('bad_parameter', `input can have at most ${most} bytes with this key`);
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info);
}

export function verifyDigestPkcs1(
  key: KeyObject,
  hash: Hash | null,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const info = digestInfo(hash, digest);
  const recovered = recover(key, signature, constants.RSA_PKCS1_PADDING);
  return recovered !== null && recovered.length === info.length && timingSafeEqual(recovered, info);
}

/** RSASSA-PSS (section 8.1) with MGF1 of the same hash. @param salt bytes, or SALT_AUTO for the most, or SALT_HASH */
export function signDigestPss(key: KeyObject, hash: Hash, digest: Uint8Array, salt: number): Uint8Array {
  const bits = modulusBits(key) - 1;
  const bytes = Math.ceil(bits / 8);
  const saltBytes = salt === SALT_AUTO ? bytes - hash.bytes - 2 : salt === SALT_HASH ? hash.bytes : salt;
  const encoded = encodePss(hash, digest, randomBytes(saltBytes), bits);
  const padded = concat(new Uint8Array(modulusBytes(key) - bytes), encoded);
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, padded);
}

/** @param salt bytes, or SALT_AUTO for any, or SALT_HASH */
export function verifyDigestPss(
  key: KeyObject,
  hash: Hash,
  digest: Uint8Array,
  salt: number,
  signature: Uint8Array,
): boolean {
  const bits = modulusBits(key) - 1;
  const recovered = recover(key, signature, constants.RSA_NO_PADDING);
  if (recovered === null) return false;
  const encoded = recovered.subarray(recovered.length - Math.ceil(bits / 8));
  const found = saltOf(hash, encoded, bits);
  if (found === null || (salt !== SALT_AUTO && found.length !== (salt === SALT_HASH ? hash.bytes : salt))) return false;
  return timingSafeEqual(encodePss(hash, digest, found, bits), encoded);
}

/** EMSA-PSS (section 9.1.1). @param bits of the encoded message: one less than the modulus has */
function encodePss({ openssl, bytes: hashBytes }: Hash, digest: Uint8Array, salt: Uint8Array, bits: number): Buffer {
  const length = Math.ceil(bits / 8);
  const trailer = createHash(openssl).update(new Uint8Array(8)).update(digest).update(salt).digest();
  const block = Buffer.alloc(length - hashBytes - 1);
  block[block.length - salt.length - 1] = 1;
  block.set(salt, block.length - salt.length);
  mask(openssl, trailer, block);
  block[0] = (block[0] ?? 0) & (0xff >> (8 * length - bits));
  return Buffer.concat([block, trailer, Buffer.of(0xbc)]);
}

/** The salt within an encoded message, or null when it is not one. `encodePss` with it checks the rest. */
function saltOf({ openssl, bytes: hashBytes }: Hash, encoded: Uint8Array, bits: number): Uint8Array | null {
  if (encoded.length < hashBytes + 2) return null;
  const block = Buffer.from(encoded.subarray(0, encoded.length - hashBytes - 1));
  mask(openssl, encoded.subarray(block.length, block.length + hashBytes), block);
  block[0] = (block[0] ?? 0) & (0xff >> (8 * encoded.length - bits));
  const start = block.findIndex((byte) => byte !== 0);
  return start < 0 ? null : block.subarray(start + 1);
}

/** XORs `target` with MGF1 (appendix B.2.1) of the seed. */
function mask(openssl: string, seed: Uint8Array, target: Buffer): void {
  const counter = Buffer.alloc(4);
  for (let offset = 0, at = 0; offset < target.length; at++) {
    counter.writeUInt32BE(at);
    for (const byte of createHash(openssl).update(seed).update(counter).digest()) {
      if (offset < target.length) target[offset] = (target[offset] ?? 0) ^ byte;
      offset++;
    }
  }
}

/** DER of DigestInfo (appendix A.2.4). */
export function digestInfo(hash: Hash | null, digest: Uint8Array): Uint8Array {
  if (hash === null) return digest;
  const algorithm = writeDer(DER.sequence, writeDer(DER.oid, Buffer.from(hash.oid, 'hex')), writeDer(DER.null));
  return writeDer(DER.sequence, algorithm, writeDer(DER.octetString, digest));
}

function recover(key: KeyObject, signature: Uint8Array, padding: number): Buffer | null {
  if (signature.length !== modulusBytes(key)) return null;
  try {
    return publicDecrypt({ key, padding }, signature);
  } catch {
    return null;
  }
}

function modulusBits(key: KeyObject): number {
  return key.asymmetricKeyDetails?.modulusLength ?? 0;
}

function modulusBytes(key: KeyObject): number {
  return Math.ceil(modulusBits(key) / 8);
}
