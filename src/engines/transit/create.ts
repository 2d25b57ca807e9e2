import { StoreError, UsageError } from '../../errors.ts';
import type { EngineContext } from '../engine.ts';
import { generateVersion } from './generate.ts';
import { importCommand } from './hints.ts';
import { addVersion, type Key, refuseManaged } from './key.ts';
import { storeKey } from './key-row.ts';
import { derives, typeOf, wrongType } from './types.ts';

/** Adds the first version to a new key and stores it. @throws UsageError `unsupported_key_type`, `bad_parameter` */
export async function createKey(context: EngineContext, key: Key): Promise<Key> {
  checkDerivation(key);
  return addGenerated(context, key);
}

/** A further version. @throws StoreError `rotation_not_allowed` */
export async function rotateKey(context: EngineContext, key: Key): Promise<Key> {
  const hint = 'make another key object, and another key of type managed_key for it';
  refuseManaged(key, 'be rotated: its one version is one key object in the HSM', () => hint);
  if (key.imported && !key.importedRotation) {
    throw new StoreError('rotation_not_allowed', `the key "${key.name}" was imported and may not be rotated here`, {
      hint: importCommand(context, key.name),
    });
  }
  return addGenerated(context, { ...key, imported: false });
}

/** @throws UsageError `unsupported_key_type`, `bad_parameter` */
export function checkDerivation({ type, derived, convergent }: Key): void {
  const known = typeOf(type);
  if (derived && !derives(known)) throw wrongType(known, 'derivation');
  if (!convergent) return;
  if (known.family !== 'aead') throw wrongType(known, 'convergent encryption');
  if (!derived) {
    throw new UsageError('bad_parameter', 'convergent encryption needs a derived key', {
      hint: 'give derived=true for the key, and a context with every request',
    });
  }
}

async function addGenerated(context: EngineContext, key: Key): Promise<Key> {
  const changed = addVersion(key, await generateVersion(context, typeOf(key.type), key.keySize));
  await storeKey(context, changed);
  return changed;
}
