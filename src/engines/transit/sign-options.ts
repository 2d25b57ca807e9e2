import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Parameters } from '../engine.ts';
import { optionalBoolean, optionalInteger, optionalText } from '../parameters.ts';
import { hashName, parseHash } from './hashes.ts';
import type { Hash } from './hashes.ts';
import { choice } from './input.ts';
import { wrongType } from './types.ts';
import type { KeyType } from './types.ts';
import type { Marshaling } from './signature-encoding.ts';

/** As in Vault: the longest salt when signing, any when verifying. */
export const SALT_AUTO = 0;
/** A salt as long as the digest. */
export const SALT_HASH = -1;

/** How a request wants its signatures. */
export interface SignOptions {
  /** Null for `none`: the input of pkcs1v15 is signed as it is. */
  readonly hash: Hash | null;
  /** Whether the input is a digest already. */
  readonly prehashed: boolean;
  readonly scheme: 'pss' | 'pkcs1v15';
  readonly marshaling: Marshaling;
  /** Bytes, SALT_AUTO or SALT_HASH. */
  readonly salt: number;
}

/** @throws UsageError `unknown_hash`, `bad_parameter`, `unsupported_key_type` */
export function signOptions(data: JsonObject, parameters: Parameters, type: KeyType): SignOptions {
  const name = hashName(data, parameters, ['hash_algorithm', 'algorithm']);
  const prehashed = optionalBoolean(data, 'prehashed') ?? false;
  const scheme = choice(data, 'signature_algorithm', ['pss', 'pkcs1v15']);
  if (prehashed && type.family === 'ed25519') throw wrongType(type, 'prehashed: it signs the message itself');
  if (name === 'none' && !(type.family === 'rsa' && prehashed && scheme === 'pkcs1v15')) {
    throw new UsageError('bad_parameter', 'hash_algorithm=none needs an RSA key, prehashed=true and signature_algorithm=pkcs1v15');
  }
  const hash = name === 'none' ? null : parseHash(name, { sha1: true });
  const marshaling = choice(data, 'marshaling_algorithm', ['asn1', 'jws']);
  const salt = optionalText(data, 'salt_length')?.toLowerCase() ?? 'auto';
  return { hash, prehashed, scheme, marshaling, salt: type.family === 'rsa' ? saltLength(salt, type.bits, hash) : SALT_AUTO };
}

function saltLength(text: string, modulusBits: number, hash: Hash | null): number {
  if (text === 'auto') return SALT_AUTO;
  if (text === 'hash') return SALT_HASH;
  const most = modulusBits / 8 - (hash?.bytes ?? 0) - 2;
  const bytes = /^-?\d+$/.test(text) ? optionalInteger({ salt_length: text }, 'salt_length', { min: SALT_HASH }) : null;
  if (bytes !== null && bytes <= most) return bytes;
  throw new UsageError('bad_parameter', `salt_length must be auto, hash, or a number of at most ${most} bytes`);
}
