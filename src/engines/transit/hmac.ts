import { timingSafeEqual } from 'node:crypto';
import { base64 } from '../../bytes.ts';
import type { JsonObject } from '../../json.ts';
import { answerEach } from './batch.ts';
import { hashOf } from './hashes.ts';
import { holderOf } from './holder-of.ts';
import { decodeBase64, keyVersion, requiredBase64, requiredText } from './input.ts';
import { versionForNew, versionForOld } from './key.ts';
import { onKey } from './on-key.ts';
import { asPrinted, formatVersioned, parseVersioned } from './versioned.ts';

// HMAC (FIPS 198-1, RFC 2104), with a key of type hmac or with the HMAC key that every other version has beside its own.

/** hmac/NAME, hmac/NAME/ALGORITHM */
export const hmac = onKey(async (context, key, data, parts) => {
  const mac = (await holderOf(context, key)).mac();
  const hash = hashOf(data, parts, ['algorithm'], { sha1: true });
  const found = versionForNew(key, keyVersion(data));
  return answerEach(data, (item) => ({
    hmac: formatVersioned(found.number, base64(mac(found, hash, requiredBase64(item, 'input')))),
  }));
});

/** verify/NAME with hmac=... */
export const verifyHmac = onKey(async (context, key, data, parts) => {
  const mac = (await holderOf(context, key)).mac();
  const hash = hashOf(data, parts, ['hash_algorithm', 'algorithm'], { sha1: true });
  const verifyItem = (item: JsonObject): JsonObject => {
    const { version, payload } = parseVersioned(requiredText(item, 'hmac'), 'hmac');
    const given = decodeBase64(payload, 'hmac', asPrinted('hmac'));
    const found = versionForOld(key, version);
    const right = mac(found, hash, requiredBase64(item, 'input'));
    return { valid: given.length === right.length && timingSafeEqual(given, right) };
  };
  return answerEach(data, verifyItem, { valid: false });
});
