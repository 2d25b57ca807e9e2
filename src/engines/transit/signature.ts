import { constants, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { toBigInt } from './bigint.ts';
import { curveOf } from './curves.ts';
import { signDigest, verifyDigest } from './ecdsa-digest.ts';
import { signDigestPkcs1, signDigestPss, verifyDigestPkcs1, verifyDigestPss } from './rsa-digest.ts';
import { decodeSignature, encodeSignature } from './signature-encoding.ts';
import { SALT_AUTO, SALT_HASH } from './sign-options.ts';
import type { SignOptions } from './sign-options.ts';
import type { EcType, Ed25519Type, RsaType } from './types.ts';

// ECDSA and RSA (FIPS 186-5, RFC 8017) and Ed25519 (RFC 8032) in the forms that transit gives them.

type SigningType = EcType | RsaType | Ed25519Type;

/** @param key the private key @throws UsageError `bad_digest` */
export function signInput(type: SigningType, key: KeyObject, input: Uint8Array, options: SignOptions): Uint8Array {
  if (type.family === 'ed25519') return sign(null, input, key);
  if (!options.prehashed) return sign(options.hash?.openssl, input, nativeOptions(type, key, options, constants.RSA_PSS_SALTLEN_MAX_SIGN));
  if (type.family === 'ec') {
    const curve = curveOf(type);
    return encodeSignature(signDigest(curve, scalarOf(key), input), options.marshaling, curve.bytes);
  }
  const { hash } = options;
  checkDigest(options, input);
  return options.scheme === 'pkcs1v15' || hash === null ? signDigestPkcs1(key, hash, input) : signDigestPss(key, hash, input, options.salt);
}

/** @param key the public key @throws UsageError `bad_digest` */
export function verifyInput(type: SigningType, key: KeyObject, input: Uint8Array, signature: Uint8Array, options: SignOptions): boolean {
  if (type.family === 'ed25519') return verify(null, input, key, signature);
  if (!options.prehashed) {
    return verify(options.hash?.openssl, input, nativeOptions(type, key, options, constants.RSA_PSS_SALTLEN_AUTO), signature);
  }
  if (type.family === 'ec') {
    const curve = curveOf(type);
    const decoded = decodeSignature(signature, options.marshaling, curve.bytes);
    return decoded !== null && verifyDigest(curve, pointOf(key, curve.bytes), input, decoded);
  }
  const { hash } = options;
  checkDigest(options, input);
  if (options.scheme === 'pkcs1v15' || hash === null) return verifyDigestPkcs1(key, hash, input, signature);
  return verifyDigestPss(key, hash, input, options.salt, signature);
}

function nativeOptions(type: EcType | RsaType, key: KeyObject, { scheme, marshaling, salt }: SignOptions, autoSalt: number) {
  if (type.family === 'ec') return { key, dsaEncoding: marshaling === 'jws' ? 'ieee-p1363' : 'der' } as const;
  if (scheme === 'pkcs1v15') return { key, padding: constants.RSA_PKCS1_PADDING };
  const saltLength = salt === SALT_AUTO ? autoSalt : salt === SALT_HASH ? constants.RSA_PSS_SALTLEN_DIGEST : salt;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

/** @throws UsageError `bad_digest` */
export function checkDigest({ hash }: SignOptions, input: Uint8Array): void {
  if (hash === null || input.length === hash.bytes) return;
  throw new UsageError('bad_digest', `with prehashed, the input must be a ${hash.name} digest of ${hash.bytes} bytes, not ${input.length}`, {
    hint: 'name the hash that made it with hash_algorithm=...',
  });
}

function scalarOf(key: KeyObject): bigint {
  return toBigInt(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'));
}

/** 0x04, x, y: the end of SubjectPublicKeyInfo (RFC 5480 section 2.2). */
function pointOf(key: KeyObject, coordinateBytes: number): Uint8Array {
  return key.export({ type: 'spki', format: 'der' }).subarray(-(2 * coordinateBytes + 1));
}
