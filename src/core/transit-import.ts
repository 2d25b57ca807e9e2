import { StoreError, UsageError } from '../errors.ts';
import type { EngineResponse } from '../engines/index.ts';
import type { JsonObject } from '../json.ts';
import type { Context } from './context.ts';
import { type Mounts, withMounts } from './mounts/mounts.ts';

/** A key from outside that becomes a key of transit, or a version of one. */
export interface ImportedKey {
  /** As "transit/keys/orders". */
  readonly path: string;
  /** What the engine calls it, below the path. */
  readonly operation: 'import' | 'import_version';
  /** Base64 of a raw key, or of PKCS#8 in DER. */
  readonly key: string;
  /** What else the operation is to be told. */
  readonly data: JsonObject;
}

/** What wrapping decides. */
const OWN = ['ciphertext', 'hash_function'];

/**
 * Wraps a key by the mount's wrapping key, which the first time is made for it, and has it imported: the way that a key takes
 * from another machine, in one transaction.
 * @throws UsageError `bad_path`, `bad_parameter`, `bad_base64`; StoreError `no_mount`, `not_transit`, and what the engine throws
 */
export async function importTransitKey(
  context: Context,
  { path, operation, key, data }: ImportedKey,
): Promise<EngineResponse | null> {
  const own = OWN.find((name) => Object.hasOwn(data, name));
  if (own !== undefined)
    throw new UsageError('bad_parameter', `${own} cannot be given: the command wraps the key by itself`);
  const { wrapForImport } = await import('../engines/transit/wrap.ts');
  return withMounts(context, 'write', async (mounts) => {
    const ciphertext = await wrapForImport(await wrappingKey(mounts, path), key);
    return mounts.request({ operation: 'write', path: `${path}/${operation}`, data: { ...data, ciphertext } });
  });
}

async function wrappingKey(mounts: Mounts, path: string): Promise<string> {
  const { mount, rest } = mounts.resolve(path);
  if (mount.type !== 'transit')
    throw new StoreError('not_transit', `${mount.path} is a ${mount.type} engine, not transit`, {
      hint: 'see: coffer secrets list',
    });
  if (!/^keys\/[^/]+$/.test(rest)) {
    throw new UsageError('bad_path', `${JSON.stringify(path)} is not the path of a key of transit`, {
      hint: `for example: ${mount.path}keys/orders`,
    });
  }
  const read = { operation: 'read', path: `${mount.path}wrapping_key`, data: {} } as const;
  const key = (await mounts.request(read))?.data?.['public_key'];
  if (typeof key !== 'string') throw new TypeError('the engine has no wrapping key');
  return key;
}
