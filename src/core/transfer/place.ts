import { kvVersion } from '../../engines/index.ts';
import { StoreError, UsageError } from '../../errors.ts';
import type { Mounts } from '../mounts/mounts.ts';
import type { Mount } from '../mounts/table.ts';

export function isKv(mount: Pick<Mount, 'type'>): boolean {
  return mount.type === 'kv';
}

export interface KvPlace {
  readonly mount: Mount;
  /** Below the mount. */
  readonly rest: string;
  /** The engine's path by which it is listed. */
  readonly listed: string;
}

/** What a path as `coffer kv` takes it names. @throws UsageError `bad_path`; StoreError `no_mount`, `not_kv` */
export function kvPlace(mounts: Pick<Mounts, 'resolve'>, path: string): KvPlace {
  const { mount, rest } = mounts.resolve(path);
  if (!isKv(mount)) {
    throw new StoreError('not_kv', `${mount.path} is a ${mount.type} engine, not kv`, {
      hint: 'see: coffer secrets list',
    });
  }
  return { mount, rest, listed: `${mount.path}${kvVersion(mount) === 2 ? 'metadata/' : ''}${rest}` };
}

/** The same for a secret. @throws UsageError `missing_path` where the path is that of a mount */
export function secretPlace(mounts: Pick<Mounts, 'resolve'>, path: string): KvPlace {
  const place = kvPlace(mounts, path);
  if (place.rest !== '') return place;
  throw new UsageError('missing_path', `${path} names a mount, but no secret in it`, {
    hint: 'name the secret after it: MOUNT/NAME',
  });
}
