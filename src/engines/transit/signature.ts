import { constants, createHash, type KeyObject, sign, verify } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { ecdsaOverDigests } from './ecdsa-digest.ts';
import { type Hash, isSha3 } from './hashes.ts';
import type { SigningType } from './holder.ts';
import { signDigestPkcs1, signDigestPss, verifyDigestPkcs1, verifyDigestPss } from './rsa-digest.ts';
import type { SignatureScheme } from './scheme.ts';
import { SALT_AUTO, SALT_HASH, type SignOptions } from './sign-options.ts';
import type { EcType, RsaType } from './types.ts';

/** ECDSA and RSA (FIPS 186-5, RFC 8017) and Ed25519 (RFC 8032) in the forms that transit gives them. */
export async function signatureScheme(type: SigningType, options: SignOptions): Promise<SignatureScheme> {
  if (type.family === 'ed25519') return ED25519;
  const { prehashed, hash, marshaling } = options;
  if (type.family !== 'ec') return prehashed ? rsaOverDigests(options) : overMessages(type, options);
  if (prehashed) return ecdsaOverDigests(type, marshaling);
  // node:crypto with BoringSSL has SHA-3, but not for ECDSA.
  const isHashedHere = hash !== null && isSha3(hash);
  return isHashedHere ? hashing(hash, await ecdsaOverDigests(type, marshaling)) : overMessages(type, options);
}

/** The scheme for messages of one for their digests. */
function hashing({ openssl }: Hash, overDigests: SignatureScheme): SignatureScheme {
  const digestOf = (input: Uint8Array): Uint8Array => createHash(openssl).update(input).digest();
  return {
    sign: (key, input) => overDigests.sign(key, digestOf(input)),
    verify: (key, input, signature) => overDigests.verify(key, digestOf(input), signature),
  };
}

const ED25519: SignatureScheme = {
  sign: (key, input) => sign(null, input, key),
  verify: (key, input, signature) => verify(null, input, key, signature),
};

function overMessages(type: EcType | RsaType, options: SignOptions): SignatureScheme {
  const hash = options.hash?.openssl;
  return {
    sign: (key, input) => sign(hash, input, nativeOptions(type, key, options, constants.RSA_PSS_SALTLEN_MAX_SIGN)),
    verify: (key, input, signature) =>
      verify(hash, input, nativeOptions(type, key, options, constants.RSA_PSS_SALTLEN_AUTO), signature),
  };
}

function nativeOptions(
  type: EcType | RsaType,
  key: KeyObject,
  { scheme, marshaling, salt }: SignOptions,
  autoSalt: number,
) {
  if (type.family === 'ec') return { key, dsaEncoding: marshaling === 'jws' ? 'ieee-p1363' : 'der' } as const;
  if (scheme === 'pkcs1v15') return { key, padding: constants.RSA_PKCS1_PADDING };
  const saltLength = salt === SALT_AUTO ? autoSalt : salt === SALT_HASH ? constants.RSA_PSS_SALTLEN_DIGEST : salt;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

function rsaOverDigests(options: SignOptions): SignatureScheme {
  const { hash, scheme, salt } = options;
  return {
    sign(key, digest) {
      checkDigest(options, digest);
      return scheme === 'pkcs1v15' || hash === null
        ? signDigestPkcs1(key, hash, digest)
        : signDigestPss(key, hash, digest, salt);
    },
    verify(key, digest, signature) {
      checkDigest(options, digest);
      if (scheme === 'pkcs1v15' || hash === null) return verifyDigestPkcs1(key, hash, digest, signature);
      return verifyDigestPss(key, hash, digest, salt, signature);
    },
  };
}

/** @throws UsageError `bad_digest` */
export function checkDigest({ hash }: SignOptions, input: Uint8Array): void {
  if (hash === null || input.length === hash.bytes) return;
  const problem = `with prehashed, the input must be a ${hash.name} digest of ${hash.bytes} bytes, not ${input.length}`;
  throw new UsageError('bad_digest', problem, {
    hint: 'name the hash that made it with hash_algorithm=...',
  });
}
