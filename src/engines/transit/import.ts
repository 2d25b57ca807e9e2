import { zero } from '../../bytes.ts';
import { StoreError, UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type Handler } from '../engine.ts';
import { optionalBoolean, optionalInteger, optionalText } from '../parameters.ts';
import { acceptPublicPem, acceptSecret, isPublic } from './accept.ts';
import { checkDerivation } from './create.ts';
import { withHmacKey } from './generate.ts';
import { importCommand } from './hints.ts';
import { addVersion, type Key, keyName, type Material, newKey, refuseManaged, usingKey, wipeVersion } from './key.ts';
import { hasKey, keyExists, storeKey } from './key-row.ts';
import { creationSettings } from './keys.ts';
import { onKey } from './on-key.ts';
import { type KeyType, typeOf } from './types.ts';
import { wantedType } from './wanted-type.ts';
import { unwrapImported } from './wrapping.ts';

/**
 * keys/NAME/import: a new key from outside, wrapped in `ciphertext`, or only the public half in `public_key`. A derived
 * one derives in counter mode, as in Vault; but for ed25519, for which Vault's counter mode gives no key.
 */
export const importKey: Handler = async (context, data, parts) => {
  const name = keyName(parts);
  const type = wantedType(context, name, optionalText(data, 'type')?.toLowerCase());
  if (data['convergent_encryption'] !== undefined) {
    throw new UsageError('unsupported_parameter', 'an imported key cannot have convergent encryption');
  }
  const settings = creationSettings(context, name, data);
  const importedRotation = optionalBoolean(data, 'allow_rotation') ?? false;
  if (await hasKey(context, name)) throw keyExists(context, name, importCommand(context, name));
  const { material, warnings } = await givenMaterial(context, data, type);
  const keySize = type.family === 'hmac' ? (material.key?.length ?? 0) : 0;
  const kdf = type.family === 'aead' ? 'counter' : 'hkdf';
  const key = newKey(name, type.name, { ...settings, importedRotation, kdf, imported: true, keySize });
  return usingKey(addVersion(key, await withHmacKey(context, material)), async (whole) => {
    checkDerivation(key);
    refusePublicAlone(key, material);
    await storeKey(context, whole);
    return answer(null, { warnings });
  });
};

/**
 * keys/NAME/import_version: a further version; or the private key of one that had only its public key, which is meant
 * without `version` when the newest is such and the keys belong together.
 */
export const importVersion = onKey(async (context, key, data) => {
  refuseManaged(key, 'take a version from outside: its one version is a key object in the HSM');
  if (!key.imported)
    throw new StoreError('not_imported', `the key "${key.name}" was not imported and takes no versions from outside`);
  const { material, warnings } = await givenMaterial(context, data, typeOf(key.type));
  const version = await withHmacKey(context, material);
  try {
    refusePublicAlone(key, material);
    const number = optionalInteger(data, 'version', { min: 1 }) ?? halfOf(key, material);
    await storeKey(context, number === null ? addVersion(key, version) : completeVersion(key, number, material));
    return answer(null, { warnings });
  } finally {
    wipeVersion(version);
  }
});

/** As in Vault, `ciphertext` counts where both are given. */
async function givenMaterial(
  context: EngineContext,
  data: JsonObject,
  type: KeyType,
): Promise<{ material: Material; warnings: string[] }> {
  const publicKey = optionalText(data, 'public_key');
  if (publicKey !== null && optionalText(data, 'ciphertext') === null)
    return { material: acceptPublicPem(type, publicKey), warnings: [] };
  const bytes = await unwrapImported(context, data);
  try {
    const material = acceptSecret(type, bytes);
    const belongs = publicKey === null || isPublicKeyOf(type, material, publicKey);
    const ignored = 'public_key was ignored: it is not the public key of the key in ciphertext';
    return { material, warnings: belongs ? [] : [ignored] };
  } finally {
    zero(bytes);
  }
}

function isPublicKeyOf(type: KeyType, material: Material, pem: string): boolean {
  try {
    return isPublic(material, acceptPublicPem(type, pem).public);
  } catch {
    return false;
  }
}

/** What keys are derived of is no key pair, and no public key comes of it. @throws UsageError `bad_key` */
function refusePublicAlone({ derived, type }: Key, { key }: Material): void {
  const need = 'needs the private key: its public keys follow from that';
  if (derived && key === null) throw new UsageError('bad_key', `a derived key of type ${type} ${need}`);
}

/** The newest version, when it is the public key of the private key that is given. */
function halfOf(key: Key, material: Material): number | null {
  const newest = key.versions[key.latest];
  return material.key !== null && newest?.key === null && isPublic(material, newest.public) ? key.latest : null;
}

/** @throws StoreError `no_version`; UsageError `bad_key` */
function completeVersion(key: Key, number: number, material: Material): Key {
  const version = key.versions[number];
  if (version === undefined) throw new StoreError('no_version', `the key "${key.name}" has no version ${number}`);
  if (version.key !== null || material.key === null) {
    const rule = 'only a private key can be added, and only to a version that has none';
    throw new UsageError('bad_key', `${rule}; version ${number} is not changed`);
  }
  if (!isPublic(material, version.public))
    throw new UsageError('bad_key', `the private key does not belong to the public key of version ${number}`);
  return { ...key, versions: { ...key.versions, [number]: { ...version, ...material } } };
}
