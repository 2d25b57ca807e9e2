import { base64 } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { EngineResponse, Handler, PathParts } from '../engine.ts';
import { answerEach, batchItems } from './batch.ts';
import { verifyHmac } from './hmac.ts';
import { holderOf } from './holder-of.ts';
import { decodeBase64, decodeBase64Url, keyVersion, optionalBase64, requiredBase64, requiredText } from './input.ts';
import { type Key, keyName, usingKey, versionForNew, versionForOld } from './key.ts';
import { requireKey } from './key-row.ts';
import { ed25519PublicBytes, publicKeyOf } from './material.ts';
import { onKey } from './on-key.ts';
import { signOptions, signParameters } from './sign-options.ts';
import { signatureScheme } from './signature.ts';
import { signs, typeOf, wrongType } from './types.ts';
import { asPrinted, formatVersioned, parseVersioned } from './versioned.ts';

/** sign/NAME, sign/NAME/HASH */
export const sign = onKey(async (context, key, data, parts) => {
  const type = typeOf(key.type);
  if (!signs(type)) throw wrongType(type, 'signing');
  const options = signOptions(data, parts, type);
  const found = versionForNew(key, keyVersion(data));
  const isBatch = batchItems(data) !== null;
  const makeSignature = await (await holderOf(context, key)).signer(type, options);
  const signItem = (item: JsonObject): JsonObject => {
    const derivation = optionalBase64(item, 'context');
    const input = requiredBase64(item, 'input');
    const signature = makeSignature(found, input, derivation);
    const text = options.marshaling === 'jws' ? Buffer.from(signature).toString('base64url') : base64(signature);
    const result = { signature: formatVersioned(found.number, text), key_version: found.number };
    if (!key.derived) return result;
    const publicKey = base64(ed25519PublicBytes(publicKeyOf(key, found, derivation)));
    return { ...result, [isBatch ? 'publickey' : 'public_key']: publicKey }; // Vault spells it in two ways
  };
  return answerEach(data, signItem, { key_version: 0 });
});

/** verify/NAME, verify/NAME/HASH: a signature or an HMAC. */
export const verify: Handler = async (context, data, parts) => {
  signParameters(data); // checked for an HMAC too, for which they mean nothing
  if (verifiesHmac(data)) return verifyHmac(context, data, parts);
  return usingKey(await requireKey(context, keyName(parts)), (key) => verifyWith(key, data, parts));
};

async function verifyWith(key: Key, data: JsonObject, parts: PathParts): Promise<EngineResponse> {
  const type = typeOf(key.type);
  if (!signs(type)) throw wrongType(type, 'verification of signatures');
  const options = signOptions(data, parts, type);
  const scheme = await signatureScheme(type, options);
  const verifyItem = (item: JsonObject): JsonObject => {
    const { version, payload } = parseVersioned(requiredText(item, 'signature'), 'signature');
    const decode = options.marshaling === 'jws' ? decodeBase64Url : decodeBase64;
    const signature = decode(payload, 'signature', SIGNATURE_HINT);
    const publicKey = publicKeyOf(key, versionForOld(key, version), optionalBase64(item, 'context'));
    return { valid: scheme.verify(publicKey, requiredBase64(item, 'input'), signature) };
  };
  return answerEach(data, verifyItem, { valid: false });
}

const SIGNATURE_HINT = `${asPrinted('signature')}, with the marshaling_algorithm that it was made with`;

/** As in Vault: all items of a batch have a signature, or all an HMAC. @throws UsageError `bad_parameter` */
function verifiesHmac(data: JsonObject): boolean {
  const items = batchItems(data) ?? [data];
  const signatures = items.filter(({ signature }) => signature !== undefined).length;
  const hmacs = items.filter(({ hmac }) => hmac !== undefined).length;
  if (signatures > 0 && hmacs > 0)
    throw new UsageError('bad_parameter', 'give a signature or an hmac to verify, not both');
  if (signatures + hmacs === items.length) return hmacs > 0;
  throw new UsageError('missing_parameter', 'there is neither a signature nor an hmac to verify', {
    hint: 'give signature=vault:v1:... or hmac=vault:v1:...',
  });
}
