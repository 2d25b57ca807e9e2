import { constants, createPrivateKey, privateDecrypt } from 'node:crypto';
import { KEY_BYTES } from '../../aead.ts';
import { asBuffer, zero } from '../../bytes.ts';
import { UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type Handler } from '../engine.ts';
import { optionalText } from '../parameters.ts';
import { generateVersion } from './generate.ts';
import { decodeBase64, requiredText } from './input.ts';
import { type KeyVersion, wipeVersion } from './key.ts';
import { loadVersion, storeVersion } from './key-row.ts';
import { unwrapPadded } from './key-wrap.ts';
import { spkiOf } from './material.ts';
import { typeOf } from './types.ts';

export const WRAPPING_KEY_ROW = ['import', 'wrapping-key'];

/** Of an RSA-4096 ciphertext. */
const WRAPPED_KEY_BYTES = 512;

const HASHES: { readonly [name: string]: string } = {
  SHA1: 'sha1',
  SHA224: 'sha224',
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
};

/** wrapping_key: the public half of the RSA-4096 key that wraps imported keys; the first reading makes the key. */
export const readWrappingKey: Handler = async (context) => {
  const version = await wrappingKey(context);
  wipeVersion(version);
  return answer({ public_key: spkiOf(version).export({ type: 'spki', format: 'pem' }).toString() });
};

/**
 * The key within `ciphertext`: 512 bytes of RSA-OAEP with `hash_function` around an AES-256 key, then the key under AES
 * key wrap with padding (RFC 5649). The caller's to zero.
 * @throws UsageError `import_invalid`, `bad_parameter`, `bad_base64`
 */
export async function unwrapImported(context: EngineContext, data: JsonObject): Promise<Uint8Array> {
  const oaepHash = HASHES[(optionalText(data, 'hash_function') ?? 'SHA256').toUpperCase()];
  if (oaepHash === undefined)
    throw new UsageError('bad_parameter', `hash_function must be one of: ${Object.keys(HASHES).join(', ')}`);
  const wrapped = decodeBase64(requiredText(data, 'ciphertext'), 'ciphertext');
  if (wrapped.length <= WRAPPED_KEY_BYTES) throw invalid('it is too short');
  const version = await wrappingKey(context);
  let aesKey = Buffer.alloc(0);
  try {
    const key = createPrivateKey({ key: asBuffer(version.key ?? new Uint8Array(0)), format: 'der', type: 'pkcs8' });
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    aesKey = Buffer.from(privateDecrypt({ key, padding, oaepHash }, wrapped.subarray(0, WRAPPED_KEY_BYTES)));
    if (aesKey.length !== KEY_BYTES) throw new RangeError('not an AES-256 key');
    return await unwrapPadded(aesKey, wrapped.subarray(WRAPPED_KEY_BYTES));
  } catch {
    throw invalid('it does not unwrap');
  } finally {
    wipeVersion(version);
    zero(aesKey);
  }
}

/** The caller's to wipe. */
async function wrappingKey(context: EngineContext): Promise<KeyVersion> {
  const stored = await loadVersion(context, WRAPPING_KEY_ROW);
  if (stored !== null) return stored;
  const fresh = await generateVersion(context, typeOf('rsa-4096'), 0);
  await storeVersion(context, WRAPPING_KEY_ROW, fresh);
  return fresh;
}

function invalid(why: string): UsageError {
  return new UsageError('import_invalid', `the ciphertext holds no key to import: ${why}`, {
    hint: 'it is RSA-OAEP(AES-256 key) with the public key of wrapping_key, then AES-KWP(key), see RFC 5649; check hash_function',
  });
}
