import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { PathParts } from '../engine.ts';
import { optionalBoolean, optionalText } from '../parameters.ts';
import { type Hash, hashName, parseHash } from './hashes.ts';
import { choice } from './input.ts';
import { type KeyType, wrongType } from './types.ts';
import type { Marshaling } from './signature-encoding.ts';

/** As in Vault: the longest salt when signing, any when verifying. */
export const SALT_AUTO = 0;
/** A salt as long as the digest. */
export const SALT_HASH = -1;

/** What a request says of signatures, whatever the key is like. */
export interface SignParameters {
  /** Whether the input is a digest already. */
  readonly prehashed: boolean;
  readonly scheme: 'pss' | 'pkcs1v15';
  readonly marshaling: Marshaling;
  /** Bytes, SALT_AUTO or SALT_HASH. */
  readonly salt: number;
}

/** How a request wants its signatures. */
export interface SignOptions extends SignParameters {
  /** Null for `none`: the input of pkcs1v15 is signed as it is. */
  readonly hash: Hash | null;
}

/**
 * As on a server, a parameter may be given where it means nothing, as salt_length to an EC key, and must be one that means
 * something elsewhere.
 * @throws UsageError `bad_parameter`
 */
export function signParameters(data: JsonObject): SignParameters {
  return {
    prehashed: optionalBoolean(data, 'prehashed') ?? false,
    scheme: choice(data, 'signature_algorithm', ['pss', 'pkcs1v15']),
    marshaling: choice(data, 'marshaling_algorithm', ['asn1', 'jws']),
    salt: saltLength(optionalText(data, 'salt_length')?.toLowerCase() ?? 'auto'),
  };
}

/** @throws UsageError `unknown_hash`, `bad_parameter`, `unsupported_key_type` */
export function signOptions(data: JsonObject, parts: PathParts, type: KeyType): SignOptions {
  const given = signParameters(data);
  const name = hashName(data, parts, ['hash_algorithm', 'algorithm']);
  if (given.prehashed && type.family === 'ed25519') throw wrongType(type, 'prehashed: it signs the message itself');
  if (name === 'none' && !(type.family === 'rsa' && given.prehashed && given.scheme === 'pkcs1v15')) {
    const problem = 'hash_algorithm=none needs an RSA key, prehashed=true and signature_algorithm=pkcs1v15';
    throw new UsageError('bad_parameter', problem);
  }
  const hash = name === 'none' ? null : parseHash(name, { sha1: true });
  if (type.family === 'rsa') checkSalt(given.salt, type.bits, hash);
  return { ...given, hash };
}

function saltLength(text: string): number {
  if (text === 'auto') return SALT_AUTO;
  if (text === 'hash') return SALT_HASH;
  const bytes = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(bytes) && bytes >= SALT_HASH) return bytes;
  throw new UsageError('bad_parameter', 'salt_length must be auto, hash, or a number of bytes');
}

/** @throws UsageError `bad_parameter` */
function checkSalt(salt: number, modulusBits: number, hash: Hash | null): void {
  const most = modulusBits / 8 - (hash?.bytes ?? 0) - 2;
  if (salt > most)
    throw new UsageError('bad_parameter', `salt_length must be auto, hash, or a number of at most ${most} bytes`);
}
