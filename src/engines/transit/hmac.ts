import { createHmac, timingSafeEqual } from 'node:crypto';
import { StoreError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { EngineContext, Parameters, Response } from '../engine.ts';
import { answerEach } from './batch.ts';
import { hashOf } from './hashes.ts';
import type { Hash } from './hashes.ts';
import { furtherVersion } from './hints.ts';
import { decodeBase64, keyVersion, requiredBase64, requiredText } from './input.ts';
import { keyName, refuseManaged, usingKey, versionForNew, versionForOld } from './key.ts';
import type { FoundVersion, Key } from './key.ts';
import { requireKey } from './key-row.ts';
import { formatVersioned, parseVersioned } from './versioned.ts';

// HMAC (FIPS 198-1, RFC 2104), with a key of type hmac or with the HMAC key that every other version has beside its own.

/** hmac/NAME, hmac/NAME/ALGORITHM */
export async function hmac(context: EngineContext, data: JsonObject, parameters: Parameters): Promise<Response> {
  return usingKey(await requireKey(context, keyName(parameters)), (key) => {
    refuseManaged(key, 'make HMACs');
    const hash = hashOf(data, parameters, ['algorithm'], { sha1: true });
    const found = versionForNew(key, keyVersion(data));
    return answerEach(data, (item) => ({ hmac: formatVersioned(found.number, mac(context, key, found, hash, requiredBase64(item, 'input')).toString('base64')) }));
  });
}

/** verify/NAME with hmac=... */
export async function verifyHmac(context: EngineContext, data: JsonObject, parameters: Parameters): Promise<Response> {
  return usingKey(await requireKey(context, keyName(parameters)), (key) => {
    refuseManaged(key, 'make HMACs');
    const hash = hashOf(data, parameters, ['hash_algorithm', 'algorithm'], { sha1: true });
    return answerEach(data, (item) => {
      const { version, payload } = parseVersioned(requiredText(item, 'hmac'), 'hmac');
      const given = decodeBase64(payload, 'hmac');
      const found = versionForOld(key, version);
      const right = mac(context, key, found, hash, requiredBase64(item, 'input'));
      return { valid: given.length === right.length && timingSafeEqual(given, right) };
    });
  });
}

function mac(context: EngineContext, key: Key, found: FoundVersion, { openssl }: Hash, input: Uint8Array): Buffer {
  return createHmac(openssl, hmacKey(context, key, found)).update(input).digest();
}

/** Never empty; it stays the key's. @throws StoreError `no_hmac_key` */
export function hmacKey(context: EngineContext, key: Key, { number, version }: FoundVersion): Uint8Array {
  const secret = key.type === 'hmac' ? version.key : version.hmac;
  if (secret !== null && secret.length > 0) return secret;
  throw new StoreError('no_hmac_key', `version ${number} of the key "${key.name}" has no HMAC key`, {
    hint: `the backup that it came from had none, and a further version has one; ${furtherVersion(context, key)}`,
  });
}
