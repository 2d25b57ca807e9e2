import { StoreError } from '../../errors.ts';
import type { EngineContext } from '../engine.ts';
import { furtherVersion } from './hints.ts';
import type { FoundVersion, Key } from './key.ts';

/** Never empty; it stays the key's. @throws StoreError `no_hmac_key` */
export function hmacKey(context: EngineContext, key: Key, { number, version }: FoundVersion): Uint8Array {
  const secret = key.type === 'hmac' ? version.key : version.hmac;
  if (secret !== null && secret.length > 0) return secret;
  throw new StoreError('no_hmac_key', `version ${number} of the key "${key.name}" has no HMAC key`, {
    hint: ['the backup that it came from had none, and a further version has one; ', furtherVersion(context, key)],
  });
}
