import { StoreError, UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { answer, type EngineContext, type Handler } from '../engine.ts';
import { listing } from '../kv.ts';
import { optionalBoolean, optionalDuration, optionalInteger, optionalText } from '../parameters.ts';
import { createKey, rotateKey } from './create.ts';
import { describeKey } from './describe.ts';
import { keyPath } from './hints.ts';
import { optionalBase64 } from './input.ts';
import { type Key, keyName, newKey, usingKey } from './key.ts';
import { deleteKey, KEYS_FOLDER, loadKey } from './key-row.ts';
import { refuseManagedParameters, writeManagedKey } from './managed-key.ts';
import { onKey } from './on-key.ts';
import { HMAC_KEY_BYTES, type KeyType, MANAGED_TYPE } from './types.ts';
import { wantedType } from './wanted-type.ts';

/** keys */
export const listKeys: Handler = async ({ view }) => listing(await view.list(KEYS_FOLDER));

/** keys/NAME, write: a new key; one that is there stays as it is. */
export const writeKey: Handler = async (context, data, parts) => {
  const name = keyName(parts);
  if (optionalText(data, 'type') === MANAGED_TYPE) return writeManagedKey(context, name, data);
  refuseManagedParameters(data);
  const type = wantedType(context, name, optionalText(data, 'type'));
  const settings = {
    ...creationSettings(context, name, data),
    convergent: optionalBoolean(data, 'convergent_encryption') ?? false,
    keySize: keySize(data, type),
  };
  const there = await loadKey(context, name);
  const warnings = there === null ? [] : [`key ${name} already existed`];
  return usingKey(there ?? (await createKey(context, newKey(name, type.name, settings))), (key) =>
    answer(describeKey(key), { warnings }),
  );
};

/** keys/NAME, read: with `context`, the public keys of a derived key too. */
export const readKey: Handler = async (context, data, parts) =>
  usingKey(await loadKey(context, keyName(parts)), (key) =>
    key === null ? null : answer(describeKey(key, optionalBase64(data, 'context'))),
  );

/** keys/NAME, delete: the key with all its versions, if its configuration allows it. */
export const removeKey = onKey(async (context, key) => {
  if (!key.deletionAllowed) {
    throw new StoreError('deletion_not_allowed', `deletion is not allowed for the key "${key.name}"`, {
      hint: `allow it with: coffer write ${keyPath(context, key.name, '/config')} deletion_allowed=true`,
    });
  }
  await deleteKey(context, key.name);
  const warnings = key.managed === null ? [] : [`the key object "${key.managed.label}" stays in the HSM`];
  return answer(null, { warnings });
});

/** keys/NAME/rotate */
export const rotate = onKey(async (context, key, data) => {
  const managed = optionalText(data, 'managed_key_name') ?? optionalText(data, 'managed_key_id');
  if (managed !== null && key.managed === null)
    throw new UsageError('unsupported_parameter', `the key "${key.name}" is not a managed key`);
  return usingKey(await rotateKey(context, key), (changed) => answer(describeKey(changed)));
});

/** What keys/NAME and keys/NAME/import both take. @throws UsageError `bad_parameter`, `unsupported_parameter` */
export function creationSettings(context: EngineContext, name: string, data: JsonObject): Partial<Key> {
  refuseAutoRotation(context, name, data);
  return {
    derived: optionalBoolean(data, 'derived') ?? false,
    exportable: optionalBoolean(data, 'exportable') ?? false,
    plaintextBackup: optionalBoolean(data, 'allow_plaintext_backup') ?? false,
  };
}

/** @throws UsageError `unsupported_parameter` */
export function refuseAutoRotation(context: EngineContext, name: string, data: JsonObject): void {
  if ((optionalDuration(data, 'auto_rotate_period') ?? 0) === 0) return;
  throw new UsageError('unsupported_parameter', 'auto_rotate_period can only be 0: no server runs that could rotate', {
    hint: ['rotate from a timer with: ', { remedy: 'write-without-data' }, ` ${keyPath(context, name, '/rotate')}`],
  });
}

function keySize(data: JsonObject, type: KeyType): number {
  const given = optionalInteger(data, 'key_size', { min: 0 }) ?? 0;
  const { min, max, default: preset } = HMAC_KEY_BYTES;
  if (type.family !== 'hmac') {
    if (given !== 0) throw new UsageError('bad_parameter', `key_size is for keys of type hmac, not ${type.name}`);
    return 0;
  }
  if (given !== 0 && (given < min || given > max))
    throw new UsageError('bad_parameter', `key_size must be from ${min} to ${max} bytes`);
  return given || preset;
}
