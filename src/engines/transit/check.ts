import { createPrivateKey, createPublicKey } from 'node:crypto';
import { zero } from '../../bytes.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { type CheckContext, isWhole, type RowCheck, storedObject } from '../check.ts';
import { KEYS_FOLDER } from './key-row.ts';
import { KEY_TYPE_NAMES, type KeyType, typeOf } from './types.ts';
import { WRAPPING_KEY_ROW } from './wrapping.ts';

/** Every key has the versions that it says, and every version a key of its type. */
export function checkTransit({ mountPath }: CheckContext): RowCheck {
  return async (path, value) => {
    const stored = storedObject(value);
    if (path.join('/') === WRAPPING_KEY_ROW.join('/'))
      return isVersion(typeOf('rsa-4096'), stored ?? undefined, false)
        ? []
        : [`the wrapping key of ${mountPath} is not what coffer writes there`];
    const [folder, name, ...rest] = path;
    if (name === undefined || folder !== KEYS_FOLDER[0] || rest.length > 0)
      return [`${mountPath} holds a row that is no key: ${path.join('/')}`];
    const fault = stored === null ? 'is not what coffer writes there' : faultOf(stored, name);
    return fault === null ? [] : [`${mountPath}keys/${name} ${fault}`];
  };
}

function faultOf(key: JsonObject, name: string): string | null {
  const typeName = KEY_TYPE_NAMES.find((known) => known === key['type']);
  const { versions } = key;
  if (key['name'] !== name) return 'is a key of another name';
  if (typeName === undefined) return 'is of a type that coffer does not have';
  if (!isWhole(key['latest'], 1) || !isJsonObject(versions)) return 'is not what coffer writes there';
  const latest = Number(key['latest']);
  if (!isWhole(key['minDecryption'], 1, latest) || !isWhole(key['minEncryption'], 0, latest))
    return 'has limits that are none of its versions';
  for (let number = Number(key['minDecryption']); number <= latest; number++)
    if (!Object.hasOwn(versions, number)) return `has no version ${number}`;
  const managed = isJsonObject(key['managed']);
  for (const [number, version] of Object.entries(versions)) {
    if (!/^[1-9]\d*$/.test(number) || Number(number) > latest || !isVersion(typeOf(typeName), version, managed))
      return `has a version ${number} that is no key of its type`;
  }
  return null;
}

/** @param managed whether the secret is in the HSM */
function isVersion(type: KeyType, version: JsonValue | undefined, managed: boolean): boolean {
  if (!isJsonObject(version) || !isWhole(version['created'], 0)) return false;
  const { key, public: spki } = version;
  if (spki !== null && !(typeof spki === 'string' && isPublicKey(spki))) return false;
  if (key === null) return managed || spki !== null;
  return typeof key === 'string' && isSecret(type, Buffer.from(key, 'base64'));
}

function isSecret(type: KeyType, bytes: Buffer): boolean {
  try {
    if (type.family === 'aead') return bytes.length === type.keyBytes;
    if (type.family === 'ec' || type.family === 'rsa')
      return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }).asymmetricKeyType === type.family;
    return bytes.length >= SHORTEST_SECRET;
  } catch {
    return false;
  } finally {
    zero(bytes);
  }
}

/** Of ed25519 (RFC 8032) and of HMAC. */
const SHORTEST_SECRET = 32;

function isPublicKey(spki: string): boolean {
  try {
    createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}
